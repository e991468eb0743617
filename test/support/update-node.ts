import { Bootloader } from "../../hal-mocks/boot";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { createFlash, Partition } from "../../hal-mocks/flash";
import { createKeyValue, type KeyValueStore } from "../../hal-mocks/key-value";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { Power, PowerLoss } from "../../hal-mocks/power";
import { RetainedMemory } from "../../hal-mocks/retained";
import type { Boot, Hal, ResetReason } from "../../src/hal";
import { INLINE_TABLE_BYTES, type UpdateKind } from "../../src/ota/package";
import { Updater } from "../../src/ota/updater";
import { blocksOf, encodeAnnouncement, encodeWithdrawal, sha256, tableOf } from "../../tools/ota/package";
import { stageToken } from "../../tools/ota/stages";
import { BLOCK, isMapped, mapArchive, mappedOf, nativeImage, tagOf } from "./images";
import { createSigner, IDENTITY, manifestOf, type Signer, signOffer } from "./updates";

/** What an image does, by its tag. `dead` never comes to its first line; under one that `starves` the supply gives way. */
export type Behaviour = "good" | "throws" | "hangs" | "silent" | "dead" | "starves";

const BLOCKS: Readonly<Record<string, number>> = {
  ...{ otadata: 2, ota_0: 4, ota_1: 4, xs: 4, mod_0: 4, mod_1: 4, update: 8 },
};
export const DEVICE = "node";
export const signer = createSigner();
/** A node that needs more boots than this goes round in circles. */
const MOST_BOOTS = 40;

/** A signed package, as a broker keeps it. */
export interface Package {
  kind: UpdateKind;
  version: number;
  image: Uint8Array;
  announcement: Uint8Array;
  /** The same, offered to a part of the nodes; of one that was packed with stages. */
  offeredTo: (percent: number) => Package;
}

const STAGE_SECRET = new Uint8Array(32).fill(9);

export function pack(
  kind: UpdateKind,
  version: number,
  image: Uint8Array,
  changed: Parameters<typeof manifestOf>[1] = {},
  by: Signer = signer,
  hasStages = false,
): Package {
  const base = kind === "app" ? { build: IDENTITY.build, engine: IDENTITY.engine } : undefined;
  const tokenOf = (percent: number) => stageToken(STAGE_SECRET, sha256(image), percent);
  const stages = hasStages ? { stageAnchor: tokenOf(0) } : {};
  const manifest = manifestOf(image, { kind, version, base, healthMs: 60_000, ...stages, ...changed });
  const offer = signOffer(manifest, by);
  const offeredTo = (percent: number): Package => {
    const token = hasStages ? tokenOf(percent) : new Uint8Array(0);
    const announcement = encodeAnnouncement({ offer, percent, token, table: tableOf(image) });
    return { kind, version, image, announcement, offeredTo };
  };
  return offeredTo(100);
}

function isWhole(bytes: Uint8Array, whole: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, whole.length), whole) === 0;
}

/** All that survives a boot. */
export interface Frozen {
  partitions: ReadonlyMap<string, Partition>;
  keyValue: KeyValueStore;
}

/**
 * A node as its updates see it: the bootloader, the engine's mapper in the SDK's order of writes, the firmware's
 * `Updater`, and a broker. Its images do what their tags say, at once; so every flash operation can be cut.
 */
