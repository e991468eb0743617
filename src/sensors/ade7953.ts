import type { I2CBus } from "../hal";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { Counts } from "./counts";
import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOptions,
  type DriverCallbacks,
} from "./driver-options";
import { I2CRegisters } from "./i2c-registers";
import { isPlausibleCircuit, isPlausibleFrequency } from "./mains";
import { Polling } from "./polling";
import { Repeats } from "./repeats";

export interface Ade7953Options extends DriverCallbacks {
  /** The I2C class, and what its constructor needs. `address` is 0x38, which the chip always has, `hz` 400,000. */
  sensor: I2CBus;
  /**
   * Numbers that outlive the driver (see `Counts`), as many as its `counts` says: registers go on from there. Default: new
   * ones.
   */
  counts?: Float64Array;
}

export interface Ade7953Configuration {
  /** Milliseconds between polls, 200 to 30,000: at full scale an energy register overflows in 40 s. Default 1000. */
  pollMs?: number;
  /** Mains volts by volt at the chip's pin, 1 to 100,000. Default 991: 990 kΩ over 1 kΩ. */
  divider?: number;
  /** Volts at the chip's pins by ampere, 0.00001 to 10, of channel A and B. Default 0.0111: 30 A give 0.333 V. */
  voltsByAmpereA?: number;
  voltsByAmpereB?: number;
  /** The phase that names the channels' values, 1 to 3; 0 for none. Default 1 and 2: `p_l1` and `p_l2`. */
  phaseA?: number;
  phaseB?: number;
  /** The current transformer is the other way round. Default false. */
  reversedA?: boolean;
  reversedB?: boolean;
  /** A lower voltage is implausible, in V, 0 to 400. Default 50. */
  minimumVolts?: number;
  /**
   * What a circuit carries at most, in W, 1 to 10,000,000: how long a sleeper may sleep follows from it. Default full scale,
   * with which an energy register overflows in 40 s.
   */
  maximumWatts?: number;
}

/** What the driver has counted since it was made. */
export interface Ade7953Counters {
  polls: number;
  good: number;
  /** What answers does not keep its settings. */
  malformed: number;
  implausible: number;
  bus: number;
  /** The chip had forgotten its settings, and with them its energies. */
  resets: number;
  /** Energies of which an unknown part is lost: the bus failed when the chip had perhaps reset its register already. */
  uncertain: number;
  /** The chip gave the very same measurement again and again. */
  stuck: number;
}

/** Of `flags`: since the sample before, energy may be missing in the registers. */
export const ADE7953_ENERGY_UNCERTAIN = 1;

type Fault = "malformed" | "implausible" | "bus";

const ADDRESS = 0x38;
const HZ = 400_000;
const SHORTEST_POLL_MS = 200;
const LONGEST_POLL_MS = 30_000;
/** The filters need 200 ms: jibrilsharafi/EnergyMe-Home, ade7953.h, after the data sheet. */
const SETTLING_MS = 200;
/** The lowest bits are noise: equal measurements in a row are none. */
const STUCK_POLLS = 10;

// ADE7953 data sheet, as arendst/Tasmota and jibrilsharafi/EnergyMe-Home have it.
const LCYCMODE = 0x004;
const READ_WITH_RESET = 0x40;
const UNLOCK = 0x0fe;
const UNLOCK_CODE = 0xad;
const CONFIG = 0x102;
/** The high-pass filter is on, and the interface stays that which was used first. Its value after a reset is 8004. */
const CONFIG_LOCKED = 0x0004;
const PERIOD = 0x10e;
const OPTIMUM = 0x120;
const OPTIMUM_CODE = 0x0030;
const VRMS = 0x31c;
const PERIOD_HZ = 223_750;
const OVERFLOW = 0x08;
/** Full scale at the pins is 0.5 V peak; the registers are then: */
const FULL_SCALE_VOLTS = 0.5 * Math.SQRT1_2;
const RMS_FULL_SCALE = 9_032_007;
const POWER_FULL_SCALE = 4_862_401;
const ENERGY_FULL_SCALE_HZ = 206_900;
const SECONDS = 3600;
/** An energy register has 24 bits with a sign. */
const ENERGY_STEPS = 0x80_0000;
const DEFAULT_DIVIDER = 991;
const DEFAULT_VOLTS_BY_AMPERE = 0.0111;
const MAX_WATTS = 10_000_000;
/** Of `Counts`: whether the chip was set up, and whether energy may be missing since the sample before. */
const STATE = 0;
const SET_UP = 0;
const UNCERTAIN = 1;

