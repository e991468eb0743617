import type { SerialBus } from "../hal";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { Counts } from "./counts";
import { checkBoolean, checkInteger, checkNumber } from "./driver-options";
import { isPlausibleCircuit, isPlausibleFrequency, reactivePower } from "./mains";
import { Polling } from "./polling";
import { SerialSensor, type SerialSensorOptions } from "./serial-sensor";

export interface Bl0942Options extends SerialSensorOptions {
  /** The serial class, and what its constructor needs. `baud` is 4800 unless given (SCLK_BPS pin low: 4800). */
  sensor: SerialBus;
  /**
   * Numbers that outlive the driver (see `Counts`), as many as its `counts` says: registers go on from there. Default: new
   * ones.
   */
  counts?: Float64Array;
}

export interface Bl0942Configuration {
  /** Milliseconds between polls, 100 to 86,400,000. Default 1000. */
  pollMs?: number;
  /** Of the chip, 0 to 3: its pins A2 and A1. Default 0. */
  address?: number;
  /** The shunt in milliohms, 0.01 to 100. Default 1. */
  shuntMilliohms?: number;
  /** Mains volts by volt at the chip's pin, 1 to 100,000. Default 3824.5: five times 390 kΩ over 510 Ω. */
  divider?: number;
  /** The board has the shunt the other way round, so that import is negative. Default false. */
  reversed?: boolean;
  /** A lower voltage is implausible, in V, 0 to 400. Default 50: the chip lives on the mains it measures. */
  minimumVolts?: number;
}

/** What the driver has counted since it was made. */
export interface Bl0942Counters {
  polls: number;
  good: number;
  silent: number;
  partial: number;
  checksum: number;
  implausible: number;
  /** The port refused the command. */
  bus: number;
  /** Bytes that belong to no answer. */
  discardedBytes: number;
  /** The chip's pulse counter went back, or further than power can: what it counted in between is unknown. */
  resets: number;
  /** The chip sent the very same measurement again and again. */
  stuck: number;
}

type Fault = "silent" | "partial" | "checksum" | "implausible" | "bus";

const BAUD = 4800;
const READ = 0x58;
const PACKET = 0xaa;
const HEAD = 0x55;
const ANSWER_BYTES = 23;
const CHUNK_BYTES = 32;
/** 23 bytes take 48 ms at 4800 baud, the command 4 ms. */
const TIMEOUT_MS = 150;
const SHORTEST_POLL_MS = 200;
/** The lowest bits are noise: equal measurements in a row are none. */
const STUCK_POLLS = 10;

// BL0942 data sheet V1.06: registers at a millivolt at the pins. ESPHome's bl0942.cpp (0b6826d) has the same constants, the
// pulse's 419430.4 among them, the sign of WATT, and the checksum that begins with the command and the address.
const REFERENCE = 1.218;
const CURRENT_BY_MILLIVOLT = 305_978 / REFERENCE;
const VOLTAGE_BY_MILLIVOLT = 73_989 / REFERENCE;
const POWER_BY_MILLIVOLTS = 3537 / (REFERENCE * REFERENCE);
/** One pulse takes 1638.4·256 / WATT seconds. */
const PULSE_WATT_SECONDS = 1638.4 * 256;
/** FREQ counts microseconds of a cycle. */
const FREQUENCY_HZ = 1_000_000;
const PULSES = 0x100_0000;
const MS_PER_HOUR = 3_600_000;
/** More has no circuit that one such chip measures, so such a count is none. */
const MAX_WATTS = 100_000;
/** Of `Counts`: the chip's pulses, the ticks at which they were read; import and export. */
const COUNTED = 0;
const COUNTED_AT = 1;
const IMPORTED = 0;
const EXPORTED = 1;
/** From here on there is a frequency to be measured. */
const MAINS_VOLTS = 50;

