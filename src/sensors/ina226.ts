import type { I2CBus } from "../hal";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { checkChoice, checkNumber, checkOptions, type DriverCallbacks } from "./driver-options";
import { I2CRegisters } from "./i2c-registers";
import { INA_ADDRESS, INA_AVERAGES, INA_HZ, measurementMs, TEXAS_INSTRUMENTS } from "./ina2xx";
import { Polling } from "./polling";

export interface Ina226Options extends DriverCallbacks {
  /** The I2C class, and what its constructor needs. `address` is 0x40 unless given, `hz` 400,000. */
  sensor: I2CBus;
}

export interface Ina226Configuration {
  /** Milliseconds between polls, at least what a measurement takes, to 86,400,000. Default 1000. */
  pollMs?: number;
  /** The shunt in ohms, 0.00001 to 10. Default 0.1. */
  shuntOhms?: number;
  /** Of how many conversions of 2·1.1 ms a measurement is the mean: 1, 4, 16, 64, 128, 256, 512 or 1024. Default 16. */
  averages?: number;
}

/** What the driver has counted since it was made. */
export interface Ina226Counters {
  polls: number;
  good: number;
  /** The chip has not finished a measurement in its time. */
  silent: number;
  /** Another chip answers. */
  malformed: number;
  /** Beyond what the chip can measure. */
  implausible: number;
  bus: number;
}

type Fault = "silent" | "malformed" | "implausible" | "bus";

// INA226 data sheet SBOS547B, table 7-1.
const CONFIGURATION = 0x00;
const SHUNT = 0x01;
const BUS = 0x02;
const MASK_ENABLE = 0x06;
const MANUFACTURER = 0xfe;
/** Bit 14 reads 1; 1.1 ms for each conversion; shunt and bus once, then power-down. */
const TRIGGERED = 0x4000 | (4 << 6) | (4 << 3) | 3;
const CONVERSION_READY = 0x0008;
/** Of 1.1 ms nominally, 10 % more. */
const CONVERSIONS_MS = 2 * 1.21;
const SHUNT_VOLT = 2.5e-6;
const BUS_VOLT = 0.00125;
const SHUNT_LIMIT = 0x7fff;
/** The input's limit: 36 V. */
const BUS_LIMIT = 36 / BUS_VOLT;

/**
 * An INA226, which measures voltage and current of a PV string or a battery, after ECMA-419's Sensor class pattern:
 * `dcv`, `dci` and `dcp`. Positive flows from IN+ to IN−: connect the source to IN+.
 *
 * Each poll triggers one measurement, after which the chip sleeps. Current is the shunt's voltage over its
 * resistance, so no calibration register can be lost.
 */
export class Ina226 {
  readonly identification = { model: "INA226", classification: "DCPowerMeter" } as const;
  readonly counters: Readonly<Ina226Counters>;
  readonly #counters: Ina226Counters;
  readonly #polling: Polling;
  #registers: I2CRegisters | undefined;
  #isKnown = false;
  #shuntOhms = 0.1;
  #averages = 16;
  #shunt = 0;
  #bus = 0;

  constructor(options: Ina226Options) {
    checkOptions("ina226", options, "an I2C");
    this.#counters = { polls: 0, good: 0, silent: 0, malformed: 0, implausible: 0, bus: 0 };
    this.counters = this.#counters;
    this.#polling = new Polling(options, () => this.#poll());
    this.#registers = new I2CRegisters(options.sensor, INA_ADDRESS, INA_HZ, 1);
    this.#polling.start();
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  configure(options: Ina226Configuration): void {
    const { pollMs = this.#polling.pollMs, shuntOhms = this.#shuntOhms, averages = this.#averages } = options;
    checkNumber("ina226", "shuntOhms", shuntOhms, 0.00001, 10);
    checkChoice("ina226", "averages", averages, INA_AVERAGES);
    this.#polling.configure("ina226", pollMs, measurementMs(averages, CONVERSIONS_MS));
    this.#shuntOhms = shuntOhms;
    this.#averages = averages;
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
    const fault = this.#trigger(this.#registers!);
    if (fault) this.#fail(fault);
    else this.#polling.wait(measurementMs(this.#averages, CONVERSIONS_MS), () => this.#onMeasured());
  }

  #onMeasured(): void {
    const fault = this.#read(this.#registers!);
    if (fault) this.#fail(fault);
    else this.#succeed();
  }

  #trigger(registers: I2CRegisters): Fault | undefined {
    try {
      this.#isKnown ||= registers.readUnsigned(MANUFACTURER, 2) === TEXAS_INSTRUMENTS;
      if (!this.#isKnown) return "malformed";
      registers.write(CONFIGURATION, TRIGGERED | (INA_AVERAGES.indexOf(this.#averages) << 9), 2);
    } catch {
      return "bus";
    }
    return undefined;
  }

  #read(registers: I2CRegisters): Fault | undefined {
    try {
      if (!(registers.readUnsigned(MASK_ENABLE, 2) & CONVERSION_READY)) return "silent";
      this.#shunt = registers.readSigned(SHUNT, 2);
      this.#bus = registers.readUnsigned(BUS, 2);
    } catch {
      return "bus";
    }
    return Math.abs(this.#shunt) >= SHUNT_LIMIT || this.#bus > BUS_LIMIT ? "implausible" : undefined;
  }

  #succeed(): void {
    this.#counters.good++;
    const sample = this.#polling.newSample();
    const amperes = (this.#shunt * SHUNT_VOLT) / this.#shuntOhms;
    const volts = this.#bus * BUS_VOLT;
    sample.dcv = volts;
    sample.dci = amperes;
    sample.dcp = volts * amperes;
    this.#polling.succeed(sample);
  }

  #fail(fault: Fault): void {
    this.#isKnown = false;
    this.#counters[fault]++;
    this.#polling.fail(Quality[fault]);
  }
}
