import type { Clock } from "../hal";
import { Quality, type QualityCode } from "../model/quality";
import type { Sample } from "../model/reading";

/** The newest unread sample of one driver. A good one that nobody has read yet is not replaced by a bad one. */
export class Samples {
  readonly #clock: Pick<Clock, "ticks"> | undefined;
  readonly #onSample: (() => void) | undefined;
  readonly #badMs: number;
  #sample: Sample | undefined;
  #lastBad = Number.NEGATIVE_INFINITY;

  /** @param badMs of a flood of faults, one in as many milliseconds `isBadDue`. */
  constructor(clock: Pick<Clock, "ticks"> | undefined, onSample: (() => void) | undefined, badMs = 0) {
    this.#clock = clock;
    this.#onSample = onSample;
    this.#badMs = badMs;
  }

  /** A sample of now, to be filled and `put`. */
  create(quality: QualityCode = Quality.good): Sample {
    return this.#clock ? { quality, ticks: this.#clock.ticks } : { quality };
  }

  put(sample: Sample): void {
    this.#sample = sample;
    this.#onSample?.();
  }

  /** Whether a fault of now is to be told: once asked, not again for some time. */
  isBadDue(): boolean {
    if (!this.#clock) return true;
    const { ticks } = this.#clock;
    if (ticks - this.#lastBad < this.#badMs) return false;
    this.#lastBad = ticks;
    return true;
  }

  putBad(quality: QualityCode): void {
    if (this.#sample?.quality !== Quality.good) this.put(this.create(quality));
  }

  /** The newest unread sample, or undefined. */
  take(): Sample | undefined {
    const sample = this.#sample;
    this.#sample = undefined;
    return sample;
  }
}
