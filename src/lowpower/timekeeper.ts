import { nextSlot } from "./wake";

/** What a timekeeper keeps across deep sleep. Times are in milliseconds, slips in parts per million. */
export interface TimeState {
  /** Ticks of the last setting. */
  ticks: number;
  /** Unix time then; NaN while the time is not known. */
  time: number;
  /** How far off it was at most. */
  errorMs: number;
  /** By how much more than the ticks time goes on. */
  slip: number;
  /** How far off the slip is at most. */
  slipError: number;
  /** The setting from which the slip is measured: ticks, time and its error. */
  baseTicks: number;
  baseTime: number;
  baseErrorMs: number;
  /** Ticks at which the time is to be asked for again. */
  due: number;
  /** Time less ticks of an answer that our own clock contradicts; NaN for none. */
  doubt: number;
}

/** What time servers have said. */
export interface TimeAnswer {
  /** Ticks at which it was `time`. */
  ticks: number;
  /** Unix milliseconds. */
  time: number;
  /** How far off `time` is at most. */
  errorMs: number;
  /** A second server has said the same. */
  isConfirmed: boolean;
}

/** The sleep clock of an ESP32 is off by a tenth at most, as Tasmota takes it, which learns 0.90 to 1.10. */
const LARGEST_SLIP = 100_000;
/** What an RC oscillator's slip may change between two settings, as the temperature does: an estimate. */
const WANDER = 100;
/** The time is asked for again before it can be off by more. */
export const LARGEST_ERROR_MS = 2_000;
const LONGEST_MS = 86_400_000;
/** A shorter time between two settings says too little about the slip: of two times of ±0.5 s a fifth of a percent. */
const SHORTEST_SPAN_MS = 600_000;
const MILLION = 1_000_000;
/** An interval of the slip, in parts per million. */
const WIDE = 1_000;

function within(slip: number, low: number, high: number): number {
  return Math.round(Math.min(Math.max(slip, low), high));
}

/** ESP-IDF calibrates the sleep clock at each start; 9 to 12 s an hour were measured then, a third of this. */
const CALIBRATED_SLIP = 10_000;

/** @param slipError what the platform's clock is off at most, before anything is learned of it. */
export function newTime(slipError = CALIBRATED_SLIP): TimeState {
  const base = { baseTicks: 0, baseTime: Number.NaN, baseErrorMs: 0 };
  return { ticks: 0, time: Number.NaN, errorMs: 0, slip: 0, slipError, ...base, due: 0, doubt: Number.NaN };
}

/**
 * Turns ticks into Unix time, from the last setting and the slip that was learned between settings. All that it says
 * has a bound: the slip lies in an interval, which each setting narrows.
 */
export class Timekeeper {
  readonly #state: TimeState;

  constructor(state: TimeState) {
    this.#state = state;
  }

  get isKnown(): boolean {
    return !Number.isNaN(this.#state.time);
  }

  /** Unix milliseconds at these ticks, before the last setting or after it; undefined while the time is not known. */
  at(ticks: number): number | undefined {
    const { time, ticks: set, slip } = this.#state;
    if (Number.isNaN(time)) return undefined;
    const span = ticks - set;
    return time + span + Math.round((span * slip) / MILLION);
  }

  /** By how many milliseconds `at` is off at most. */
  errorAt(ticks: number): number {
    const { ticks: set, errorMs, slipError } = this.#state;
    return Math.ceil(errorMs + (Math.abs(ticks - set) * slipError) / MILLION);
  }

  /** Whether the time could be off too far before the next chance to ask, `untilNext` milliseconds from now. */
  isDue(ticks: number, untilNext = 0): boolean {
    return ticks + untilNext >= this.#state.due;
  }

  /** Nobody has answered. While the time is not known, the next session asks again. */
  retryAfter(ticks: number, ms: number): void {
    this.#state.due = this.isKnown ? ticks + ms : 0;
  }

  /** Whether an answer is within what the slip can explain. */
  explains({ ticks, time, errorMs }: TimeAnswer): boolean {
    const own = this.at(ticks);
    return own !== undefined && Math.abs(time - own) <= this.errorAt(ticks) + errorMs;
  }

  /**
   * Takes an answer, unless our own clock contradicts it: then it wants a second server that says the same, now or at
   * the next session.
   * @returns by how many milliseconds the time at these ticks has moved, NaN when it was not known before; undefined
   * when the answer was not taken.
   */
  accept(answer: TimeAnswer): number | undefined {
    const state = this.#state;
    const { ticks, time, errorMs, isConfirmed } = answer;
    const own = this.at(ticks);
    const step = own === undefined ? Number.NaN : time - own;
    if (own !== undefined && !this.explains(answer)) {
      const agrees = Math.abs(time - ticks - state.doubt) <= LARGEST_ERROR_MS + this.errorAt(ticks);
      if (!isConfirmed && !agrees) {
        state.doubt = time - ticks;
        state.due = 0;
        return undefined;
      }
    }
    this.#learn(answer);
    state.doubt = Number.NaN;
    state.ticks = ticks;
    state.time = time;
    state.errorMs = errorMs;
    const patience = ((LARGEST_ERROR_MS - errorMs) * MILLION) / Math.max(state.slipError, 1);
    state.due = ticks + Math.min(Math.max(Math.floor(patience), 0), LONGEST_MS);
    return step;
  }

  /**
   * Ticks of the next slot at or after `ticks`: Unix times that are `phase` more than a multiple of `period`. While the
   * time is not known, ticks are what is divided.
   */
  slotAfter(ticks: number, period: number, phase = 0): number {
    const now = this.at(ticks) ?? ticks;
    const slot = nextSlot(now, period, phase);
    const due = ticks + Math.ceil(((slot - now) * MILLION) / (MILLION + this.#state.slip));
    // A millisecond early it would come twice.
    return (this.at(due) ?? due) < slot ? due + 1 : due;
  }

  /**
   * Narrows the interval of the slip by what has passed since the base. What no slip explains says nothing, and begins a
   * new one, as does a day: the longer, the narrower, but a slip is not for ever.
   */
  #learn(answer: TimeAnswer): void {
    const state = this.#state;
    const span = answer.ticks - state.baseTicks;
    const gained = answer.time - state.baseTime - span;
    const uncertain = state.baseErrorMs + answer.errorMs;
    const isSlip = Math.abs(gained) <= (span * LARGEST_SLIP) / MILLION + uncertain;
    if (isSlip && span >= SHORTEST_SPAN_MS) {
      this.#narrow((gained * MILLION) / span, (uncertain * MILLION) / span);
    }
    if (isSlip && span < LONGEST_MS) return;
    state.baseTicks = answer.ticks;
    state.baseTime = answer.time;
    state.baseErrorMs = answer.errorMs;
  }

  /** @param error by how much `measured` is off at most. */
  #narrow(measured: number, error: number): void {
    const state = this.#state;
    const low = Math.max(state.slip - state.slipError, measured - error);
    const high = Math.min(state.slip + state.slipError, measured + error);
    if (low > high) {
      // It was another slip before.
      state.slip = within(measured, -LARGEST_SLIP, LARGEST_SLIP);
      state.slipError = Math.ceil(error) + WANDER;
      return;
    }
    // A wide interval says only what the slip is not; its middle would be a guess.
    state.slip = within(high - low > WIDE ? state.slip : (low + high) / 2, low, high);
    state.slipError = Math.ceil(Math.max(high - state.slip, state.slip - low)) + WANDER;
  }
}
