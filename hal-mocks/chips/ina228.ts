import { RegisterChip } from "../i2c";
import type { DcValues } from "./ina226";

export interface Ina228Settings {
  /** Virtual time: Unix milliseconds. */
  clock: { readonly now: number };
  values: (time: number) => DcValues;
  shuntOhms: number;
  /** How finely it integrates, at multiples of it: virtual milliseconds. Default 100. */
  stepMs?: number;
}

const CONVERSION_MS = [0.05, 0.084, 0.15, 0.28, 0.54, 1.052, 2.074, 4.12];
const AVERAGES = [1, 4, 16, 64, 128, 256, 512, 1024];
const TWO_40 = 2 ** 40;

/** An INA228 as seen from its bus. It integrates from its power-on, whether anybody reads or not. */
export class Ina228Chip extends RegisterChip {
  readonly #settings: Ina228Settings;
  #config = 0;
  #adcConfig = 0xfb68;
  #shuntCal = 0x1000;
  #energy = 0;
  #charge = 0;
  #countedAt: number;
  #convertedAt: number;
  #isStuck = false;
  device = 0x2281;
  /** Further bits of its status: memory good, unless a test says otherwise. */
  status = 0x0001;

  constructor(settings: Ina228Settings) {
    super(1);
    this.#settings = settings;
    this.#countedAt = settings.clock.now;
    this.#convertedAt = settings.clock.now;
  }

  /** It lost its power for a moment. */
  reset(): void {
    this.#config = 0;
    this.#adcConfig = 0xfb68;
    this.#shuntCal = 0x1000;
    this.#energy = 0;
    this.#charge = 0;
    this.#countedAt = this.#settings.clock.now;
  }

  /** What the counters hold, in their steps. */
  preset(charge: number, energy: number): void {
    this.#charge = charge;
    this.#energy = energy;
  }

  /** It measures no more. */
  stop(): void {
    this.#isStuck = true;
  }

  protected readRegister(pointer: number): number {
    this.#integrate();
    const { volts, amperes } = this.#settings.values(this.#settings.clock.now);
    const current = this.#currentOf(amperes);
    switch (pointer) {
      case 0x00:
        return this.#config;
      case 0x01:
        return this.#adcConfig;
      case 0x02:
        return this.#shuntCal;
      case 0x05:
        return Math.round(volts / 195.3125e-6) * 16;
      case 0x07:
        return ((current & 0xfffff) * 16) % 0x1000000;
      case 0x08:
        return this.#powerOf(volts, current);
      case 0x09:
        return Math.floor(this.#energy) % TWO_40;
      case 0x0a:
        return ((Math.floor(this.#charge) % TWO_40) + TWO_40) % TWO_40;
      case 0x0b:
        return this.status | this.#conversionReady();
      case 0x3e:
        return 0x5449;
      case 0x3f:
        return this.device;
      default:
        return 0;
    }
  }

  protected writeRegister(pointer: number, value: number): void {
    this.#integrate();
    if (pointer === 0x00) this.#config = value;
    if (pointer === 0x02) this.#shuntCal = value & 0x7fff;
    if (pointer !== 0x01) return;
    this.#adcConfig = value;
    this.#convertedAt = this.#settings.clock.now;
  }

  /** CURRENT = VSHUNT in steps of 312.5 nV (or 78.125 nV), by 4096 / SHUNT_CAL, which is 13107.2e6·LSB·R. */
  #currentOf(amperes: number): number {
    const step = this.#config & 0x10 ? 78.125e-9 : 312.5e-9;
    const shunt = Math.max(
      -524_288,
      Math.min(Math.round((amperes * this.#settings.shuntOhms) / step), 524_287),
    );
    return Math.max(-524_288, Math.min(Math.round((shunt * 4096) / this.#shuntCal), 524_287));
  }

  /** POWER is 3.2 steps of current by volt: |CURRENT|·VBUS·195.3125 µV / 3.2. */
  #powerOf(volts: number, current: number): number {
    return Math.round((Math.abs(current) * Math.round(volts / 195.3125e-6) * 195.3125e-6) / 3.2);
  }

  #conversionReady(): number {
    const { now } = this.#settings.clock;
    const conversions = [9, 6, 3].map((shift) => CONVERSION_MS[(this.#adcConfig >> shift) & 7]);
    const duration = conversions.reduce((sum, ms) => sum + ms, 0) * AVERAGES[this.#adcConfig & 7];
    if (this.#isStuck || now < this.#convertedAt + duration) return 0;
    this.#convertedAt = now;
    return 0x0002;
  }

  #integrate(): void {
    const { clock, values, stepMs = 100 } = this.#settings;
    while (this.#countedAt < clock.now) {
      const step = Math.min(stepMs - (this.#countedAt % stepMs), clock.now - this.#countedAt);
      const { volts, amperes } = values(this.#countedAt);
      const current = this.#currentOf(amperes);
      this.#charge += (current * step) / 1000;
      this.#energy += (this.#powerOf(volts, current) * step) / 1000 / 16;
      this.#countedAt += step;
    }
  }
}
