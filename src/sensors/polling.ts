import type { Clock, Timer } from "../hal";
import { Quality, type QualityCode } from "../model/quality";
import type { Sample } from "../model/reading";
import { checkInteger, type DriverCallbacks } from "./driver-options";
import { Samples } from "./samples";

const DEFAULT_POLL_MS = 1000;
/** A day. */
const LONGEST_POLL_MS = 86_400_000;

/**
 * The polls of one driver, and their samples: a poll begins every `pollMs`, the first one as soon as the driver has
 * been made, and ends with a sample. There is one timer at most, and `close` clears it.
 */
export class Polling {
  readonly clock: Clock;
  readonly #samples: Samples;
  readonly #poll: () => void;
  #pollMs = DEFAULT_POLL_MS;
  #began = 0;
  #timer: Timer | undefined;
  #closed = false;

  /** @param poll begins one: it ends with `succeed` or `fail`, now or after a `wait`. Never called in here. */
  constructor({ clock, onSample }: DriverCallbacks, poll: () => void) {
    this.clock = clock;
    this.#samples = new Samples(clock, onSample);
    this.#poll = poll;
  }

  get pollMs(): number {
    return this.#pollMs;
  }

  /** Milliseconds from the beginning of a poll to that of the next; what is under way stays as it is. */
  configure(name: string, pollMs: number, shortestMs: number): void {
    checkInteger(name, "pollMs", pollMs, shortestMs, LONGEST_POLL_MS);
    this.#pollMs = pollMs;
  }

  /** The first poll comes after `ms`. */
  start(ms = 0): void {
    this.#timer = this.clock.set(() => this.#begin(), ms);
  }

  /** Goes on with the poll in `ms`; what was waited for before is off. */
  wait(ms: number, next: () => void): void {
    this.clock.clear(this.#timer);
    this.#timer = this.clock.set(next, ms);
  }

  /** A sample of now, to be filled and handed to `succeed`. */
  newSample(quality: QualityCode = Quality.good): Sample {
    return this.#samples.create(quality);
  }

  /** Ends the poll. */
  succeed(sample: Sample): void {
    this.#end();
    this.#samples.put(sample);
  }

  /** Ends the poll. A good sample that nobody has read yet is not replaced. */
  fail(quality: QualityCode): void {
    this.#end();
    this.#samples.putBad(quality);
  }

  /** The newest unread sample, or undefined. */
  take(): Sample | undefined {
    return this.#samples.take();
  }

  close(): void {
    this.#closed = true;
    this.clock.clear(this.#timer);
    this.#timer = undefined;
  }

  #begin(): void {
    this.#began = this.clock.ticks;
    this.#poll();
  }

  #end(): void {
    if (this.#closed) return;
    const { ticks } = this.clock;
    // A poll that has taken longer than its period is followed by the next one at once.
    this.wait(Math.max(this.#began + this.#pollMs - ticks, 0), () => this.#begin());
  }
}
