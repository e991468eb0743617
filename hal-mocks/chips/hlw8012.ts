import type { PinListener, PulseSource } from "../pulse-count";

export interface Hlw8012Settings {
  /** Virtual time: Unix milliseconds. */
  clock: { readonly now: number };
  values: (time: number) => { volts: number; amperes: number; watts: number };
  model?: "hlw8012" | "bl0937";
  shuntMilliohms?: number;
  upperOhms?: number;
  lowerOhms?: number;
  /** How finely it integrates, at multiples of it: virtual milliseconds. Default 50. */
  stepMs?: number;
}

/** Hertz at a volt at each pin, as the data sheets' formulas have it. */
const FACTORS = {
  hlw8012: {
    power: (48 * 3_579_000) / 128 / 2.43 ** 2,
    current: (24 * 3_579_000) / 512 / 2.43,
    voltage: (2 * 3_579_000) / 512 / 2.43,
  },
  bl0937: { power: 1_721_506 / 1.218 ** 2, current: 94_638 / 1.218, voltage: 15_397 / 1.218 },
} as const;

/** An HLW8012 or BL0937 as seen from its pins: CF pulses with power, CF1 with voltage or current, as SEL says. */
export class Hlw8012Chip {
  readonly #settings: Required<Hlw8012Settings>;
  #countedAt: number;
  #power = 0;
  #second = 0;
  /** Of an HLW8012 high selects voltage; of a BL0937 too. */
  #selectsVoltage = false;
  /** No pulse comes any more. */
  isDead = false;
  readonly cf: PulseSource;
  readonly cf1: PulseSource;
  readonly sel: PinListener;

  constructor(settings: Hlw8012Settings) {
    this.#settings = {
      model: "hlw8012",
      shuntMilliohms: 1,
      upperOhms: 2_350_000,
      lowerOhms: 1000,
      stepMs: 50,
      ...settings,
    };
    this.#countedAt = settings.clock.now;
    const count = (pulses: () => number): PulseSource => ({
      get pulses() {
        return Math.floor(pulses());
      },
    });
    this.cf = count(() => this.#integrate().#power);
    this.cf1 = count(() => this.#integrate().#second);
    this.sel = {
      onWrite: (value) => {
        this.#integrate();
        this.#selectsVoltage = value === 1;
      },
    };
  }

  #integrate(): this {
    const { clock, values, model, shuntMilliohms, upperOhms, lowerOhms, stepMs } = this.#settings;
    const factors = FACTORS[model];
    while (this.#countedAt < clock.now) {
      const step = Math.min(stepMs - (this.#countedAt % stepMs), clock.now - this.#countedAt);
      const { volts, amperes, watts } = values(this.#countedAt);
      const divided = lowerOhms / (upperOhms + lowerOhms);
      const ohms = shuntMilliohms / 1000;
      this.#countedAt += step;
      if (this.isDead) continue;
      this.#power += (watts * ohms * divided * factors.power * step) / 1000;
      const hertz = this.#selectsVoltage
        ? volts * divided * factors.voltage
        : amperes * ohms * factors.current;
      this.#second += (hertz * step) / 1000;
    }
    return this;
  }
}
