import { BOTTOM, LONGER, NEGATIVE, SECOND, SLOWEST, TOP, USUAL, VERBATIM } from "./contexts";

const WORD = 2 ** 32;
const LARGEST = Number.MAX_SAFE_INTEGER;

/**
 * A binary arithmetic coder: what it has written is a number between 0 and 1, each bit takes its share of the interval
 * [low, low + range), and `low` is the part of it that is not yet in the buffer.
 *
 * XS interprets this some thousand times a frame: what is short is not in a function of its own here.
 */
export class BitWriter {
  readonly #bytes: Uint8Array;
  readonly #contexts: Int32Array;
  readonly #start: number;
  #at: number;
  #low = 0;
  #range = TOP;

  /** Writes into `bytes` from `start` on; past its end it throws RangeError. */
  constructor(bytes: Uint8Array, start: number, contexts: Int32Array) {
    this.#bytes = bytes;
    this.#contexts = contexts;
    this.#start = start;
    this.#at = start;
  }

  /** One bit, by what its context expects, which adapts. */
  bit(index: number, one: boolean): void {
    let context = this.#contexts[index];
    const divisor = context & 31;
    let share = ((this.#range >>> 8) * (context >>> 6)) >>> 7;
    if (one) {
      context += (((65535 - (context >>> 5)) / divisor) | 0) << 5;
    } else {
      this.#low += share;
      share = this.#range - share;
      context -= (((context >>> 5) / divisor) | 0) << 5;
    }
    this.#contexts[index] = divisor < SLOWEST ? context + 1 : context;
    this.#range = share;
    if (share < BOTTOM) this.#normalise();
  }

  /** A value by its distance from the prediction, both within ±(2^53−1): its length, its sign, the bits below the highest. */
  value(value: number, prediction: number): void {
    const residual = value - prediction;
    if (residual === 0) {
      this.bit(LONGER, false);
      return;
    }
    this.bit(LONGER, true);
    const isNegative = residual < 0;
    const magnitude = isNegative ? -residual : residual;
    if (magnitude > LARGEST) {
      this.#length(VERBATIM);
      this.bit(NEGATIVE, value < 0);
      this.#raw(Math.abs(value), 53);
      return;
    }
    const length =
      magnitude < WORD ? 32 - Math.clz32(magnitude) : 64 - Math.clz32(Math.floor(magnitude / WORD));
    this.#length(length);
    this.bit(NEGATIVE, isNegative);
    if (length === 1) return;
    const below = length - 2;
    this.bit(SECOND + length, (below < 32 ? magnitude >>> below : magnitude / 2 ** below) % 2 >= 1);
    if (below > 0) this.#raw(magnitude, below);
  }

  /**
   * Ends with the fewest bytes that, followed by zeros, lie in the interval.
   * @returns how many bytes have been written.
   */
  finish(): number {
    let unit = TOP;
    let number = 0;
    for (;;) {
      number = Math.ceil(this.#low / unit) * unit;
      if (number < this.#low + this.#range) break;
      unit /= 256;
    }
    this.#low = number;
    if (number >= TOP) this.#carry();
    while (this.#low) this.#shift();
    return this.#at - this.#start;
  }

  /** From the usual length up or down, so that it takes few steps as a rule. */
  #length(length: number): void {
    let index = LONGER + this.#contexts[USUAL];
    const end = LONGER + length;
    if (end > index) {
      while (index < end) this.bit(index++, true);
      if (length < VERBATIM) this.bit(end, false);
      return;
    }
    while (index >= end) this.bit(index--, false);
    if (length > 1) this.bit(index, true);
  }

  /** The `count` lower bits of a value, each as likely 0 as 1. */
  #raw(value: number, count: number): void {
    let left = count;
    if (count > 24) {
      this.#raw(Math.floor(value / TOP), count - 24);
      left = 24;
    }
    while (left > 0) {
      const bits = left < 8 ? left : 8;
      left -= bits;
      const range = this.#range >>> bits;
      this.#low += range * ((value >>> left) & ((1 << bits) - 1));
      this.#range = range;
      if (range < BOTTOM) this.#normalise();
    }
  }

  #normalise(): void {
    if (this.#low >= TOP) this.#carry();
    do {
      this.#shift();
      this.#range *= 256;
    } while (this.#range < BOTTOM);
  }

  /** Adds the digit that `low` has too many to the number in the buffer, which is always below 1. */
  #carry(): void {
    this.#low -= TOP;
    let at = this.#at - 1;
    while (this.#bytes[at] === 255) this.#bytes[at--] = 0;
    this.#bytes[at]++;
  }

  #shift(): void {
    if (this.#at >= this.#bytes.length) throw new RangeError("frame: the buffer is full");
    this.#bytes[this.#at++] = this.#low >>> 16;
    this.#low = (this.#low & 0xffff) << 8;
  }
}
