/** How long a real peer may stay silent before it counts as dead, in real milliseconds. */
export const DEADLINE_MS = 10_000;

/** A real timer. It keeps the process alive: virtual time waits for an answer or for this. */
export class Deadline {
  readonly #ms: number;
  readonly #onExpired: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, onExpired: (error: Error) => void) {
    this.#ms = ms;
    this.#onExpired = onExpired;
  }

  expect(answer: boolean): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = answer ? setTimeout(() => this.#expired(), this.#ms) : undefined;
  }

  #expired(): void {
    this.#timer = undefined;
    this.#onExpired(new Error(`the peer has not answered within ${this.#ms / 1000} s of real time`));
  }
}