export class UpdateNode {
  /** Of its partitions. */
  static readonly blocks = BLOCKS;
  readonly power = new Power();
  readonly partitions = new Map<string, Partition>();
  readonly keyValue: KeyValueStore = new Map();
  readonly log: string[] = [];
  /** What the broker keeps. */
  retained: Package | "withdrawn" | undefined;
  /** Blocks that have vanished from it, and such as it has wrong. */
  readonly lost = new Set<number>();
  readonly wrong = new Map<number, Uint8Array>();
  /** Happens when the power was cut, and is back. True ends `live` there. */
  onCut: () => boolean = () => false;
  /** Sleeps that are still to come. */
  left = 0;
  /** Changes what firmware gets of the bootloader, at each boot. */
  changeBoot: (boot: Boot) => void = () => {};
  /** What the platform says of a reset that firmware has asked for. */
  restartReason: ResetReason | undefined;
  /** Happens when an image has begun its trial. */
  onTrial: () => void = () => {};
  behaviours: Readonly<Record<number, Behaviour>> = {};
  /** Of native images, by their tags, where it is another one than IDENTITY says. */
  engines: Readonly<Record<number, string>> = {};
  /** Whether there is charge for a trial. */
  hasCharge = true;
  boots = 0;
  /** What ran: tags, 0 for the app that is built in. */
  readonly ran: { native: number; app: number }[] = [];
  updater: Updater | undefined;
  readonly #bootloader: Bootloader;
  readonly #clock = new TerminalClock(new VirtualClock(0, settleMicrotasks));
  /** The highest that were seen: of native images, apps and settings, and of the epoch. */
  floors: readonly number[] = [0, 0, 0, 0];
  #reset: ResetReason = "power";
  #hasRestarted = false;

  /** @param knowsTrials false for a bootloader without rollback. */
  constructor(from?: Frozen, sizes = UpdateNode.blocks, knowsTrials = true) {
    for (const [name, blocks] of Object.entries(sizes)) {
      const partition = new Partition({ byteLength: blocks * BLOCK });
      const before = from?.partitions.get(name);
      if (before) partition.copyFrom(before);
      partition.power = this.power;
      this.partitions.set(name, partition);
    }
    for (const [domain, values] of from?.keyValue ?? []) this.keyValue.set(domain, new Map(values));
    const slots = [this.partition("ota_0"), this.partition("ota_1")] as const;
    this.#bootloader = new Bootloader({ otadata: this.partition("otadata"), slots }, knowsTrials);
  }

  partition(name: string): Partition {
    return this.partitions.get(name)!;
  }

  freeze(): Frozen {
    const partitions = new Map<string, Partition>();
    for (const [name, { bytes }] of this.partitions) {
      const copy = new Partition({ byteLength: bytes.length });
      copy.copyFrom(this.partition(name));
      partitions.set(name, copy);
    }
    return { partitions, keyValue: new Map([...this.keyValue].map(([name, of]) => [name, new Map(of)])) };
  }

  /** Writes images as a factory does, before anything is counted. */
  flash(name: string, image: Uint8Array): void {
    const partition = this.partition(name);
    partition.erase(0, partition.erases.length);
    const padded = new Uint8Array(Math.ceil(image.length / 16) * 16).fill(0xff);
    padded.set(image);
    partition.write(padded, 0);
  }

  setting(name: string): unknown {
    return this.keyValue.get("config")?.get(name);
  }

