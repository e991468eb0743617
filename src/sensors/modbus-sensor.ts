import type { Clock, SerialBus, TcpBus, Timer } from "../hal";
import { Quality, type QualityCode } from "../model/quality";
import type { Sample } from "../model/reading";
import { ModbusBuffer, ModbusCode, type ModbusFunction } from "./modbus";
import { ModbusBus, type ModbusFault, type ModbusTransaction } from "./modbus-bus";
import { ModbusRtu, type ModbusRtuSensor } from "./modbus-rtu";
import { ModbusTcp, type ModbusTcpSensor } from "./modbus-tcp";

/** A bus that several drivers share, and that none of them closes. */
export interface SharedModbus {
  bus: ModbusBus;
}

export interface ModbusSensorOptions {
  /**
   * A serial class and its pins; a TCP class with `address` or `host`; both with the settings of the bus (`timeoutMs`,
   * `retries` and so on). Or `{ bus }`, shared.
   */
  sensor: ModbusRtuSensor | ModbusTcpSensor | SharedModbus;
  clock: Clock;
  /** A sample, good or bad, can be read. The driver may be closed here. */
  onSample?: () => void;
  /** The port has failed, and the driver is finished. */
  onError?: (error?: unknown) => void;
}

export interface ModbusSensorConfiguration {
  /** The device's address, 1 to 247; over TCP 0 to 255. Default 1. */
  unit?: number;
  /**
   * Milliseconds from the beginning of one sample to that of the next, up to a day. 0: one good sample is enough, and
   * until it has come there is an attempt a second. Default 1000.
   */
  pollMs?: number;
  /**
   * How long all that is read may stay the same to the last bit, in at least 20 samples, before it counts as stuck;
   * 0 to a day in milliseconds, 0 never. Default 600000 for what measures AC: a grid's voltage is never so steady.
   */
  stuckMs?: number;
}

/** What a driver has counted since it was made. */
export interface ModbusSensorCounters {
  good: number;
  silent: number;
  partial: number;
  checksum: number;
  malformed: number;
  /** The device has refused. Its sample is `malformed`. */
  exception: number;
  implausible: number;
  /** Nothing has changed for too long. Its sample is `implausible`. */
  stuck: number;
  bus: number;
}

/** Why a sample is bad. */
export type SensorFault = ModbusFault | "implausible" | "stuck";

/** Registers to be read at one go. */
export interface Block {
  code: ModbusFunction;
  address: number;
  count: number;
  buffer: ModbusBuffer;
  /** What is read, a part of `buffer`. */
  data: Uint8Array;
  view: DataView;
}

const DEFAULT_POLL_MS = 1000;
const RETRY_MS = 1000;
const DAY_MS = 86_400_000;
const DEFAULT_STUCK_MS = 600_000;
const STUCK_SAMPLES = 20;
const MAX_UNIT = 255;

export function blockOf(address: number, count: number, code: ModbusFunction = ModbusCode.readInput): Block {
  const buffer = new ModbusBuffer(2 * count);
  const data = buffer.bytes.subarray(0, 2 * count);
  return { code, address, count, buffer, data, view: new DataView(data.buffer, 0, 2 * count) };
}

/** The driver's one request, filled anew for each question. */
class Question implements ModbusTransaction {
  attempts = 0;
  unit = 1;
  code: ModbusFunction = ModbusCode.readInput;
  address = 0;
  count = 0;
  data: Uint8Array = new Uint8Array(0);
  readonly #answered: (fault: ModbusFault | null) => void;

  constructor(answered: (fault: ModbusFault | null) => void) {
    this.#answered = answered;
  }

  onDone(fault: ModbusFault | null): void {
    this.#answered(fault);
  }
}

/**
 * What drivers of Modbus devices share, after ECMA-419's Sensor class pattern: one round of questions a sample, faults
 * as quality codes and counters, the next round in time.
 */
