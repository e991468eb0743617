import { BLOCK_BYTES, Partition } from "../../hal-mocks/flash";
import type { KeyValueStore } from "../../hal-mocks/key-value";
import { type CutMoment, Power } from "../../hal-mocks/power";
import { createRandom } from "../../hal-mocks/random";
import { RetainedMemory } from "../../hal-mocks/retained";

const BLOCKS = 6;

/** What an operation changes. */
export type Part = "flash" | "keyValue" | "retained";

/** All that survives a boot, as it was at one moment. Nobody changes it; what is the same is the same object. */
export interface Frozen {
  readonly flash: Partition;
  readonly keyValue: KeyValueStore;
  readonly retained: RetainedMemory;
}

/** Sees each moment of an operation at which the power may go, with the memory as it is then. */
export type OnMoment = (part: Part, moment: CutMoment, frozen: Frozen) => void;

/** One node's flash, key-value store and retained memory, with a witness of every change. */
export class Memory {
  readonly flash = new Partition({ byteLength: BLOCKS * BLOCK_BYTES });
  readonly keyValue: KeyValueStore = new Map();
  readonly retained = new RetainedMemory();
  readonly keyValuePower: Power;
  /** Changes so far. */
  operations = 0;
  onMoment: OnMoment | undefined;
  #frozen: Frozen;

  /** @param from what is there at the beginning; by default all is erased. */
  constructor(from?: Frozen) {
    this.#frozen = from ?? {
      flash: copyFlash(this.flash),
      keyValue: new Map(),
      retained: new RetainedMemory(),
    };
    for (const part of ["flash", "keyValue", "retained"] as const) this.#become(part, this.#frozen);
    this.flash.power = this.#power("flash");
    this.retained.power = this.#power("retained");
    this.keyValuePower = this.#power("keyValue");
  }

  #power(part: Part): Power {
    return new WatchedPower((whole, torn) => this.#change(part, whole, torn));
  }

  #change(part: Part, whole: () => void, torn: ((seed: number) => void) | undefined): void {
    const operation = this.operations++;
    const { onMoment } = this;
    if (!onMoment) {
      whole();
      return;
    }
    const before = this.#frozen;
    onMoment(part, "before", before);
    if (torn) {
      torn(operation);
      onMoment(part, "torn", this.#freeze(part));
      this.#become(part, before);
    }
    whole();
    this.#frozen = this.#freeze(part);
    onMoment(part, "after", this.#frozen);
  }

  #freeze(part: Part): Frozen {
    const { flash, keyValue, retained } = this;
    if (part === "flash") return { ...this.#frozen, flash: copyFlash(flash) };
    if (part === "retained") return { ...this.#frozen, retained: copyRetained(retained) };
    return { ...this.#frozen, keyValue: copyKeyValue(keyValue) };
  }

  #become(part: Part, { flash, keyValue, retained }: Frozen): void {
    if (part === "flash") this.flash.copyFrom(flash);
    else if (part === "retained") this.retained.copyFrom(retained);
    else {
      this.keyValue.clear();
      for (const [domain, values] of keyValue) this.keyValue.set(domain, new Map(values));
    }
  }
}

/** A supply that never goes: what would be there if it went is kept instead, and the firmware goes on. */
class WatchedPower extends Power {
  readonly #onChange: (whole: () => void, torn: ((seed: number) => void) | undefined) => void;

  constructor(onChange: (whole: () => void, torn: ((seed: number) => void) | undefined) => void) {
    super();
    this.#onChange = onChange;
  }

  override change(...[whole, torn]: Parameters<Power["change"]>): void {
    this.#onChange(whole, torn && ((seed) => torn(createRandom(seed))));
  }
}

/** As the loss of all power leaves it. */
export function withoutPower(frozen: Frozen): Frozen {
  return { ...frozen, retained: new RetainedMemory() };
}

function copyFlash(flash: Partition): Partition {
  const copy = new Partition({ byteLength: flash.bytes.length });
  copy.copyFrom(flash);
  return copy;
}

function copyRetained(retained: RetainedMemory): RetainedMemory {
  const copy = new RetainedMemory();
  copy.copyFrom(retained);
  return copy;
}

function copyKeyValue(store: KeyValueStore): KeyValueStore {
  return new Map([...store].map(([domain, values]) => [domain, new Map(values)]));
}
