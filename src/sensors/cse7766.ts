import type { Clock, SerialBus } from "../hal";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { Counts } from "./counts";
import { checkInteger, checkNumber } from "./driver-options";
import { Listening } from "./listening";
import { isPlausibleCircuit, reactivePower } from "./mains";
import { SerialSensor, type SerialSensorOptions } from "./serial-sensor";

export interface Cse7766Options extends SerialSensorOptions {
  /**
   * The serial class, and what its constructor needs. `baud` is 4800 unless given. The chip sends an even parity bit
   * (8E1), which ECMA-419's Serial has no word for: a UART at 8N1 takes it for the stop bit and gives the same bytes,
   * with framing errors that ESP32 ignores. The checksum stands in for the parity.
   */
  sensor: SerialBus;
  /**
   * Numbers that outlive the driver (see `Counts`), as many as its `counts` says: registers go on from there. Default: new
   * ones.
   */
  counts?: Float64Array;
}

export interface Cse7766Configuration {
  /** Milliseconds from one good sample to the next, 0 to 86,400,000: the chip sends some 18 frames a second. Default 1000. */
  pollMs?: number;
  /** A chip that has sent nothing readable for as many milliseconds is silent, 100 to 86,400,000. Default 2000. */
  silentMs?: number;
  /** The shunt in milliohms, 0.01 to 100. Default 1. */
  shuntMilliohms?: number;
  /** The upper resistor of the voltage divider over 1 kΩ, in kΩ, 1 to 100,000. Default 1000. */
  dividerKiloohms?: number;
  /** A lower voltage is implausible, in V, 0 to 400. Default 50: the chip lives on the mains it measures. */
  minimumVolts?: number;
}

/** What the driver has counted since it was made. */
export interface Cse7766Counters {
  /** Whole frames, good or bad. */
  frames: number;
  good: number;
  silent: number;
  checksum: number;
  /** The chip says that it is broken, or not calibrated. */
  malformed: number;
  implausible: number;
  /** Frames before the chip has measured a first cycle of voltage. */
  incomplete: number;
  /** Bytes that belong to no frame. */
  discardedBytes: number;
  /** The pulse counter jumped further than any circuit can: the chip began anew. */
  resets: number;
  /** Power flows, it says, and its pulse counter stands still: it repeats itself. */
  stuck: number;
}

type Fault = "silent" | "checksum" | "malformed" | "implausible";

// CSE7766 data sheet, as esphome/esphome (cse7766.cpp) and arendst/Tasmota have it: 24 bytes at 4800 baud, 8E1.
const BAUD = 4800;
const FRAME_BYTES = 24;
const CHUNK_BYTES = 64;
const CHECK = 0x5a;
const NORMAL = 0x55;
const NOT_CALIBRATED = 0xaa;
/** The high nibble of a head whose low one tells what is out of range. */
const OUT_OF_RANGE = 0xf0;
const POWER_OUT_OF_RANGE = 0x02;
const BROKEN = 0x0d;
/** Bits of the ADJ byte: a whole cycle was measured; the highest one flips when the pulse counter overflows. */
const HAS_POWER = 0x10;
const HAS_CURRENT = 0x20;
const HAS_VOLTAGE = 0x40;
const OVERFLOW_BIT = 0x80;
const PULSES = 0x2_0000;
/** Of `Counts`: the chip's pulses, and the ticks at which they were read. */
const COUNTED = 0;
const COUNTED_AT = 1;
/** The smallest current that is measured. */
const MIN_AMPERES = 0.05;
/** No plug or relay with this chip carries more. */
const MAX_WATTS = 20_000;
/** So many pulses must not be owed for so long. */
const STUCK_PULSES = 20;
const STUCK_MS = 10_000;
/** Nor, for long, more than 25 A: a counter that says so began anew. With 1 mΩ and 1 MΩ it holds 195 Wh. */
const MAX_COUNTED_WATTS = 6000;
const DEFAULT_SILENT_MS = 2000;
const SHORTEST_SILENT_MS = 100;
const LONGEST_MS = 86_400_000;
const WATT_SECONDS_PER_WH = 3600;

/**
 * A CSE7766 single-phase meter, as in plugs, which talks by itself, after ECMA-419's Sensor class pattern: `v`, `i`,
 * `p`, `q` (without a sign), `s`, `pf`, and from the second frame on `ei`, which begins at 0, or goes on from `counts`.
 * It does not tell import from export. Below 5 W or so a cycle of power outlasts many frames: the power is then the
 * last whole cycle's, or less if the one under way shows that.
 */
