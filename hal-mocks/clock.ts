import type { Clock, Timer } from "../src/hal";

/** A host's way to let pending promise reactions run: resolves when the microtask queue is empty. */
export type Settle = () => Promise<void>;

interface Event {
  at: number;
  order: number;
  callback: (() => void) | undefined;
}

/** Resolves or names what is missing: the simulation cannot go on because nothing is scheduled. */
export class NothingScheduled extends Error {
  override name = "NothingScheduled";
}

/**
 * Virtual time: it stands still while code runs, and jumps from event to event.
 *
 * Between two events the microtasks drain. While real input or output is under way (`hold`), the clock waits, so
 * that an answer of a real broker comes at the virtual time of its question, plus whatever latency is modelled.
 */
export class VirtualClock {
  #now: number;
  readonly #settle: Settle;
  readonly #settleMicrotasks: Settle;
  #io = 0;
  readonly #heap: Event[] = [];
  #order = 0;
  readonly #held = new Map<string, number>();
  #wake: (() => void) | undefined;
  #running = false;

  /**
   * @param start the virtual Unix time in milliseconds at which the world begins.
   * @param settleMicrotasks a cheaper way that need not look for real input, for when there can be none.
   */
  constructor(start: number, settle: Settle, settleMicrotasks: Settle = settle) {
    this.#now = start;
    this.#settle = settle;
    this.#settleMicrotasks = settleMicrotasks;
  }

  /** Virtual Unix time in milliseconds. */
  get now(): number {
    return this.#now;
  }

