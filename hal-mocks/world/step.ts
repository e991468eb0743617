import type { Random } from "../random";

// What a house and its plant have in common: the steps of their time, and the sky above them.

/** Powers are constant within a step, so that registers are exact sums. */
export const STEP_MS = 10_000;
export const STEPS_PER_DAY = 8640;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
export const NOMINAL_V = 230;

const SUNRISE_HOUR = 6;
const SUNSET_HOUR = 21;

/** What is past of the time between sunrise and sunset, 0 to 1. */
export function dayAt(hour: number): number {
  return Math.min(Math.max((hour - SUNRISE_HOUR) / (SUNSET_HOUR - SUNRISE_HOUR), 0), 1);
}

/** Clouds that drift: each step lets another share of the sun through, 0.15 to 1. */
export class Clouds {
  readonly #random: Random;
  #share = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  drift(): number {
    const next = this.#share + (this.#random.unit() - 0.5) * 0.06;
    this.#share = Math.min(1, Math.max(0.15, next));
    return this.#share;
  }
}
