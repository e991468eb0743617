import { adapted, BOTTOM, LONGER, NEGATIVE, SECOND, TOP, USUAL, VERBATIM } from "./contexts";

/**
 * A binary arithmetic coder: what it has written is a number between 0 and 1, each bit takes its share of the interval
 * [low, low + range), and `low` is the part of it that is not yet in the buffer.
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

  /** One bit, by what its context expects. */
  bit(index: number, one: boolean): void {
    const contexts = this.#contexts;
    const context = contexts[index];
    let range = this.#range;
    const bound = ((range >>> 8) * (context >>> 6)) >>> 7;
    contexts[index] = adapted(context, one);
    if (!one) this.#low += bound;
    range = one ? bound : range - bound;
    this.#range = range;
    if (range < BOTTOM) this.#normalise();
  }

  /** An integer within ±(2^53−1) that is small as a rule: its length, its sign, and its bits below the highest. */
  residual(value: number): void {
    const magnitude = Math.abs(value);
    const length = bitsOf(magnitude);
    this.#lengthOf(length);
    if (length === 0) return;
    this.bit(NEGATIVE, value < 0);
    if (length === 1) return;
    const below = magnitude - 2 ** (length - 1);
    const half = 2 ** (length - 2);
    this.bit(SECOND + length, below >= half);
    this.#raw(below % half, length - 2);
  }

  /** A value whose residual is no integer within ±(2^53−1). */
  verbatim(value: number): void {
    this.#lengthOf(VERBATIM);
    this.bit(NEGATIVE, value < 0);
    this.#raw(Math.abs(value), 53);
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
    this.#carry();
    while (this.#low) this.#shift();
    return this.#at - this.#start;
  }

  /** Whether there is any; then from the usual length up or down, so that it takes few steps as a rule. */
  #lengthOf(length: number): void {
    this.bit(LONGER, length > 0);
    if (length === 0) return;
    let index = this.#contexts[USUAL];
    if (length > index) {
      while (index < length) this.bit(LONGER + index++, true);
      if (length < VERBATIM) this.bit(LONGER + length, false);
      return;
    }
    while (index >= length) this.bit(LONGER + index--, false);
    if (index > 0) this.bit(LONGER + index, true);
  }

  /** The `count` lower bits of a value, each as likely 0 as 1. */
  #raw(value: number, count: number): void {
    if (count > 24) {
      this.#raw(Math.floor(value / 2 ** 24), count - 24);
      this.#raw(value % 2 ** 24, 24);
      return;
    }
    for (let left = count; left > 0; ) {
      const bits = left < 8 ? left : 8;
      left -= bits;
      this.#range >>>= bits;
      this.#low += this.#range * ((value >>> left) & ((1 << bits) - 1));
      if (this.#range < BOTTOM) this.#normalise();
    }
  }

  #normalise(): void {
    this.#carry();
    do {
      this.#shift();
      this.#range *= 256;
    } while (this.#range < BOTTOM);
  }

  /** Adds the digit that `low` has too many to the number in the buffer, which is always below 1. */
  #carry(): void {
    if (this.#low < TOP) return;
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

/** How many bits a magnitude up to 2^53−1 has. */
function bitsOf(magnitude: number): number {
  if (magnitude < 2 ** 32) return 32 - Math.clz32(magnitude);
  return 64 - Math.clz32(Math.floor(magnitude / 2 ** 32));
}
