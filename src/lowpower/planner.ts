import type { Config } from "../config";
import type { Hal } from "../hal";
import type { Timekeeper } from "./timekeeper";
import { devicePhase } from "./wake";

/** A battery that runs low is to last: so many times less often. */
const LOW_SUPPLY_FACTOR = 4;
/**
 * A fleet whose power comes back at one moment must not call at one moment; a person who has just flashed a node waits
 * no longer than this.
 */
const FIRST_SESSION_MS = 10_000;

/** What a setting of the clock moves it by as a rule, and more. */
const STEP_MS = 2_000;

/** When to transmit. */
export class Planner {
  readonly #hal: Hal;
  readonly #config: Readonly<Config>;
  readonly #device: string;
  readonly #time: Timekeeper;
  readonly #sessionMs: number;

  /** @param sessionMs milliseconds between sessions. */
  constructor(hal: Hal, config: Readonly<Config>, device: string, time: Timekeeper, sessionMs: number) {
    this.#hal = hal;
    this.#config = config;
    this.#device = device;
    this.#time = time;
    this.#sessionMs = sessionMs;
  }

  /** Milliseconds between sessions, as the supply allows. */
  get sessionMs(): number {
    return this.#isBelow(this.#config.supplyLowMv) ? LOW_SUPPLY_FACTOR * this.#sessionMs : this.#sessionMs;
  }

  /** False when what is left of the battery is for sampling and storing only. */
  get mayTransmit(): boolean {
    return !this.#isBelow(this.#config.supplyStopMv);
  }

  /** False when what is left of the battery is not for updates: to fetch one, or to stay up while it is on trial. */
  get mayUpdate(): boolean {
    return !this.#isBelow(this.#config.supplyLowMv) && this.mayTransmit;
  }

  /** Ticks of the next session: in this device's own phase. */
  nextSession(): number {
    const { ticks } = this.#hal.clock;
    const period = this.sessionMs;
    // A clock that was set back a little in this session gives no second one.
    const from = ticks + Math.min(STEP_MS, Math.floor(period / 2)) + 1;
    return this.#time.slotAfter(from, period, devicePhase(this.#device, period));
  }

  /** Ticks of an epoch's first session: to say that the terminal is there, and to learn the time. */
  firstSession(): number {
    return this.#hal.clock.ticks + devicePhase(this.#device, FIRST_SESSION_MS);
  }

  /** @param limitMv in millivolts; 0 is no limit. */
  #isBelow(limitMv: number): boolean {
    const { supply } = this.#hal;
    return limitMv > 0 && supply !== undefined && supply.read() * 1000 < limitMv;
  }
}
