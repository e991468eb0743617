import type { I2CBus } from "../hal";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { Counts } from "./counts";
import { checkChoice, checkNumber, checkOptions, type DriverCallbacks } from "./driver-options";
import { I2CRegisters } from "./i2c-registers";
import { INA_ADDRESS, INA_AVERAGES, INA_HZ, measurementMs, TEXAS_INSTRUMENTS } from "./ina2xx";
import { Polling } from "./polling";

export interface Ina228Options extends DriverCallbacks {
  /** The I2C class, and what its constructor needs. `address` is 0x40 unless given, `hz` 400,000. */
  sensor: I2CBus;
  /**
   * Numbers that outlive the driver (see `Counts`), as many as its `counts` says: registers go on from there. Default: new
   * ones.
   */
  counts?: Float64Array;
}

export interface Ina228Configuration {
  /** Milliseconds between polls, at least what a measurement takes, to 86,400,000. Default 1000. */
  pollMs?: number;
  /** The shunt in ohms, 0.000001 to 10. Default 0.015. */
  shuntOhms?: number;
  /** The largest current in A, 0.001 to 10,000: with the shunt no more than 163.84 mV. Default 10. */
  maximumAmperes?: number;
  /** Of how many conversions of 3·1.052 ms a measurement is the mean: 1, 4, 16, 64, 128, 256, 512 or 1024. Default 64. */
  averages?: number;
}

/** What the driver has counted since it was made. */
export interface Ina228Counters {
  polls: number;
  good: number;
  /** The chip has made no new measurement. */
  silent: number;
  /** Another chip answers, or one that keeps no settings, or whose trim memory is damaged. */
  malformed: number;
  /** Beyond what the chip can measure or compute. */
  implausible: number;
  bus: number;
  /** The chip had forgotten its settings: what it counted in between is unknown. */
  resets: number;
}

type Fault = "silent" | "malformed" | "implausible" | "bus";

// INA228 data sheet SLYS021A, clause 7.6.1; steps and factors are those of ESPHome's ina2xx_base.cpp (0e9ac88), too.
const CONFIG = 0x00;
const ADC_CONFIG = 0x01;
const SHUNT_CAL = 0x02;
const VBUS = 0x05;
const CURRENT = 0x07;
const POWER = 0x08;
const ENERGY = 0x09;
const CHARGE = 0x0a;
const DIAG_ALRT = 0x0b;
const MANUFACTURER_ID = 0x3e;
const DEVICE_ID = 0x3f;
const DEVICE = 0x228;
/** ±40.96 mV at the shunt in place of ±163.84 mV. */
const ADCRANGE = 0x0010;
const NARROW_VOLTS = 0.04096;
const WIDE_VOLTS = 0.16384;
/** Bus, shunt and temperature without end, each in 1052 µs. */
const CONTINUOUS = 0xf000 | (5 << 9) | (5 << 6) | (5 << 3);
/** Of 1.052 ms; the oscillator is off by 1 % at most. */
const CONVERSIONS_MS = 3 * 1.052 * 1.01;
const MEMORY_GOOD = 0x0001;
const CONVERSION_READY = 0x0002;
const MATH_OVERFLOW = 0x0200;
// Clause 8.1.2.
const SHUNT_CAL_SCALE = 13_107.2e6;
const SHUNT_CAL_LIMIT = 0x7fff;
const CURRENT_STEPS = 2 ** 19;
const BUS_VOLT = 195.3125e-6;
const POWER_BY_CURRENT = 3.2;
const ENERGY_BY_POWER = 16;
/** The input's limit. */
const BUS_LIMIT = 85 / BUS_VOLT;
const COUNTS = 2 ** 40;
const SECONDS = 3600;
// Of `Counts`: both registers as they were read last; charge and energy, in and out.
const CHARGED = 0;
const POWERED = 1;
const IN = 0;
const OUT = 1;
const ENERGY_IN = 2;
const ENERGY_OUT = 3;

