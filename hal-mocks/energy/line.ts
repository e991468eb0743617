/** A stretch of time in one state; virtual Unix microseconds. */
export interface Segment<State extends string> {
  state: State;
  from: number;
  to: number;
}

export interface Total {
  /** Microseconds. */
  us: number;
  /** How often the state was entered. */
  count: number;
}

export const US_PER_MS = 1000;

/**
 * The states of one consumer, one after the other without a gap. Times are whole microseconds, so that sums are exact.
 *
 * Firmware takes no virtual time, but what it does may: `occupy` adds that. What follows begins when it is over, also if
 * its own time was earlier.
 */
export class Line<State extends string> {
  readonly totals = new Map<State, Total>();
  readonly #onSegment: ((segment: Segment<State>) => void) | undefined;
  /** Virtual milliseconds at which the line begins, in microseconds. */
  readonly begin: number;
  #state: State;
  /** From here on the time has no segment yet; it may lie ahead of virtual time. */
  #since: number;
  #isEntered = false;
  #isOpen = true;

  /** @param at virtual milliseconds. */
  constructor(state: State, at: number, onSegment?: (segment: Segment<State>) => void) {
    this.#state = state;
    this.begin = Math.round(at * US_PER_MS);
    this.#since = this.begin;
    this.#onSegment = onSegment;
  }

  get state(): State {
    return this.#state;
  }

  /** Virtual milliseconds up to which the line is settled. */
  get until(): number {
    return this.#since / US_PER_MS;
  }

  enter(state: State, at: number): void {
    this.#checkOpen();
    if (state === this.#state) return;
    this.#advance(Math.round(at * US_PER_MS));
    this.#state = state;
    this.#isEntered = false;
  }

  /** `state` for `ms`, from `at` or the end of what occupies the line; then the state that was. */
  occupy(state: State, ms: number, at: number): void {
    this.#checkOpen();
    if (!(ms >= 0)) throw new RangeError(`energy: ${state} for ${ms} ms`);
    if (state === this.#state) {
      // It is there already: only what follows moves.
      const end = Math.max(this.#since, Math.round(at * US_PER_MS)) + Math.round(ms * US_PER_MS);
      this.#advance(end);
      return;
    }
    this.#advance(Math.round(at * US_PER_MS));
    const us = Math.round(ms * US_PER_MS);
    this.#book(state, this.#since, this.#since + us, true);
    this.#since += us;
    this.#isEntered = false;
  }

  /** Ends the line at `at`, or where what occupies it ends. */
  close(at: number): void {
    this.#checkOpen();
    this.#advance(Math.round(at * US_PER_MS));
    this.#isOpen = false;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  #advance(to: number): void {
    if (to <= this.#since) return;
    this.#book(this.#state, this.#since, to, !this.#isEntered);
    this.#isEntered = true;
    this.#since = to;
  }

  #book(state: State, from: number, to: number, isNew: boolean): void {
    let total = this.totals.get(state);
    if (!total) {
      total = { us: 0, count: 0 };
      this.totals.set(state, total);
    }
    total.us += to - from;
    if (isNew) total.count++;
    this.#onSegment?.({ state, from, to });
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new Error("energy: the line is closed");
  }
}
