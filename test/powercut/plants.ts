import { HEADER_BYTES } from "../../src/comms/ring/layout";
import type { Flash, FlashStorage, MqttConstructor, MqttOptions, Retained } from "../../src/hal";
import { loadState, type State, saveState } from "../../src/lowpower/state";
import type { Seams } from "./node";

/** Faults at the firmware's seams: what it would be if it got these wrong. */
export const plants: Readonly<Record<string, Seams>> = {
  "a block's header before what it vouches for": { flash: withHeadersFirst },
  "an acknowledgement before the broker's": { mqtt: acknowledgingAtOnce },
  "seq in RAM only": {
    retained: (retained) =>
      inRam(retained, (state) => {
        state.seq = 0;
      }),
  },
  "seq kept only after the frame is stored": { retained: (retained) => exceptWhileStoring(retained) },
  "registers in RAM only": {
    retained: (retained) =>
      inRam(retained, ({ streams }) => {
        for (const { registers } of streams) registers.fill(0);
      }),
  },
};

/** A new block's header goes to flash before what was to be there first. */
function withHeadersFirst(storage: FlashStorage): FlashStorage {
  return {
    open(options) {
      const flash = storage.open(options);
      const { blockLength } = flash.status();
      const write = flash.write.bind(flash);
      let held: { bytes: Uint8Array; offset: number } | undefined;
      flash.write = (buffer, offset) => {
        const bytes = new Uint8Array(buffer as ArrayBuffer).slice();
        if (offset % blockLength === HEADER_BYTES && isFree(flash, offset - HEADER_BYTES)) {
          held = { bytes, offset };
          return;
        }
        write(bytes, offset);
        if (held) write(held.bytes, held.offset);
        held = undefined;
      };
      return flash;
    },
  };
}

function isFree(flash: Flash, offset: number): boolean {
  return new Uint8Array(flash.read(HEADER_BYTES, offset)).every((byte) => byte === 0xff);
}

/** A client that takes for acknowledged what it has sent. */
function acknowledgingAtOnce(io: MqttConstructor): MqttConstructor {
  return class extends io {
    readonly #onControl: MqttOptions["onControl"];

    constructor(options: MqttOptions) {
      const { onControl } = options;
      super({
        ...options,
        onControl: (message) => {
          if (message.operation !== io.PUBACK) onControl?.(message);
        },
      });
      this.#onControl = onControl;
    }

    override write(...[data, options]: Parameters<InstanceType<MqttConstructor>["write"]>): number {
      const room = super.write(data, options);
      if (options?.QoS) {
        const { id } = options;
        queueMicrotask(() => this.#onControl?.({ operation: io.PUBACK, id }));
      }
      return room;
    }
  };
}

/** Retained memory that loses at a reset what `lose` takes away; a sleep keeps it. */
function inRam(retained: Retained, lose: (state: State) => void): Retained {
  let ram: Uint8Array | undefined;
  return {
    byteLength: retained.byteLength,
    read: () => ram?.slice() ?? retained.read(),
    write(bytes) {
      ram = bytes.slice();
      const state = stateIn(bytes);
      lose(state);
      saveState(state, retained);
    },
  };
}

/** What says that a frame is under way is never written. */
function exceptWhileStoring(retained: Retained): Retained {
  return {
    byteLength: retained.byteLength,
    read: () => retained.read(),
    write(bytes) {
      if (stateIn(bytes).streams.every(({ storingId }) => !storingId)) retained.write(bytes);
    },
  };
}

function stateIn(bytes: Uint8Array): State {
  const state = loadState({ byteLength: bytes.length, read: () => bytes.slice(), write() {} });
  if (!state) throw new Error("what was to be retained is no state");
  return state;
}

/** A fault that no seam can make: a module's text, changed as it is bundled. */
export interface Patch {
  /** Of the module, from src/. */
  module: string;
  text: string;
  by: string;
}

export const patches: Readonly<Record<string, Patch>> = {
  "a record's checksum ignored at open": {
    module: "comms/ring/scan.ts",
    text: "return this.#words[this.#show(end, CRC_BYTES) >> 2] === crc;",
    by: "return crc === crc;",
  },
  "retained memory's checksum ignored at a boot": {
    module: "../hal-mocks/retained.ts",
    text: "return crc32(bytes) === this.#checksum ? bytes : undefined;",
    by: "return bytes;",
  },
  "registers missing from what is stored with a frame": {
    module: "comms/note.ts",
    text: "for (const register of stream.registers) at = writeNumber(bytes, at, register);",
    by: "for (const _ of stream.registers) at = writeNumber(bytes, at, 0);",
  },
  "a new epoch that is not said": {
    module: "comms/store.ts",
    text: "if (!state.isEpochUnsaid) return;",
    by: "if (state) return;",
  },
  "a dropped frame that is not stated": {
    module: "comms/outbox.ts",
    text: "const isLoss = stated.frames + stated.events > 0;",
    by: "const isLoss = false;",
  },
};

/** Faults of updates, and in which scenario they show. */
export const updatePatches: Readonly<Record<string, Patch & { scenario: string }>> = {
  // As the SDK does: its mark in the archive says that it is done, and it is written before the code is.
  "an app that counts as whole, whatever has come between": {
    module: "ota/installed-app.ts",
    text: 'state.mapping === Mapping.copied && resetReason === "software"',
    by: "state.mapping === Mapping.copied",
    scenario: "app install",
  },
  "a trial that is not counted before it begins": {
    module: "ota/trial.ts",
    text: "    this.#state.trials++;\n    this.#journal.save();\n    try {",
    by: "    this.#journal.save();\n    try {",
    scenario: "native that never starts",
  },
  "settings that are changed before the old ones are kept": {
    module: "ota/trial.ts",
    text: 'if (kind === "config") keepOld(',
    by: 'if (kind === "none" as string) keepOld(',
    scenario: "settings revert",
  },
  "a floor that falls when an image is taken back": {
    module: "ota/trial.ts",
    text: 'enter(state, "reverted", refusalCode(reason));',
    by: 'enter(state, "reverted", refusalCode(reason)); state.floorApp = 0;',
    scenario: "app revert",
  },
  "settings that a cut leaves half put back": {
    module: "ota/trial.ts",
    text: "if (state.isRestoring) this.#restoreSettings();\n    const phase",
    by: "const phase",
    scenario: "settings revert",
  },
  "an app that runs on any firmware": {
    module: "ota/trial.ts",
    text: "state.appBase === this.#base && state.mapping === Mapping.mapped",
    by: "state.mapping === Mapping.mapped",
    scenario: "native and app pair",
  },
  "an app whose digest is not kept": {
    module: "ota/trial.ts",
    text: "state.appDigest = state.digest;",
    by: "",
    scenario: "app revert",
  },
};
