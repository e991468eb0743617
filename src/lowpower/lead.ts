/** What is kept of it across deep sleep, in milliseconds where it is no count. */
export interface LeadState {
  /** How long after its slot the stream is opened; 0 with the slot. */
  lead: number;
  /** How long before the device has spoken. */
  spare: number;
  /** What was too little. */
  floor: number;
  /** Readings since it was opened with its slot; −1 until that slot is over. */
  taken: number;
}

/** Above a short telegram at 115,200 baud and a late boot: the rest is learned. */
const FIRST_SPARE_MS = 400;
const LONGEST_SPARE_MS = 2_000;
/** After so many readings a little less spare is tried, down to what has been too little not long ago. */
const TRIED_AFTER = 8;
const SHRINKS = 0.75;
const GROWS = 1.5;
/** After so many the slot is looked at anew: by then clocks that drift apart may have passed a telegram's time. */
const RENEWED_AFTER = 60;
/** So far the clock may be set, and the device speaks when it did. */
const NO_STEP_MS = 20;
/** A device that speaks each second may do so this much later than the last time; more, and one was missed. */
const LATE_MS = 400;

/**
 * Readings nearer than that, in milliseconds, get none: a device that was missed must speak once more before the next
 * slot, and the slowest meter does so each 10 seconds (DSMR 2.2 to 4).
 */
export const LEAST_SAMPLE_MS = 30_000;

/** What a stream begins with. */
export function newLead(): LeadState {
  return { lead: 0, spare: FIRST_SPARE_MS, floor: 0, taken: 0 };
}

/**
 * Learns when a device speaks that speaks by itself, as a smart meter does each second: a sleeper that boots with its
 * slot waits half of that with the processor on, which costs more than all else it does.
 */
export class Lead {
  readonly #state: LeadState;

  /** @param state as `newLead` has made it; it is changed in place. */
  constructor(state: LeadState) {
    this.#state = state;
  }

  /** Milliseconds after the slot at which to open the device. */
  get ms(): number {
    return this.#state.lead;
  }

  /** @param ahead how many milliseconds the clock has gained, NaN when the time was not known before. */
  follow(ahead: number): void {
    if (!(Math.abs(ahead) < NO_STEP_MS)) this.forget();
  }

  /** Of what was known of the slot nothing holds: the clock was set, or the device has not spoken well. */
  forget(): void {
    this.#state.lead = 0;
    // The slot that comes may be one of the clock as it was before.
    this.#state.taken = -1;
  }

  /**
   * A good reading was taken.
   * @param after milliseconds from its slot, @param waited from the opening of the device, @param sampleMs to the next.
   */
  learn(after: number, waited: number, sampleMs: number): void {
    const state = this.#state;
    if (state.lead && waited > state.spare + LATE_MS) {
      // It had begun already, and this is what it said next.
      state.floor = Math.min(Math.ceil(state.spare * GROWS), LONGEST_SPARE_MS);
      state.spare = state.floor;
      this.#renew();
      return;
    }
    if (++state.taken >= RENEWED_AFTER) {
      state.floor = Math.floor(state.floor * SHRINKS);
      this.#renew();
    }
    if (!state.taken) return;
    if (state.taken % TRIED_AFTER === 0)
      state.spare = Math.max(Math.floor(state.spare * SHRINKS), state.floor);
    state.lead = Math.max(Math.min(after - state.spare, Math.floor(sampleMs / 2)), 0);
  }

  #renew(): void {
    this.#state.lead = 0;
    this.#state.taken = 0;
  }
}
