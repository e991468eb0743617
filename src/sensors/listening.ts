import type { Clock, Timer } from "../hal";
import { Quality, type QualityCode } from "../model/quality";
import type { Sample } from "../model/reading";
import { checkInteger, type DriverCallbacks } from "./driver-options";
import { Samples } from "./samples";

const LONGEST_MS = 86_400_000;
/** A flood of faults gives one bad sample in this time; all of them are counted. */
const BAD_SAMPLE_MS = 1000;

/**
 * The samples of one driver whose device talks by itself, and its silence, which is told again and again. There is one
 * timer at most, and `close` clears it.
 */
export class Listening {
  readonly #clock: Clock;
  readonly #samples: Samples;
  readonly #onSilent: () => void;
  #silentMs: number;
  #timer: Timer | undefined;
  #closed = false;

  /**
   * @param silentMs so long a device may say nothing, from now on.
   * @param onSilent it has: to be counted, and to `fail`. Never called in here.
   */
  constructor({ clock, onSample }: DriverCallbacks, silentMs: number, onSilent: () => void) {
    this.#clock = clock;
    this.#samples = new Samples(clock, onSample, BAD_SAMPLE_MS);
    this.#onSilent = onSilent;
    this.#silentMs = silentMs;
    this.hear();
  }

  get silentMs(): number {
    return this.#silentMs;
  }

  /** @throws RangeError that names the driver and the field. */
  configure(name: string, silentMs: number, shortestMs: number): void {
    checkInteger(name, "silentMs", silentMs, shortestMs, LONGEST_MS);
    this.#silentMs = silentMs;
    this.hear();
  }

  /** The device has spoken. */
  hear(): void {
    if (this.#closed) return;
    this.#clock.clear(this.#timer);
    this.#timer = this.#clock.set(() => {
      this.hear();
      this.#onSilent();
    }, this.#silentMs);
  }

  /** A sample of now, to be filled and handed to `succeed`. */
  newSample(): Sample {
    return this.#samples.create(Quality.good);
  }

  succeed(sample: Sample): void {
    this.#samples.put(sample);
  }

  /** A good sample that nobody has read yet is not replaced. */
  fail(quality: QualityCode): void {
    if (this.#samples.isBadDue()) this.#samples.putBad(quality);
  }

  /** The newest unread sample, or undefined. */
  take(): Sample | undefined {
    return this.#samples.take();
  }

  close(): void {
    this.#closed = true;
    this.#clock.clear(this.#timer);
    this.#timer = undefined;
  }
}
