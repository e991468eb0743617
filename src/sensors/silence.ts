import type { Clock, Timer } from "../hal";

/** Tells of a device that talks by itself, and has not for some time: again and again, until it does. */
export class Silence {
  readonly #clock: Clock;
  readonly #onSilent: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, onSilent: () => void) {
    this.#clock = clock;
    this.#onSilent = onSilent;
  }

  /** The device has spoken, or is listened to from now on; it is silent after `ms`. */
  watch(ms: number): void {
    this.#clock.clear(this.#timer);
    this.#timer = this.#clock.set(() => {
      this.watch(ms);
      this.#onSilent();
    }, ms);
  }

  close(): void {
    this.#clock.clear(this.#timer);
    this.#timer = undefined;
  }
}