export abstract class ModbusSensor {
  abstract readonly identification: { readonly model: string; readonly classification: string };
  readonly counters: Readonly<ModbusSensorCounters>;
  readonly #name: string;
  readonly #counters: ModbusSensorCounters;
  readonly #clock: Clock;
  readonly #onSample: (() => void) | undefined;
  readonly #onError: ((error?: unknown) => void) | undefined;
  readonly #question = new Question((fault) => this.#onAnswer(fault));
  #bus: ModbusBus | undefined;
  readonly #isShared: boolean;
  #timer: Timer | undefined;
  #unit = 1;
  #pollMs = DEFAULT_POLL_MS;
  #stuckMs: number;
  #roundBegan = 0;
  #isInRound = false;
  #step = 0;
  #sample: Sample | undefined;
  /** Of all that the round has read, of the round before, since when it is the same, and in how many rounds. */
  #crc = 0;
  #lastCrc = -1;
  #sameSince = 0;
  #sameCount = 0;

  /** @param isAlternating its device measures AC, which is never the same for long. */
  constructor(name: string, options: ModbusSensorOptions, isAlternating: boolean) {
    const { sensor, clock, onSample, onError } = options;
    for (const [field, callback] of Object.entries({ onSample, onError })) {
      if (callback !== undefined && typeof callback !== "function")
        throw new TypeError(`${name}: ${field} is no function`);
    }
    if (typeof clock?.ticks !== "number" || typeof clock.set !== "function")
      throw new TypeError(`${name}: clock is no clock`);
    this.#name = name;
    this.#clock = clock;
    this.#onSample = onSample;
    this.#onError = onError;
    this.#stuckMs = isAlternating ? DEFAULT_STUCK_MS : 0;
    this.#counters = {
      ...{ good: 0, silent: 0, partial: 0, checksum: 0, malformed: 0, exception: 0 },
      ...{ implausible: 0, stuck: 0, bus: 0 },
    };
    this.counters = this.#counters;
    this.#isShared = sensor !== undefined && "bus" in sensor;
    this.#bus = openBus(name, sensor, clock, (error) => this.#fail(error));
    this.#schedule(0);
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: ModbusSensorConfiguration): void {
    const { unit = this.#unit, pollMs = this.#pollMs, stuckMs = this.#stuckMs } = options;
    this.checkInteger("unit", unit, 0, MAX_UNIT);
    this.checkInteger("pollMs", pollMs, 0, DAY_MS);
    this.checkInteger("stuckMs", stuckMs, 0, DAY_MS);
    this.#unit = unit;
    this.#pollMs = pollMs;
    this.#stuckMs = stuckMs;
  }

  /** Begins a round now, unless one is under way: for whoever has set `pollMs` to 0, and knows when to ask. */
  again(): void {
    if (!this.#bus || this.#isInRound) return;
    this.#clock.clear(this.#timer);
    this.#schedule(0);
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    const sample = this.#sample;
    this.#sample = undefined;
    return sample;
  }

  close(): void {
    this.#clock.clear(this.#timer);
    this.#timer = undefined;
    const bus = this.#bus;
    this.#bus = undefined;
    bus?.cancel(this.#question);
    if (!this.#isShared) bus?.close();
  }

  /** The block to be read in this step of a round, from 0, or undefined when the round is over. */
  protected abstract blockAt(step: number): Block | undefined;

  /** The block of this step has come, or has not. What is returned ends the round. */
  protected judge(_step: number, fault: ModbusFault | null): SensorFault | undefined {
    return fault ?? undefined;
  }

  /** The round is over: all that was read is to be put into `sample`. A fault makes it bad. */
  protected abstract fill(sample: Sample): SensorFault | undefined;

  /** A round has failed. */
  protected failed(_fault: SensorFault): void {}

  protected get bus(): ModbusBus | undefined {
    return this.#bus;
  }

  protected get unit(): number {
    return this.#unit;
  }

  protected checkInteger(field: string, value: number, low: number, high: number): void {
    if (Number.isInteger(value) && value >= low && value <= high) return;
    throw new RangeError(`${this.#name}: ${field} is ${value}, expected an integer from ${low} to ${high}`);
  }

  #schedule(ms: number): void {
    this.#timer = this.#clock.set(() => this.#begin(), ms);
  }

  #begin(): void {
    this.#timer = undefined;
    this.#isInRound = true;
    this.#roundBegan = this.#clock.ticks;
    this.#step = 0;
    this.#crc = 0;
    this.#ask();
  }

  #ask(): void {
    const block = this.blockAt(this.#step);
    if (!block) {
      this.#complete();
      return;
    }
    const question = this.#question;
    question.unit = this.#unit;
    question.code = block.code;
    question.address = block.address;
    question.count = block.count;
    question.data = block.data;
    // Of a shared bus, which its owner may have closed.
    if (this.#bus!.isClosed) this.#fail(new Error(`${this.#name}: the bus is closed`));
    else this.#bus!.request(question);
  }

  #onAnswer(fault: ModbusFault | null): void {
    const bus = this.#bus;
    if (!bus) return;
    if (fault === "bus" && bus.isClosed) {
      this.#fail(new Error(`${this.#name}: the bus has failed`));
      return;
    }
    const { buffer, data } = this.blockAt(this.#step)!;
    const crc = buffer.crc(data.byteOffset, data.byteOffset + data.length);
    if (fault === null) this.#crc = (this.#crc * 31 + crc) % 0x1_0000_0000;
    const bad = this.judge(this.#step, fault);
    if (bad) {
      this.#conclude(undefined, bad);
      return;
    }
    this.#step++;
    this.#ask();
  }

  #complete(): void {
    const sample: Sample = { quality: Quality.good, ticks: this.#clock.ticks };
    const fault = this.fill(sample) ?? (this.#isStuck() ? "stuck" : undefined);
    this.#conclude(sample, fault);
  }

  #isStuck(): boolean {
    const { ticks } = this.#clock;
    if (this.#crc !== this.#lastCrc) {
      this.#lastCrc = this.#crc;
      this.#sameSince = ticks;
      this.#sameCount = 0;
    }
    this.#sameCount++;
    const ms = ticks - this.#sameSince;
    return this.#stuckMs > 0 && ms >= this.#stuckMs && this.#sameCount >= STUCK_SAMPLES;
  }

  /** The round has ended, one way or the other. */
  #conclude(sample: Sample | undefined, fault: SensorFault | undefined): void {
    this.#isInRound = false;
    this.#counters[fault ?? "good"]++;
    if (fault) this.failed(fault);
    const isOnce = this.#pollMs === 0;
    if (!isOnce) this.#schedule(Math.max(this.#roundBegan + this.#pollMs - this.#clock.ticks, 0));
    else if (fault) this.#schedule(RETRY_MS);
    if (!fault) this.#sample = sample;
    else if (this.#sample?.quality === Quality.good) return;
    else this.#sample = { quality: qualityOf(fault), ticks: this.#clock.ticks };
    this.#onSample?.();
  }

  /** The port is lost for good. */
  #fail(error: unknown): void {
    if (!this.#bus) return;
    this.#counters.bus++;
    this.close();
    this.#onError?.(error);
  }
}

function qualityOf(fault: SensorFault): QualityCode {
  if (fault === "exception") return Quality.malformed;
  return fault === "stuck" ? Quality.implausible : Quality[fault];
}

function openBus(
  name: string,
  sensor: ModbusSensorOptions["sensor"] | undefined,
  clock: Clock,
  onError: (error?: unknown) => void,
): ModbusBus {
  if (sensor && "bus" in sensor) {
    if (sensor.bus instanceof ModbusBus) return sensor.bus;
    throw new TypeError(`${name}: sensor.bus is no Modbus bus`);
  }
  if (typeof (sensor as Partial<SerialBus | TcpBus> | undefined)?.io !== "function")
    throw new TypeError(`${name}: sensor.io is missing, expected a serial or a TCP class`);
  if ("address" in sensor! || "host" in sensor!)
    return new ModbusTcp({ sensor: sensor as ModbusTcpSensor, clock });
  return new ModbusRtu({ sensor: sensor as ModbusRtuSensor, clock, onError });
}