  /**
   * Boots, fetches, installs, and boots again, until it has slept so many times. Of a cut, the rest follows with the
   * power back.
   * @throws Error when that does not end.
   */
  live(reset: ResetReason = "power", sessions = 2): void {
    this.#reset = reset;
    this.left = sessions;
    for (this.boots = 0; this.left; this.boots++) {
      if (this.boots > MOST_BOOTS) throw new Error(`it boots for ever: ${this.log.slice(-6).join("; ")}`);
      try {
        if (this.#boot()) this.left--;
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error;
        this.power.restore();
        this.#reset = "power";
        if (this.onCut()) return;
      }
    }
  }

  get #engine(): string {
    return this.engines[tagOf(this.#bootloader.running.bytes)] ?? IDENTITY.engine;
  }

  /** One boot. True when it ends in a sleep that nothing follows. */
  #boot(): boolean {
    this.#hasRestarted = false;
    this.#bootloader.start();
    const native = tagOf(this.#bootloader.running.bytes);
    if (!isWhole(this.#bootloader.running.bytes, nativeImage(native)))
      throw new Error(`native ${native} boots, and half of it is not there`);
    const behaviour = this.behaviours[native] ?? "good";
    if (behaviour === "dead") return this.#resets("watchdog");
    mapArchive(this.partition("xs"));
    const updater = Updater.of(this.#hal())!;
    this.updater = updater;
    this.#reset = "power";
    const hasRestarted = updater.begin("start");
    // Firmware catches what its flash throws, and goes on; here it has ended.
    this.power.check();
    if (hasRestarted) return false;
    const app = this.#loadApp(updater);
    this.ran.push({ native, app });
    this.#checkFloors(updater);
    if (updater.isOnTrial) this.onTrial();
    for (const does of [behaviour, this.behaviours[app] ?? "good"]) {
      if (does === "hangs") return this.#resets("watchdog");
      if (does === "starves" && updater.isOnTrial) return this.#resets("brown-out");
      if (does === "throws" && updater.isOnTrial) {
        updater.takeBack("threw");
        return false;
      }
      if (does === "silent" && updater.isOnTrial) {
        updater.takeBack("health");
        return false;
      }
    }
    if (updater.onReading(true)) updater.onDelivered();
    this.#session(updater);
    if (updater.isDue(this.hasCharge)) updater.proceed();
    this.power.check();
    if (this.#hasRestarted) return false;
    updater.close();
    return true;
  }

  #checkFloors(updater: Updater): void {
    const { floors, epoch } = updater.status as { floors: number[]; epoch: number };
    const now = [...floors, epoch];
    if (now.some((floor, index) => floor < this.floors[index]))
      throw new Error(`the floor falls from ${this.floors} to ${now}`);
    this.floors = now;
  }

  #resets(reason: ResetReason): boolean {
    this.#reset = reason;
    return false;
  }

  /** The tag of the app that runs. @throws Error when it is not wholly one that was made. */
  #loadApp(updater: Updater): number {
    const { bytes } = this.partition("xs");
    if (!updater.mayRunInstalled || !isMapped(bytes)) return 0;
    const tag = tagOf(bytes);
    if (!isWhole(bytes, mappedOf(tag))) throw new Error(`app ${tag} runs, and half of it is not there`);
    return tag;
  }

  #session(updater: Updater): void {
    updater.prepare(DEVICE, true);
    const { retained } = this;
    if (!retained) return;
    if (retained === "withdrawn") {
      updater.take(updater.offerTopic, encodeWithdrawal());
      return;
    }
    updater.take(updater.offerTopic, retained.announcement);
    const blocks = blocksOf(retained.image);
    const table = tableOf(retained.image);
    for (let asked = 0; asked < 64; asked++) {
      const topics = updater.wanted(4);
      if (!topics.length) return;
      for (const topic of topics) {
        const name = topic.slice(topic.lastIndexOf("/") + 1);
        if (name[0] === "t") {
          if (table.length <= INLINE_TABLE_BYTES) continue;
          const at = Number(name.slice(1)) * BLOCK;
          updater.take(topic, table.slice(at, at + BLOCK));
          continue;
        }
        const index = Number(name);
        if (this.lost.has(index)) continue;
        updater.take(topic, (this.wrong.get(index) ?? blocks[index]).slice());
      }
      if (topics.some((topic) => updater.wanted(64).includes(topic))) {
        updater.miss();
        return;
      }
    }
    throw new Error("it asks for ever");
  }

  #hal(): Hal {
    const flash = createFlash(
      new Map([
        ...this.partitions,
        ["running", this.#bootloader.running],
        ["nextota", this.#bootloader.next],
      ]),
    );
    const boot = this.#bootloader.connect((reason) => {
      this.#hasRestarted = true;
      this.#reset = this.restartReason ?? reason;
    });
    this.changeBoot(boot);
    return {
      ...{ clock: this.#clock, boot, crypto: nodeCrypto, resetReason: this.#reset },
      sleep: { deep: () => {} },
      retained: new RetainedMemory(),
      mac: "020000000001",
      random: () => 1,
      log: (line: string) => void this.log.push(line),
      buses: {},
      storage: { keyValue: createKeyValue(this.keyValue, undefined, this.power), flash },
      update: { ...IDENTITY, engine: this.#engine, keys: [signer.trusted] },
      network: { mqtt: {} } as Hal["network"],
    };
  }
}