export class Cse7766 extends SerialSensor {
  static readonly counts = { raw: 2, totals: 1 } as const;
  readonly identification = { model: "CSE7766", classification: "PowerMeter" } as const;
  readonly counters: Readonly<Cse7766Counters>;
  readonly #counters: Cse7766Counters;
  protected readonly timing: Listening;
  readonly #clock: Clock;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  #length = 0;

  #pollMs = 1000;
  #shuntMilliohms = 1;
  #dividerKiloohms = 1000;
  #minimumVolts = 50;

  #power = Number.NaN;
  readonly #counts: Counts;
  #hasEnergy: boolean;
  /** The pulse counter as it was when it moved last, and when; joules that have flowed since, and up to which frame. */
  #stillAt = Number.NaN;
  #movedAt = 0;
  #owed = 0;
  #owedAt = 0;

  #lastGood = Number.NEGATIVE_INFINITY;

  constructor(options: Cse7766Options) {
    super("cse7766", options, BAUD, CHUNK_BYTES);
    this.#clock = options.clock;
    this.#counters = {
      ...{ frames: 0, good: 0, silent: 0, checksum: 0, malformed: 0, implausible: 0 },
      ...{ incomplete: 0, discardedBytes: 0, resets: 0, stuck: 0 },
    };
    this.counters = this.#counters;
    this.#counts = new Counts("cse7766", Cse7766.counts, options.counts);
    this.#hasEnergy = this.#counts.hasTotals;
    this.timing = new Listening(options, DEFAULT_SILENT_MS, () => this.#fail("silent"));
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: Cse7766Configuration): void {
    const { pollMs = this.#pollMs, minimumVolts = this.#minimumVolts } = options;
    const { shuntMilliohms = this.#shuntMilliohms, dividerKiloohms = this.#dividerKiloohms } = options;
    checkInteger("cse7766", "pollMs", pollMs, 0, LONGEST_MS);
    checkNumber("cse7766", "shuntMilliohms", shuntMilliohms, 0.01, 100);
    checkNumber("cse7766", "dividerKiloohms", dividerKiloohms, 1, 100_000);
    checkNumber("cse7766", "minimumVolts", minimumVolts, 0, 400);
    this.timing.configure("cse7766", options.silentMs ?? this.timing.silentMs, SHORTEST_SILENT_MS);
    this.#pollMs = pollMs;
    this.#shuntMilliohms = shuntMilliohms;
    this.#dividerKiloohms = dividerKiloohms;
    this.#minimumVolts = minimumVolts;
  }

  protected receive(byte: number): void {
    const frame = this.#frame;
    frame[this.#length++] = byte;
    while (this.#length > 0 && !this.#mayBegin()) this.#discard();
    if (this.#length < FRAME_BYTES) return;
    this.#counters.frames++;
    if (!this.#isChecksumGood()) {
      this.#fail("checksum");
      do this.#discard();
      while (this.#length > 0 && !this.#mayBegin());
      return;
    }
    this.#length = 0;
    this.#accept();
  }

  #mayBegin(): boolean {
    // By index, with each byte that comes: an iterator would be the most that this driver costs.
    const head = this.#frame[0];
    if (head !== NORMAL && head !== NOT_CALIBRATED && (head & OUT_OF_RANGE) !== OUT_OF_RANGE) return false;
    return this.#length < 2 || this.#frame[1] === CHECK;
  }

  #discard(): void {
    this.#counters.discardedBytes++;
    this.#frame.copyWithin(0, 1);
    this.#length--;
  }

  #isChecksumGood(): boolean {
    let sum = 0;
    for (let index = 2; index < FRAME_BYTES - 1; index++) sum += this.#frame[index];
    return (sum & 0xff) === this.#frame[FRAME_BYTES - 1];
  }

  #accept(): void {
    const frame = this.#frame;
    const head = frame[0];
    const outOfRange = (head & OUT_OF_RANGE) === OUT_OF_RANGE ? head & ~OUT_OF_RANGE : 0;
    if (head === NOT_CALIBRATED || outOfRange & BROKEN) {
      this.timing.hear();
      this.#fail("malformed");
      return;
    }
    const flags = frame[20];
    if (!(flags & HAS_VOLTAGE)) {
      this.#counters.incomplete++;
      return;
    }
    this.timing.hear();
    const v = (ratio(frame, 2) * this.#dividerKiloohms) / 1000;
    const amperes = flags & HAS_CURRENT ? ratio(frame, 8) / this.#shuntMilliohms : Number.NaN;
    const i = amperes < MIN_AMPERES ? 0 : amperes;
    this.#measurePower((outOfRange & POWER_OUT_OF_RANGE) !== 0, (flags & HAS_POWER) !== 0);
    this.#deliver(v, i, this.#power);
  }

  #deliver(v: number, i: number, p: number): void {
    // Below the smallest current something may flow; while its cycle is not whole, anything.
    const amperes = Number.isNaN(i) ? MAX_WATTS / v : Math.max(i, MIN_AMPERES);
    if (!isPlausibleCircuit(v, amperes, Number.isNaN(p) ? 0 : p, this.#minimumVolts)) {
      this.#fail("implausible");
      return;
    }
    if (this.#isStuck(p)) {
      this.#counters.stuck++;
      this.#fail("implausible");
      return;
    }
    this.#counters.good++;
    this.#count();
    const { ticks } = this.#clock;
    if (ticks - this.#lastGood < this.#pollMs) return;
    this.#lastGood = ticks;
    this.timing.succeed(this.#newSample(v, i, p));
  }

  #measurePower(isZero: boolean, isWhole: boolean): void {
    if (isZero) {
      this.#power = 0;
      return;
    }
    const watts = (ratio(this.#frame, 14) * this.#dividerKiloohms) / 1000 / this.#shuntMilliohms;
    if (isWhole) this.#power = watts;
    else if (this.#power > watts) this.#power = watts;
  }

  #newSample(v: number, i: number, p: number): Sample {
    const sample = this.timing.newSample();
    sample.v = v;
    if (!Number.isNaN(i)) sample.i = i;
    if (!Number.isNaN(p)) sample.p = p;
    const s = v * i;
    if (!Number.isNaN(s)) {
      sample.s = s;
      if (!Number.isNaN(p) && s > 0) {
        sample.q = reactivePower(s, p);
        sample.pf = Math.min(p / s, 1);
      }
    }
    if (this.#hasEnergy) sample.ei = this.#counts.total(0);
    return sample;
  }

  #isStuck(p: number): boolean {
    const { ticks } = this.#clock;
    const pulses = this.#pulses;
    if (pulses !== this.#stillAt || ticks < this.#owedAt) {
      this.#stillAt = pulses;
      this.#movedAt = ticks;
      this.#owed = 0;
    } else if (p > 0) this.#owed += (p * (ticks - this.#owedAt)) / 1000;
    this.#owedAt = ticks;
    return ticks - this.#movedAt >= STUCK_MS && this.#owed > STUCK_PULSES * this.#pulseJoules;
  }

  get #pulses(): number {
    const frame = this.#frame;
    return (frame[20] & OVERFLOW_BIT ? PULSES / 2 : 0) + frame[21] * 256 + frame[22];
  }

  /** A pulse is worth a cycle's energy: the coefficient of power in microjoules. */
  get #pulseJoules(): number {
    return (unsigned24(this.#frame, 14) / 1e6) * (this.#dividerKiloohms / 1000 / this.#shuntMilliohms);
  }

  #count(): void {
    const pulses = this.#pulses;
    const { ticks } = this.#clock;
    const counts = this.#counts;
    const last = counts.raw(COUNTED);
    const since = ticks - counts.raw(COUNTED_AT);
    counts.keep(COUNTED, pulses);
    counts.keep(COUNTED_AT, ticks);
    if (Number.isNaN(last) || since < 0) return;
    const joules = this.#pulseJoules;
    const more = ((pulses - last + PULSES) % PULSES) * joules;
    this.#hasEnergy = true;
    if (more > joules + (MAX_COUNTED_WATTS * since) / 1000) this.#counters.resets++;
    else counts.add(0, more / WATT_SECONDS_PER_WH);
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    this.timing.fail(Quality[fault]);
  }
}

/** Coefficient over cycle. */
function ratio(frame: Uint8Array, at: number): number {
  return unsigned24(frame, at) / Math.max(unsigned24(frame, at + 3), 1);
}

function unsigned24(bytes: Uint8Array, at: number): number {
  return bytes[at] * 65_536 + bytes[at + 1] * 256 + bytes[at + 2];
}
