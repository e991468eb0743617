const SECONDS_PER_DAY = 86_400;
const BITS_PER_BYTE = 8;

/** A set of seconds: a bit each, of the days that have any. */
export class Seconds {
  readonly #days = new Map<number, Uint8Array>();

  /** False when it was there already. */
  add(second: number): boolean {
    const day = Math.floor(second / SECONDS_PER_DAY);
    const rest = second - day * SECONDS_PER_DAY;
    let bits = this.#days.get(day);
    if (!bits) {
      bits = new Uint8Array(SECONDS_PER_DAY / BITS_PER_BYTE);
      this.#days.set(day, bits);
    }
    const mask = 1 << (rest % BITS_PER_BYTE);
    const at = Math.floor(rest / BITS_PER_BYTE);
    if (bits[at] & mask) return false;
    bits[at] |= mask;
    return true;
  }
}
