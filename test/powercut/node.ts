import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { createFlash } from "../../hal-mocks/flash";
import { createKeyValue } from "../../hal-mocks/key-value";
import { Link } from "../../hal-mocks/link";
import { createMqtt } from "../../hal-mocks/mqtt";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { createNtp } from "../../hal-mocks/ntp";
import { createRandom } from "../../hal-mocks/random";
import { createSerial } from "../../hal-mocks/serial";
import { DeepSleep } from "../../hal-mocks/sleep";
import { createWiFi } from "../../hal-mocks/wifi";
import type { App } from "../../src/app/interface";
import { FRAME, HEAD_BYTES } from "../../src/comms/ring/record";
import type { FlashStorage, Hal, MqttConstructor, ResetReason, Retained, WakeReason } from "../../src/hal";
import { type Machine, NodeMachine } from "../../tools/sim/machine";
import { isMapped, mapArchive, mappedOf, nativeImage, tagOf } from "../support/images";
import { type BrokerMode, createBroker } from "./broker";
import type { History } from "./history";
import type { Memory } from "./memory";
import { meterAt } from "./meter";

export const DEVICE = "node";
export const SAMPLE_MS = 10_000;
export const SESSION_MS = 60_000;
const BATCH = 6;
/** Milliseconds behind the second at which the meter begins to speak. */
export const METER_OFFSET = 200;
const METER_3 = 2;
const RESTART_MS = 200;

export const config = {
  device: DEVICE,
  ssid: "street",
  p1Port: 1,
  backoffMs: 60_000,
  backoffMaxMs: 120_000,
  awakeMs: 15_000,
};

/** The plan of `app` as data: on XS an app is an image of its own. */
export const plan = {
  streams: [
    {
      ...{ point: 0, sensor: "p1" as const, profile: METER_3, sampleMs: SAMPLE_MS },
      ...{ timeoutMs: 5000, batch: BATCH, integrate: true },
    },
  ],
  sessionMs: SESSION_MS,
};

/** What stands between firmware and platform: where faults are planted. */
export interface Seams {
  flash?: (flash: FlashStorage) => FlashStorage;
  retained?: (retained: Retained) => Retained;
  mqtt?: (io: MqttConstructor) => MqttConstructor;
}

/** What a node that takes updates finds, and does with them. */
export interface NodeUpdates {
  /** What the broker keeps. */
  retained: (now: number) => ReadonlyMap<string, Uint8Array>;
  settings: NonNullable<Hal["update"]>;
  /** The tag of an app that throws at its first reading. */
  badApp: number;
  /** Sees what runs, at each boot: tags, 0 for the app that is built in. */
  onBoot: (native: number, app: number) => void;
  /** Whether nothing of an update is under way. */
  isSettled: (node: Node) => boolean;
}

export interface NodeOptions {
  memory: Memory;
  history: History;
  /** Virtual Unix milliseconds of its last power-on, and of this boot. */
  poweredAt: number;
  now: number;
  seams?: Seams;
  /** Default: the engine of this process. */
  machine?: (hal: Hal) => Machine;
  brokerMode?: (now: number) => BrokerMode;
  /** Whether anybody tells the time. */
  knowsTime?: (now: number) => boolean;
  updates?: NodeUpdates;
  resetReason?: ResetReason;
}

/** A whole node with its meter and its broker, from one boot on. */
export class Node {
  readonly clock: VirtualClock;
  readonly link = new Link();
  readonly #options: NodeOptions;
  readonly #ticks: TerminalClock;
  readonly #sleep = new DeepSleep();
  readonly #serial: ReturnType<typeof createSerial>;
  readonly #machine: Machine;
  readonly #log: string[] = [];
  wakes = 0;
  /** The broker has got a goodbye: a session has sent all there was. */
  #isDrained = false;
  #onDrained: () => void = () => {};
  #underWay: Uint8Array | undefined;
  #resetReason: ResetReason;
  #onRestart: (() => void) | undefined;

