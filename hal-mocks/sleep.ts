import type { Sleep, WakeReason } from "../src/hal";

export interface SleepRequest {
  ms: number;
  wakeOn: readonly WakeReason[];
}

/**
 * Deep sleep as the simulator sees it. On a board `deep` does not return; here it does, and the simulator throws
 * the terminal away when it finds `request`.
 */
export class DeepSleep implements Sleep {
  #request: SleepRequest | undefined;
  readonly #onDeep: ((request: SleepRequest) => void) | undefined;

  /** `onDeep` is the simulator's, not firmware's: it is called from inside `deep`. */
  constructor(onDeep?: (request: SleepRequest) => void) {
    this.#onDeep = onDeep;
  }

  /** What the terminal sleeps for, or undefined while it is awake. */
  get request(): SleepRequest | undefined {
    return this.#request;
  }

  deep(ms: number, wakeOn: readonly WakeReason[]): void {
    if (!(ms >= 0)) throw new RangeError(`sleep: ms is ${ms}, expected a number of at least 0`);
    if (this.#request) throw new Error("sleep: the terminal sleeps already, and its code still runs");
    this.#request = { ms, wakeOn: [...wakeOn] };
    this.#onDeep?.(this.#request);
  }

  /** The next boot. */
  wake(): void {
    this.#request = undefined;
  }
}