/**
 * A BL0942 single-phase meter, as in plugs (4800 baud, 8N1), after ECMA-419's Sensor class pattern: `v`, `i`, `p`, `q`
 * (without a sign), `s`, `pf`, `f`, and from the second poll on `ei` and `ee`, which begin at 0, or go on from `counts`.
 *
 * The chip counts pulses without a sign; they go to the side that the power has when they are read.
 */
export class Bl0942 extends SerialSensor {
  static readonly counts = { raw: 2, totals: 2 } as const;
  readonly identification = { model: "BL0942", classification: "PowerMeter" } as const;
  readonly counters: Readonly<Bl0942Counters>;
  readonly #counters: Bl0942Counters;
  protected readonly timing: Polling;

  readonly #command = Uint8Array.of(READ, PACKET);
  readonly #answer = new Uint8Array(ANSWER_BYTES);
  readonly #last = new Uint8Array(ANSWER_BYTES);
  #length = 0;
  #asked = false;
  #received = false;
  #damaged = false;
  #repeats = 0;

  #ampere = 0;
  #volt = 0;
  #watt = 0;
  #pulseWh = 0;
  #shuntMilliohms = 1;
  #divider = (5 * 390_000 + 510) / 510;
  #sign = 1;
  #minimumVolts = 50;

  readonly #counts: Counts;

  constructor(options: Bl0942Options) {
    super("bl0942", options, BAUD, CHUNK_BYTES);
    this.#counters = {
      ...{ polls: 0, good: 0, silent: 0, partial: 0, checksum: 0, implausible: 0, bus: 0 },
      ...{ discardedBytes: 0, resets: 0, stuck: 0 },
    };
    this.counters = this.#counters;
    this.#counts = new Counts("bl0942", Bl0942.counts, options.counts);
    this.#scale();
    this.timing = new Polling(options, () => this.#poll());
    this.timing.start();
  }