/**
 * An INA228, which measures and counts what flows in and out of a battery, after ECMA-419's Sensor class pattern: `dcv`,
 * `dci` and `dcp`, and from the second poll on `ahi`, `ahe`, `dcei` and `dcee`, which begin at 0, or go on from `counts`.
 * Positive flows from IN+ to IN−; have that charge the battery.
 *
 * The chip counts charge with its sign, and energy without: between two polls all of it has the sign of the charge.
 */
export class Ina228 {
  static readonly counts = { raw: 2, totals: 4 } as const;
  readonly identification = { model: "INA228", classification: "DCPowerMeter" } as const;
  readonly counters: Readonly<Ina228Counters>;
  readonly #counters: Ina228Counters;
  readonly #polling: Polling;
  #registers: I2CRegisters | undefined;
  #hasPolled = false;
  #isReady = false;
  /** In this poll. */
  #wasPrepared = false;
  #shuntOhms = 0.015;
  #maximumAmperes = 10;
  #averages = 64;
  #isNarrow = false;
  #shuntCal = 0;
  /** Amperes of a step of the current. */
  #ampere = 0;

  #bus = 0;
  #current = 0;
  #power = 0;
  #energy = 0;
  #charge = 0;
  readonly #counts: Counts;

  constructor(options: Ina228Options) {
    checkOptions("ina228", options, "an I2C");
    this.#counters = { polls: 0, good: 0, silent: 0, malformed: 0, implausible: 0, bus: 0, resets: 0 };
    this.counters = this.#counters;
    this.#scale(this.#shuntOhms, this.#maximumAmperes);
    this.#counts = new Counts("ina228", Ina228.counts, options.counts);
    this.#polling = new Polling(options, () => this.#poll());
    this.#registers = new I2CRegisters(options.sensor, INA_ADDRESS, INA_HZ, 1);
    this.#polling.start();
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: Ina228Configuration): void {
    const { pollMs = this.#polling.pollMs, averages = this.#averages } = options;
    const { shuntOhms = this.#shuntOhms, maximumAmperes = this.#maximumAmperes } = options;
    checkNumber("ina228", "shuntOhms", shuntOhms, 0.000001, 10);
    checkNumber("ina228", "maximumAmperes", maximumAmperes, 0.001, WIDE_VOLTS / shuntOhms);
    checkChoice("ina228", "averages", averages, INA_AVERAGES);
    this.#polling.configure("ina228", pollMs, measurementMs(averages, CONVERSIONS_MS));
    this.#averages = averages;
    this.#scale(shuntOhms, maximumAmperes);
    // The chip gets the settings at the next poll, and what it has counted until then has other units.
    this.#isReady = false;
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

  #scale(shuntOhms: number, maximumAmperes: number): void {
    this.#shuntOhms = shuntOhms;
    this.#maximumAmperes = maximumAmperes;
    this.#isNarrow = maximumAmperes * shuntOhms <= NARROW_VOLTS;
    const scale = SHUNT_CAL_SCALE * shuntOhms * (this.#isNarrow ? 4 : 1);
    const wanted = Math.round((scale * maximumAmperes) / CURRENT_STEPS);
    this.#shuntCal = Math.max(1, Math.min(wanted, SHUNT_CAL_LIMIT));
    this.#ampere = this.#shuntCal / scale;
  }

  #poll(): void {
    this.#counters.polls++;
    this.#wasPrepared = false;
    // A driver before has set it up, and the chip has counted since: what it has forgotten is found now.
    if (!this.#hasPolled) this.#isReady = !Number.isNaN(this.#counts.raw(CHARGED));
    this.#hasPolled = true;
    this.#measure();
  }

  #prepare(): void {
    this.#wasPrepared = true;
    const fault = this.#setUp(this.#registers!);
    if (fault) this.#fail(fault);
    else this.#polling.wait(measurementMs(this.#averages, CONVERSIONS_MS), () => this.#measure());
  }

  #setUp(registers: I2CRegisters): Fault | undefined {
    try {
      if (registers.readUnsigned(MANUFACTURER_ID, 2) !== TEXAS_INSTRUMENTS) return "malformed";
      if (registers.readUnsigned(DEVICE_ID, 2) >> 4 !== DEVICE) return "malformed";
      registers.write(CONFIG, this.#isNarrow ? ADCRANGE : 0, 2);
      registers.write(SHUNT_CAL, this.#shuntCal, 2);
      registers.write(ADC_CONFIG, CONTINUOUS | INA_AVERAGES.indexOf(this.#averages), 2);
    } catch {
      return "bus";
    }
    this.#isReady = true;
    this.#counts.forget();
    return undefined;
  }

  #measure(): void {
    // The settings may have changed while a measurement was waited for.
    if (!this.#isReady) {
      this.#prepare();
      return;
    }
    const fault = this.#read(this.#registers!);
    if (fault === "forgotten") this.#onForgotten();
    else if (fault) this.#fail(fault);
    else this.#succeed();
  }

  #onForgotten(): void {
    this.#isReady = false;
    if (this.#wasPrepared) {
      this.#fail("malformed");
      return;
    }
    this.#counters.resets++;
    this.#prepare();
  }

  #read(registers: I2CRegisters): Fault | "forgotten" | undefined {
    let status: number;
    try {
      if (registers.readUnsigned(SHUNT_CAL, 2) !== this.#shuntCal) return "forgotten";
      status = registers.readUnsigned(DIAG_ALRT, 2);
      this.#bus = registers.readUnsigned(VBUS, 3) >> 4;
      this.#current = registers.readSigned(CURRENT, 3) >> 4;
      this.#power = registers.readUnsigned(POWER, 3);
      this.#energy = registers.readUnsigned(ENERGY, 5);
      this.#charge = registers.readSigned(CHARGE, 5);
    } catch {
      return "bus";
    }
    if (!(status & MEMORY_GOOD)) return "malformed";
    if (!(status & CONVERSION_READY)) return "silent";
    return status & MATH_OVERFLOW || !this.#isInRange() ? "implausible" : undefined;
  }

  #isInRange(): boolean {
    return this.#bus <= BUS_LIMIT && this.#current > -CURRENT_STEPS && this.#current < CURRENT_STEPS - 1;
  }

  #succeed(): void {
    this.#counters.good++;
    const sample = this.#polling.newSample();
    const watts = this.#power * POWER_BY_CURRENT * this.#ampere;
    sample.dcv = this.#bus * BUS_VOLT;
    sample.dci = this.#current * this.#ampere;
    sample.dcp = this.#current < 0 ? -watts : watts;
    if (this.#count()) {
      sample.ahi = this.#counts.total(IN);
      sample.ahe = this.#counts.total(OUT);
      sample.dcei = this.#counts.total(ENERGY_IN);
      sample.dcee = this.#counts.total(ENERGY_OUT);
    }
    this.#polling.succeed(sample);
  }

  /** False at the first count, which is only a beginning. */
  #count(): boolean {
    const counts = this.#counts;
    const charge = difference(this.#charge, counts.raw(CHARGED));
    const energy = difference(this.#energy, counts.raw(POWERED));
    counts.keep(CHARGED, this.#charge);
    counts.keep(POWERED, this.#energy);
    if (Number.isNaN(charge)) return counts.hasTotals;
    const isOut = charge < 0;
    const joules = energy * ENERGY_BY_POWER * POWER_BY_CURRENT * this.#ampere;
    counts.add(isOut ? OUT : IN, (Math.abs(charge) * this.#ampere) / SECONDS);
    // Energy has no sign, so that it never goes back but over its end.
    counts.add(isOut ? ENERGY_OUT : ENERGY_IN, Math.max(joules, 0) / SECONDS);
    return true;
  }

  #fail(fault: Fault): void {
    this.#counters[fault]++;
    this.#polling.fail(Quality[fault]);
  }
}

/** What a register of 40 bits has gained, NaN at its first reading. */
function difference(now: number, last: number): number {
  const gained = now - last;
  if (gained < -COUNTS / 2) return gained + COUNTS;
  return gained >= COUNTS / 2 ? gained - COUNTS : gained;
}
