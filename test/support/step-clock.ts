import type { Clock, Timer } from "../../src/hal";

// No engine but has what this uses: programs of test/target/ take it along.

interface Entry {
  at: number;
  callback: (() => void) | undefined;
}

/** Virtual time that runs at once, without promises. */
export class StepClock implements Clock {
  ticks = 0;
  readonly time = undefined;
  readonly #start: number;
  readonly #entries: Entry[] = [];

  /** @param start what chips take for Unix time, in milliseconds. */
  constructor(start = Date.UTC(2026, 5, 1, 12)) {
    this.#start = start;
  }

  /** For chips. */
  get now(): number {
    return this.#start + this.ticks;
  }

  set(callback: () => void, ms: number): Timer {
    const entry: Entry = { at: this.ticks + Math.ceil(ms), callback };
    const index = this.#entries.findIndex(({ at }) => at > entry.at);
    this.#entries.splice(index < 0 ? this.#entries.length : index, 0, entry);
    return entry as unknown as Timer;
  }

  clear(timer: Timer | undefined): void {
    if (timer) (timer as unknown as Entry).callback = undefined;
  }

  pass(ms: number): void {
    const until = this.ticks + ms;
    while (this.#entries.length && this.#entries[0].at <= until) {
      const { at, callback } = this.#entries.shift()!;
      this.ticks = at;
      callback?.();
    }
    this.ticks = until;
  }
}