/** One current channel: where its registers are, what they mean, and what was counted. */
interface Channel {
  readonly active: number;
  readonly reactive: number;
  readonly current: number;
  readonly energy: number;
  readonly status: number;
  names: { i: string; p: string; q: string; s: string; ei: string; ee: string };
  phase: number;
  voltsByAmpere: number;
  sign: number;
  /** Its import among the totals of `Counts`; export is the next one. */
  readonly imported: number;
  i: number;
  p: number;
  q: number;
}

/**
 * An ADE7953 with two current channels on one voltage, after ECMA-419's Sensor class pattern: `v` and `f`, and of each
 * channel `i`, `p`, `q`, `s` and, from the second poll on, `ei` and `ee`, which begin at 0, or go on from `counts`.
 *
 * Reading an energy register resets it, so a reading that fails on the bus may have taken energy with it: `uncertain`
 * counts that, and the next sample says so in `flags`, as it does when a register has overflowed, or the chip was set up
 * anew. That outlives the driver in `counts`.
 */
export class Ade7953 {
  static readonly counts = { raw: 1, totals: 4 } as const;
  readonly identification = { model: "ADE7953", classification: "PowerMeter" } as const;
  readonly counters: Readonly<Ade7953Counters>;
  readonly #counters: Ade7953Counters;
  readonly #polling: Polling;
  readonly #repeats = new Repeats(STUCK_POLLS);
  readonly #channels = [createChannel(0, 1), createChannel(1, 2)] as const;
  #registers: I2CRegisters | undefined;
  #divider = DEFAULT_DIVIDER;
  #minimumVolts = 50;
  readonly #counts: Counts;
  #isReady: boolean;
  /** In this poll. */
  #wasPrepared = false;
  #hasCounted: boolean;
  #volts = 0;
  #hertz = 0;
  #rawVolts = 0;
  #rawAmperes = 0;

