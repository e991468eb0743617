import type { Clock } from "../hal";

/** Why a session has failed. A network that is not there is data, not a programming error. */
export type SessionCause = "wifi" | "address" | "broker" | "lost" | "deadline";

export class SessionFailure extends Error {
  override name = "SessionFailure";
  readonly why: SessionCause;

  /** `detail`: what the platform said. */
  constructor(why: SessionCause, detail?: string) {
    super(detail === undefined ? why : `${why}: ${detail}`);
    this.why = why;
  }
}

/** Turns callbacks into steps: a sequence waits for the next change, and a failure ends it wherever it waits. */
export class Waiter {
  readonly #clock: Clock;
  #settle: { resolve: () => void; reject: (failure: SessionFailure) => void } | undefined;
  #failure: SessionFailure | undefined;
  #changed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get failure(): SessionFailure | undefined {
    return this.#failure;
  }

  /** Resolves at the next change, rejects when there is a failure. A change in between is not missed. */
  async next(): Promise<void> {
    if (!this.#changed && !this.#failure) {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
      });
    }
    this.#changed = false;
    if (this.#failure) throw this.#failure;
  }

  change(): void {
    this.#changed = true;
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.resolve();
  }

  /** The first failure counts, and is for good. */
  fail(failure: SessionFailure): void {
    if (this.#failure) return;
    this.#failure = failure;
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.reject(failure);
  }

  /**
   * Waits until something holds.
   * @returns false when `ms` have passed, or `isVain` says that it will not come.
   * @throws SessionFailure when there is one.
   */
  async until(holds: () => boolean, ms: number, isVain: () => boolean = never): Promise<boolean> {
    let isLate = false;
    const timer = this.#clock.set(() => {
      isLate = true;
      this.change();
    }, ms);
    try {
      while (!holds()) {
        if (isLate || isVain()) return false;
        await this.next();
      }
      return true;
    } finally {
      this.#clock.clear(timer);
    }
  }
}

function never(): boolean {
  return false;
}