  /** @throws RangeError or TypeError that names the field; nothing has changed then. */
  configure(options: Bl0942Configuration): void {
    const { pollMs = this.timing.pollMs, address = this.#command[0] - READ } = options;
    const { shuntMilliohms = this.#shuntMilliohms, divider = this.#divider } = options;
    const { reversed = this.#sign < 0, minimumVolts = this.#minimumVolts } = options;
    checkInteger("bl0942", "address", address, 0, 3);
    checkNumber("bl0942", "shuntMilliohms", shuntMilliohms, 0.01, 100);
    checkNumber("bl0942", "divider", divider, 1, 100_000);
    checkBoolean("bl0942", "reversed", reversed);
    checkNumber("bl0942", "minimumVolts", minimumVolts, 0, 400);
    this.timing.configure("bl0942", pollMs, SHORTEST_POLL_MS);
    this.#command[0] = READ + address;
    this.#shuntMilliohms = shuntMilliohms;
    this.#divider = divider;
    this.#sign = reversed ? -1 : 1;
    this.#minimumVolts = minimumVolts;
    this.#scale();
  }

  #scale(): void {
    const millivoltsByVolt = 1000 / this.#divider;
    this.#ampere = CURRENT_BY_MILLIVOLT * this.#shuntMilliohms;
    this.#volt = VOLTAGE_BY_MILLIVOLT * millivoltsByVolt;
    this.#watt = POWER_BY_MILLIVOLTS * this.#shuntMilliohms * millivoltsByVolt;
    this.#pulseWh = PULSE_WATT_SECONDS / this.#watt / 3600;
  }

  #poll(): void {
    this.#counters.polls++;
    this.#length = 0;
    this.#received = false;
    this.#damaged = false;
    try {
      this.write(this.#command);
    } catch {
      this.#fail("bus");
      return;
    }
    this.#asked = true;
    this.timing.wait(TIMEOUT_MS, () => this.#onTimeout());
  }

  #onTimeout(): void {
    this.#asked = false;
    this.#fail(this.#damaged ? "checksum" : this.#received ? "partial" : "silent");
  }

  protected receive(byte: number): void {
    this.#received = true;
    if (!this.#asked || (this.#length === 0 && byte !== HEAD)) {
      this.#counters.discardedBytes++;
      return;
    }
    this.#answer[this.#length++] = byte;
    if (this.#length < ANSWER_BYTES) return;
    if (this.#isChecksumGood()) this.#accept();
    else this.#searchHead();
  }

  /** Behind noise that looked like a head the answer may still come. */
  #searchHead(): void {
    this.#damaged = true;
    const answer = this.#answer;
    const next = answer.indexOf(HEAD, 1);
    const from = next < 0 ? ANSWER_BYTES : next;
    answer.copyWithin(0, from);
    this.#length = ANSWER_BYTES - from;
    this.#counters.discardedBytes += from;
  }

  /** The inverse of the sum of all bytes, the command's first one among them. */
  #isChecksumGood(): boolean {
    let sum = this.#command[0];
    for (let index = 0; index < ANSWER_BYTES - 1; index++) sum += this.#answer[index];
    return (~sum & 0xff) === this.#answer[ANSWER_BYTES - 1];
  }

  #accept(): void {
    this.#asked = false;
    const answer = this.#answer;
    const i = unsigned(answer, 1, 3) / this.#ampere;
    const v = unsigned(answer, 4, 3) / this.#volt;
    const p = (this.#sign * ((unsigned(answer, 10, 3) << 8) >> 8)) / this.#watt;
    const f = FREQUENCY_HZ / Math.max(unsigned(answer, 16, 2), 1);
    const isStuck = this.#isStuck();
    const isMains = isPlausibleFrequency(f) || v < MAINS_VOLTS;
    if (isStuck || !isMains || !isPlausibleCircuit(v, i, p, this.#minimumVolts)) {
      this.#fail("implausible");
      return;
    }
    this.#counters.good++;
    this.timing.succeed(this.#newSample(v, i, p, f));
  }

  #newSample(v: number, i: number, p: number, f: number): Sample {
    const sample = this.timing.newSample();
    const s = v * i;
    sample.v = v;
    sample.i = i;
    sample.p = p;
    sample.q = reactivePower(s, p);
    sample.s = s;
    if (s > 0) sample.pf = Math.max(-1, Math.min(p / s, 1));
    if (isPlausibleFrequency(f)) sample.f = f;
    if (this.#count(unsigned(this.#answer, 13, 3), p)) {
      sample.ei = this.#counts.total(IMPORTED);
      sample.ee = this.#counts.total(EXPORTED);
    }
    return sample;
  }

  /** False at the first count, which is only a beginning. */
  #count(pulses: number, p: number): boolean {
    const counts = this.#counts;
    const { ticks } = this.timing.clock;
    const last = counts.raw(COUNTED);
    const ms = ticks - counts.raw(COUNTED_AT);
    counts.keep(COUNTED, pulses);
    counts.keep(COUNTED_AT, ticks);
    if (Number.isNaN(last) || ms < 0) return counts.hasTotals;
    const wattHours = ((pulses - last + PULSES) % PULSES) * this.#pulseWh;
    // One pulse may be due just now. The chip has lost its power, and began anew, when there are more.
    if (wattHours > this.#pulseWh + (MAX_WATTS * ms) / MS_PER_HOUR) this.#counters.resets++;
    else counts.add(p < 0 ? EXPORTED : IMPORTED, wattHours);
    return true;
  }

  #isStuck(): boolean {
    const { length } = this.#answer;
    let same = true;
    for (let index = 0; index < length && same; index++) same = this.#answer[index] === this.#last[index];
    this.#last.set(this.#answer);
    this.#repeats = same ? this.#repeats + 1 : 0;
    if (this.#repeats < STUCK_POLLS) return false;
    this.#counters.stuck++;
    return true;
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    this.timing.fail(Quality[fault]);
  }
}

/** Little-endian. */
function unsigned(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let index = at + length - 1; index >= at; index--) value = value * 256 + bytes[index];
  return value;
}