  constructor(options: Ade7953Options) {
    checkOptions("ade7953", options, "an I2C");
    this.#counters = {
      ...{ polls: 0, good: 0, malformed: 0, implausible: 0, bus: 0 },
      ...{ resets: 0, uncertain: 0, stuck: 0 },
    };
    this.counters = this.#counters;
    this.#counts = new Counts("ade7953", Ade7953.counts, options.counts);
    // A driver before has set it up, and the chip has counted since: what it has forgotten is found at the first poll.
    this.#isReady = !Number.isNaN(this.#counts.raw(STATE));
    this.#hasCounted = this.#isReady || this.#counts.hasTotals;
    this.#polling = new Polling(options, () => this.#poll());
    this.#registers = new I2CRegisters(options.sensor, ADDRESS, HZ, 2);
    this.#polling.start();
  }

  /** Milliseconds in which an energy register overflows at the earliest. */
  static overflowMs(options: Ade7953Configuration): number {
    const { divider = DEFAULT_DIVIDER, maximumWatts = Number.POSITIVE_INFINITY } = options;
    const { voltsByAmpereA = DEFAULT_VOLTS_BY_AMPERE, voltsByAmpereB = DEFAULT_VOLTS_BY_AMPERE } = options;
    const fullScale = fullScaleWatts(divider, Math.max(voltsByAmpereA, voltsByAmpereB));
    const share = Math.min(maximumWatts / fullScale, 1);
    return Math.floor((ENERGY_STEPS / ENERGY_FULL_SCALE_HZ / share) * 1000);
  }

  /** @throws RangeError or TypeError that names the field; nothing has changed then. */
  configure(options: Ade7953Configuration): void {
    const [a, b] = this.#channels;
    const { pollMs = this.#polling.pollMs, divider = this.#divider } = options;
    const { minimumVolts = this.#minimumVolts, phaseA = a.phase, phaseB = b.phase } = options;
    const { voltsByAmpereA = a.voltsByAmpere, voltsByAmpereB = b.voltsByAmpere } = options;
    const { reversedA = a.sign < 0, reversedB = b.sign < 0 } = options;
    checkInteger("ade7953", "pollMs", pollMs, SHORTEST_POLL_MS, LONGEST_POLL_MS);
    checkNumber("ade7953", "divider", divider, 1, 100_000);
    checkNumber("ade7953", "voltsByAmpereA", voltsByAmpereA, 0.00001, 10);
    checkNumber("ade7953", "voltsByAmpereB", voltsByAmpereB, 0.00001, 10);
    checkInteger("ade7953", "phaseA", phaseA, 0, 3);
    checkInteger("ade7953", "phaseB", phaseB, 0, 3);
    if (phaseA === phaseB) throw new RangeError(`ade7953: phaseB is ${phaseB}, expected another than phaseA`);
    checkBoolean("ade7953", "reversedA", reversedA);
    checkBoolean("ade7953", "reversedB", reversedB);
    checkNumber("ade7953", "minimumVolts", minimumVolts, 0, 400);
    checkNumber("ade7953", "maximumWatts", options.maximumWatts ?? MAX_WATTS, 1, MAX_WATTS);
    this.#polling.configure("ade7953", pollMs, SHORTEST_POLL_MS);
    this.#divider = divider;
    this.#minimumVolts = minimumVolts;
    set(a, phaseA, voltsByAmpereA, reversedA);
    set(b, phaseB, voltsByAmpereB, reversedB);
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    return this.#polling.take();
  }

  close(): void {
    this.#polling.close();
    this.#registers?.close();
    this.#registers = undefined;
  }

  #poll(): void {
    this.#counters.polls++;
    this.#wasPrepared = false;
    if (this.#isReady) this.#measure();
    else this.#prepare();
  }

  #prepare(): void {
    this.#wasPrepared = true;
    if (this.#setUp(this.#registers!)) this.#polling.wait(SETTLING_MS, () => this.#measure());
    else this.#fail("bus");
  }

  /** What the energy registers hold is of a time that nobody knows. False when the bus has failed. */
  #setUp(registers: I2CRegisters): boolean {
    try {
      registers.write(CONFIG, CONFIG_LOCKED, 2);
      registers.write(UNLOCK, UNLOCK_CODE, 1);
      registers.write(OPTIMUM, OPTIMUM_CODE, 2);
      registers.write(LCYCMODE, READ_WITH_RESET, 1);
      for (const { energy, status } of this.#channels) {
        registers.readUnsigned(status, 4);
        registers.readSigned(energy, 4);
      }
    } catch {
      return false;
    }
    // Of a chip that had counted for registers that go on, what it held is lost.
    if (this.#counts.hasTotals && !this.#isUncertain) this.#doubt();
    else if (!this.#isUncertain) this.#counts.keep(STATE, SET_UP);
    this.#isReady = true;
    return true;
  }

  #measure(): void {
    const registers = this.#registers!;
    let isKnown: boolean;
    try {
      isKnown = registers.readUnsigned(CONFIG, 2) === CONFIG_LOCKED;
    } catch {
      this.#fail("bus");
      return;
    }
    if (!isKnown) {
      this.#onForgotten();
      return;
    }
    // Each register on its own: what fails with one must not take the other's energy.
    const isCounted = this.#countAll(registers);
    if (!this.#read(registers) || !isCounted) this.#fail("bus");
    else if (this.#isPlausible()) this.#succeed();
    else this.#fail("implausible");
  }

  #onForgotten(): void {
    if (this.#wasPrepared) {
      this.#isReady = false;
      this.#fail("malformed");
      return;
    }
    this.#counters.resets++;
    this.#doubt();
    this.#prepare();
  }

  #countAll(registers: I2CRegisters): boolean {
    let isGood = true;
    for (const channel of this.#channels) if (!this.#count(registers, channel)) isGood = false;
    return isGood;
  }

  #count(registers: I2CRegisters, channel: Channel): boolean {
    try {
      const steps = channel.sign * registers.readSigned(channel.energy, 4);
      const wattHours = (steps * this.#fullScaleWatts(channel)) / ENERGY_FULL_SCALE_HZ / SECONDS;
      this.#counts.add(channel.imported + (steps < 0 ? 1 : 0), Math.abs(wattHours));
      if (registers.readUnsigned(channel.status, 4) & OVERFLOW) this.#doubt();
      return true;
    } catch {
      this.#doubt();
      return false;
    }
  }

  /** Outlives the driver, until a sample has said it. */
  #doubt(): void {
    this.#counters.uncertain++;
    this.#counts.keep(STATE, UNCERTAIN);
  }

  get #isUncertain(): boolean {
    return this.#counts.raw(STATE) === UNCERTAIN;
  }

  #read(registers: I2CRegisters): boolean {
    try {
      this.#rawVolts = registers.readUnsigned(VRMS, 4);
      this.#volts = (this.#rawVolts * FULL_SCALE_VOLTS * this.#divider) / RMS_FULL_SCALE;
      this.#hertz = PERIOD_HZ / (registers.readUnsigned(PERIOD, 2) + 1);
      for (const channel of this.#channels) {
        const watts = this.#fullScaleWatts(channel) / POWER_FULL_SCALE;
        this.#rawAmperes = registers.readUnsigned(channel.current, 4);
        channel.i = (this.#rawAmperes * FULL_SCALE_VOLTS) / channel.voltsByAmpere / RMS_FULL_SCALE;
        channel.p = channel.sign * registers.readSigned(channel.active, 4) * watts;
        channel.q = channel.sign * registers.readSigned(channel.reactive, 4) * watts;
      }
      return true;
    } catch {
      return false;
    }
  }

  #fullScaleWatts({ voltsByAmpere }: Channel): number {
    return fullScaleWatts(this.#divider, voltsByAmpere);
  }

  #isPlausible(): boolean {
    if (this.#repeats.isStuck(this.#rawVolts, this.#rawAmperes)) {
      this.#counters.stuck++;
      return false;
    }
    if (this.#minimumVolts > 0 && !isPlausibleFrequency(this.#hertz)) return false;
    for (const { i, p } of this.#channels)
      if (!isPlausibleCircuit(this.#volts, i, p, this.#minimumVolts)) return false;
    return true;
  }

  #succeed(): void {
    this.#counters.good++;
    const sample = this.#polling.newSample();
    sample.v = this.#volts;
    if (isPlausibleFrequency(this.#hertz)) sample.f = this.#hertz;
    sample.flags = this.#isUncertain ? ADE7953_ENERGY_UNCERTAIN : 0;
    for (const channel of this.#channels) {
      const { names, i, p, q } = channel;
      sample[names.i] = i;
      sample[names.p] = p;
      sample[names.q] = q;
      sample[names.s] = this.#volts * i;
      if (!this.#hasCounted) continue;
      sample[names.ei] = this.#counts.total(channel.imported);
      sample[names.ee] = this.#counts.total(channel.imported + 1);
    }
    this.#hasCounted = true;
    this.#counts.keep(STATE, SET_UP);
    this.#polling.succeed(sample);
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    this.#polling.fail(Quality[fault]);
  }
}

function fullScaleWatts(divider: number, voltsByAmpere: number): number {
  return (FULL_SCALE_VOLTS * divider * FULL_SCALE_VOLTS) / voltsByAmpere;
}

/** @param index 0 for A, 1 for B: their registers are neighbours. */
function createChannel(index: number, phase: number): Channel {
  const channel: Channel = {
    ...{ active: 0x312 + index, reactive: 0x314 + index, current: 0x31a + index, energy: 0x31e + index },
    status: index ? 0x331 : 0x32e,
    names: namesOf(phase),
    imported: 2 * index,
    ...{ phase, voltsByAmpere: DEFAULT_VOLTS_BY_AMPERE, sign: 1, i: 0, p: 0, q: 0 },
  };
  return channel;
}

function set(channel: Channel, phase: number, voltsByAmpere: number, reversed: boolean): void {
  channel.phase = phase;
  channel.names = namesOf(phase);
  channel.voltsByAmpere = voltsByAmpere;
  channel.sign = reversed ? -1 : 1;
}

function namesOf(phase: number): Channel["names"] {
  const end = phase ? `_l${phase}` : "";
  return { i: `i${end}`, p: `p${end}`, q: `q${end}`, s: `s${end}`, ei: `ei${end}`, ee: `ee${end}` };
}
