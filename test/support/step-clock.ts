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
  readonly #entries: Entry[] = [];

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