  set(callback: () => void, ms: number): Timer {
    if (!(ms >= 0 && Number.isFinite(ms)))
      throw new RangeError(`clock.set: ms is ${ms}, expected a number of at least 0`);
    const event: Event = { at: this.#now + Math.ceil(ms), order: this.#order++, callback };
    push(this.#heap, event);
    return event as unknown as Timer;
  }

  clear(timer: Timer | undefined): void {
    if (timer) (timer as unknown as Event).callback = undefined;
  }

  /** Stops virtual time until the returned function is called. `what` is named if the host gives up waiting. */
  hold(what: string): () => void {
    this.#held.set(what, (this.#held.get(what) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = this.#held.get(what)! - 1;
      if (left) this.#held.set(what, left);
      else this.#held.delete(what);
      if (!this.#held.size) this.#wake?.();
    };
  }

  /**
   * A connection to a real peer opens; the returned function says that it is closed. While there is one, real input
   * gets its turn between any two events, asked for or not.
   */
  beginIo(): () => void {
    this.#io++;
    return () => {
      this.#io--;
    };
  }

  /** What real input or output the clock waits for. */
  get holding(): string[] {
    return [...this.#held.keys()];
  }

  /** Runs events up to and including virtual time `until`, then sets the clock to it. */
  async runUntil(until: number): Promise<void> {
    await this.#run(async () => {
      while (await this.#step(until, never));
      this.#now = Math.max(this.#now, until);
    });
  }

  /**
   * Runs events until the promise settles, and resolves as it does.
   * @throws NothingScheduled when nothing is left to happen; `what` says what was waited for.
   */
  async runFor<T>(promise: Promise<T>, what: string): Promise<T> {
    let pending = true;
    const done = () => {
      pending = false;
    };
    promise.then(done, done);
    await this.#run(async () => {
      while (await this.#step(Number.POSITIVE_INFINITY, () => !pending));
    });
    if (pending) throw new NothingScheduled(`nothing is scheduled, and this has not come: ${what}`);
    return promise;
  }

  /** Two runs at a time would take each other's events, and each would miss the other's. */
  async #run(body: () => Promise<void>): Promise<void> {
    if (this.#running) throw new Error("clock: it is running already");
    this.#running = true;
    try {
      await body();
    } finally {
      this.#running = false;
    }
  }

  /**
   * Lets what the last event began come to its end, then runs one event.
   * False when there is none up to `until`, or `enough` says so.
   */
  async #step(until: number, enough: () => boolean): Promise<boolean> {
    await (this.#io ? this.#settle() : this.#settleMicrotasks());
    while (this.#held.size) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      await this.#settle();
    }
    if (enough()) return false;
    for (;;) {
      const event = this.#heap[0];
      if (!event || event.at > until) return false;
      pop(this.#heap);
      const { callback } = event;
      if (!callback) continue;
      event.callback = undefined;
      this.#now = event.at;
      callback();
      return true;
    }
  }
}

/** As on a board, whose timers count milliseconds in 32 bits. */
const LONGEST_TIMER_MS = 0x7fff_ffff;
/** ESP32's sleep clock, an RC oscillator, is wrong by percents before it is calibrated. */
const LARGEST_PPM = 100_000;
const MILLION = 1_000_000;

/** What drives a terminal's ticks, in parts of a million faster than the world's time. */
export interface Oscillators {
  /** While it is awake. */
  crystalPpm?: number;
  /** In a deep sleep that begins at virtual Unix time `now`: it drifts with the temperature. */
  sleepPpm?: (now: number) => number;
}

/** A terminal's own view of virtual time: its ticks begin at its power-on. */
export class TerminalClock implements Clock {
  readonly #world: VirtualClock;
  readonly #crystalPpm: number;
  readonly #sleepPpm: (now: number) => number;
  /** Since `#since` of the world's time, ticks have gone on from `#base` and millionths of one, at `#ppm`. */
  #since: number;
  #base = 0;
  #millionths = 0;
  #ppm: number;
  #boot = 0;

  constructor(world: VirtualClock, { crystalPpm = 0, sleepPpm = () => crystalPpm }: Oscillators = {}) {
    this.#world = world;
    this.#since = world.now;
    this.#crystalPpm = wholePpm(crystalPpm);
    this.#ppm = this.#crystalPpm;
    this.#sleepPpm = sleepPpm;
  }

  /** Power was lost and came back: ticks start anew. */
  powerOn(): void {
    this.reset();
    this.#since = this.#world.now;
    this.#base = 0;
    this.#millionths = 0;
  }

  /** The terminal has lost its RAM (a crash): no callback set before will come. It is awake now. */
  reset(): void {
    this.#boot++;
    this.#runAt(this.#crystalPpm);
  }

  /** The terminal sleeps deeply, until `reset`: its RAM is lost, and the sleep clock counts its ticks. */
  sleepDeeply(): void {
    this.reset();
    this.#runAt(wholePpm(this.#sleepPpm(this.#world.now)));
  }

  get ticks(): number {
    return this.#ticksAfter(this.#world.now - this.#since);
  }

  /** How long the world takes for the next `ms` ticks. */
  worldMs(ms: number): number {
    const passed = this.#world.now - this.#since;
    const wanted = this.#ticksAfter(passed) + ms;
    let after = Math.max(passed, Math.floor(((wanted - this.#base - 2) * MILLION) / (MILLION + this.#ppm)));
    while (this.#ticksAfter(after) < wanted) after++;
    return after - passed;
  }

  set(callback: () => void, ms: number): Timer {
    if (!(ms >= 0 && ms <= LONGEST_TIMER_MS))
      throw new RangeError(`clock.set: ms is ${ms}, expected a number from 0 to ${LONGEST_TIMER_MS}`);
    const boot = this.#boot;
    return this.#world.set(() => {
      if (boot === this.#boot) callback();
    }, this.worldMs(ms));
  }

  clear(timer: Timer | undefined): void {
    this.#world.clear(timer);
  }

  /** In integers, so that no rounding makes ticks go back, nor a thousand sleeps lose a second. */
  #ticksAfter(passed: number): number {
    return this.#base + passed + Math.floor((this.#millionths + passed * this.#ppm) / MILLION);
  }

  #runAt(ppm: number): void {
    const passed = this.#world.now - this.#since;
    const base = this.#ticksAfter(passed);
    this.#millionths += passed * this.#ppm - (base - this.#base - passed) * MILLION;
    this.#base = base;
    this.#since = this.#world.now;
    this.#ppm = ppm;
  }
}

function wholePpm(ppm: number): number {
  const whole = Math.round(ppm);
  if (!(Math.abs(whole) <= LARGEST_PPM))
    throw new RangeError(`clock: ${ppm} ppm, expected at most ${LARGEST_PPM} either way`);
  return whole;
}

function never(): boolean {
  return false;
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let index = heap.length;
  heap.push(event);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!before(event, heap[parent])) break;
    heap[index] = heap[parent];
    index = parent;
  }
  heap[index] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop()!;
  const { length } = heap;
  if (!length) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= length) break;
    if (child + 1 < length && before(heap[child + 1], heap[child])) child++;
    if (!before(heap[child], last)) break;
    heap[index] = heap[child];
    index = child;
  }
  heap[index] = last;
}