  constructor(options: NodeOptions) {
    const { memory, history, poweredAt, seams = {}, updates } = options;
    this.#options = options;
    this.#resetReason = options.resetReason ?? "power";
    const settle = () => this.#settle();
    this.clock = new VirtualClock(poweredAt, settle, settle);
    const { clock, link } = this;
    this.#ticks = new TerminalClock(clock);
    const meter = new P1Meter({
      clock,
      values: (time) => meterAt(Math.floor(time / 1000)),
      offset: METER_OFFSET,
    });
    this.#serial = createSerial(this.#ticks, new Map([[config.p1Port, meter]]));
    const { brokerMode = () => "good", knowsTime = () => true } = options;
    const broker = createBroker({
      mode: () => brokerMode(clock.now),
      onPublish: (topic, payload) => history.received.push({ topic, payload }),
      onGoodbye: () => {
        this.#isDrained = true;
      },
      retained: updates && (() => updates.retained(clock.now)),
    });
    const same = <T>(port: T) => port;
    const { flash = same, retained = same, mqtt = same } = seams;
    const none = { io: undefined };
    const hal: Hal = {
      clock: this.#ticks,
      sleep: this.#sleep,
      retained: retained(memory.retained),
      mac: "020000000001",
      random: createRandom(clock.now).uint32,
      log: (line) => this.#log.push(line),
      buses: { serial: { io: this.#serial } },
      storage: {
        keyValue: createKeyValue(memory.keyValue, undefined, memory.keyValuePower),
        flash: flash(this.#watched(this.#storage())),
      },
      network: {
        wifi: { io: createWiFi({ clock: this.#ticks, link }) },
        ntp: {
          io: createNtp({ clock, link, servers: () => (knowsTime(clock.now) ? () => 0 : undefined) }),
          ...{ dns: none, socket: none },
        },
        mqtt: { io: mqtt(createMqtt({ clock, link })), dns: none, socket: { io: broker } },
      },
    };
    if (updates) this.#connectUpdates(hal, updates);
    this.#machine =
      options.machine?.(hal) ?? new NodeMachine(hal, (mayInstalled) => this.#loadApps(mayInstalled));
  }

  #storage(): FlashStorage {
    const { memory } = this.#options;
    const outbox = new Map([["outbox", memory.flash]]);
    return memory.images?.storage(outbox) ?? createFlash(outbox);
  }

  #connectUpdates(hal: Hal, { settings }: NodeUpdates): void {
    hal.update = settings;
    hal.crypto = nodeCrypto;
    hal.boot = this.#options.memory.images!.bootloader.connect((reason) => {
      this.#resetReason = reason;
      this.#onRestart?.();
    });
    Object.defineProperty(hal, "resetReason", { get: () => this.#resetReason });
  }

  get memory(): Memory {
    return this.#options.memory;
  }

  /** The frame whose record is being written, as a witness at the flash itself sees it. */
  get underWay(): Uint8Array | undefined {
    return this.#underWay;
  }

  /** Runs for so long. */
  async pass(ms: number): Promise<void> {
    let failure: unknown;
    this.#begin().catch((error: unknown) => {
      failure = error;
    });
    await this.clock.runUntil(this.clock.now + ms);
    if (failure) throw failure;
  }

  /**
   * Runs until a session has sent everything and the node sleeps.
   * @throws Error when that has not come after `wakes` boots.
   */
  async recover(wakes: number): Promise<void> {
    const { poweredAt, now } = this.#options;
    if (now > poweredAt) await this.clock.runUntil(now);
    const drained = new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
    await this.clock.runFor(Promise.race([drained, this.#begin(wakes)]), "the end of the recovery");
  }

  async close(): Promise<void> {
    this.#halt();
    await this.#machine.close();
  }

  async #begin(wakes = Number.POSITIVE_INFINITY): Promise<never> {
    let reason: WakeReason = "start";
    for (;;) {
      if (++this.wakes > wakes)
        throw new Error(`not recovered after ${wakes} wakes: ${this.#log.join("; ")}`);
      if (await this.#restarts(reason)) {
        this.#halt();
        await new Promise<void>((resolve) => void this.clock.set(resolve, RESTART_MS));
        reason = "start";
        continue;
      }
      const { ms } = this.#sleep.request!;
      this.#resetReason = "sleep";
      const { updates } = this.#options;
      if (this.#isDrained && (updates?.isSettled(this) ?? true)) this.#onDrained();
      this.#halt();
      await new Promise<void>((resolve) => void this.clock.set(resolve, ms));
      this.#sleep.wake();
      reason = "timer";
    }
  }

  /** One boot. True when it ends in a restart, false when it ends in a deep sleep. */
  async #restarts(reason: WakeReason): Promise<boolean> {
    const { images } = this.memory;
    images?.start();
    if (images) mapArchive(images.partition("xs"));
    const restart = new Promise<boolean>((resolve) => {
      this.#onRestart = () => resolve(true);
    });
    // Offers are asked for as often as the state is said.
    const own = this.#options.updates ? { ...config, statusMs: SESSION_MS } : config;
    return await Promise.race([restart, this.#machine.live(own, reason).then(() => false)]);
  }

  /** What is in RAM, or is a connection, is gone. */
  #halt(): void {
    this.#ticks.reset();
    this.#serial.reset();
    this.link.reset();
  }

  async #settle(): Promise<void> {
    do await settleMicrotasks();
    while (this.#machine.runJobs());
  }

  /** The app that is installed, if there is one and it is whole, and the one that is built in. */
  #loadApps(mayInstalled: () => boolean): readonly App[] {
    const { updates } = this.#options;
    const { images } = this.memory;
    if (!updates || !images) return [this.#app()];
    const { bytes } = images.partition("xs");
    const tag = mayInstalled() && isMapped(bytes) ? tagOf(bytes) : 0;
    updates.onBoot(wholeTag(images.bootloader.running.bytes, nativeImage), tag && wholeTag(bytes, mappedOf));
    return tag ? [this.#app(tag === updates.badApp), this.#app()] : [this.#app()];
  }

  /** Says which readings were taken. */
  #app(isBad = false): App {
    const { taken } = this.#options.history;
    return () => ({
      plan,
      onReading: ({ sample: { clock } }) => {
        if (clock !== undefined) taken.push(clock);
        if (isBad) throw new Error("a bad release");
        return undefined;
      },
    });
  }

  #watched(storage: FlashStorage): FlashStorage {
    const { stored } = this.#options.history;
    return {
      open: (options) => {
        const flash = storage.open(options);
        const write = flash.write.bind(flash);
        flash.write = (buffer, offset) => {
          const payload = frameIn(new Uint8Array(buffer as ArrayBuffer));
          this.#underWay = payload;
          write(buffer, offset);
          this.#underWay = undefined;
          if (payload) stored.push({ payload, isWhole: true });
        };
        return flash;
      },
    };
  }
}

/** The tag of an image. @throws Error when it is not wholly the one that was made. */
function wholeTag(bytes: Uint8Array, make: (tag: number) => Uint8Array): number {
  const whole = make(tagOf(bytes));
  if (Buffer.compare(bytes.subarray(0, whole.length), whole))
    throw new Error(`image ${tagOf(bytes)} runs, and half of it is not there`);
  return tagOf(bytes);
}

/** The frame of a record. */
function frameIn(record: Uint8Array): Uint8Array | undefined {
  if (record[0] !== FRAME) return undefined;
  return record.slice(HEAD_BYTES, HEAD_BYTES + record[2] + 256 * record[3]);
}
