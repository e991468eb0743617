/**
 * A batch of readings as rows of bytes: what has to survive deep sleep, small enough for RTC memory.
 *
 * A row is the quality code, the ticks since the row before, and one integer a column as the difference to the
 * last one present in that column. A number is little-endian base 128 with a sign: the first byte carries a
 * continuation bit (0x80), the sign (0x40) and 6 bits, every later one a continuation bit and 7 bits. Minus zero
 * is a missing value.
 */

const CONTINUED = 0x80;
const NEGATIVE = 0x40;
const MISSING = NEGATIVE;
/** The first magnitude that needs a second byte. */
const SMALL = 64;
/** Bytes that the largest number takes: 6 bits, then 7 at a time, up to 53. */
export const NUMBER_BYTES = 8;

/** Appends a number at `at`; returns the index behind it. NaN is missing. Needs NUMBER_BYTES of room. */
export function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  // Most differences are small.
  if (value > -SMALL && value < SMALL) {
    bytes[at] = value < 0 ? NEGATIVE - value : value;
    return at + 1;
  }
  if (Number.isNaN(value)) {
    bytes[at] = MISSING;
    return at + 1;
  }
  let rest = value < 0 ? -value : value;
  let byte = (rest % 64) | (value < 0 ? NEGATIVE : 0);
  rest = Math.floor(rest / 64);
  let index = at;
  while (rest > 0) {
    bytes[index++] = byte | CONTINUED;
    byte = rest % 128;
    rest = Math.floor(rest / 128);
  }
  bytes[index++] = byte;
  return index;
}

/** Reads numbers one after the other. */
export class NumberReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The index behind what has been read. */
  get at(): number {
    return this.#at;
  }

  /** The next number; NaN is a missing one. */
  next(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = bytes[at++];
    if (byte < CONTINUED) {
      this.#at = at;
      if (byte < NEGATIVE) return byte;
      return byte === MISSING ? Number.NaN : NEGATIVE - byte;
    }
    const negative = (byte & NEGATIVE) !== 0;
    let value = byte & 0x3f;
    let weight = SMALL;
    while (byte & CONTINUED) {
      byte = bytes[at++];
      value += (byte & 0x7f) * weight;
      weight *= 128;
    }
    this.#at = at;
    return negative ? -value : value;
  }
}
