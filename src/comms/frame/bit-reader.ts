import { BOTTOM, LONGER, NEGATIVE, SECOND, SLOWEST, TOP, USUAL, VERBATIM } from "./contexts";

/** What is wrong with a dense body. */
export class DenseError extends Error {}

/** Bytes that are read before the first bit. */
const LOOKAHEAD = 3;

/** Reads what BitWriter writes, and never past the last byte. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #contexts: Int32Array;
  #at = 0;
  #low = 0;
  #range = TOP;
  /** What is read, less `low`: always below `range`. */
  #code = 0;

  constructor(bytes: Uint8Array, contexts: Int32Array) {
    this.#bytes = bytes;
    this.#contexts = contexts;
    for (let count = 0; count < LOOKAHEAD; count++) this.#code = this.#code * 256 + this.#byte();
  }

  bit(index: number): boolean {
    let context = this.#contexts[index];
    const divisor = context & 31;
    const bound = ((this.#range >>> 8) * (context >>> 6)) >>> 7;
    const one = this.#code < bound;
    if (one) {
      context += (((65535 - (context >>> 5)) / divisor) | 0) << 5;
      this.#range = bound;
    } else {
      context -= (((context >>> 5) / divisor) | 0) << 5;
      this.#pass(bound);
      this.#range -= bound;
    }
    this.#contexts[index] = divisor < SLOWEST ? context + 1 : context;
    this.#normalise();
    return one;
  }

  /** The value that has this prediction. @throws DenseError when no encoder writes it so. */
  value(prediction: number): number {
    const length = this.#length();
    if (length === VERBATIM) return this.#verbatim(prediction);
    if (length === 0) return prediction;
    const negative = this.bit(NEGATIVE);
    const value = prediction + signed(negative, this.#magnitude(length));
    if (!Number.isSafeInteger(value)) throw new DenseError("the sum is outside ±(2^53−1)");
    return value;
  }

  /** @throws DenseError when this is not how an encoder ends. */
  finish(): void {
    let bytes = this.#at - LOOKAHEAD;
    for (let unit = TOP; ; unit /= 256) {
      const number = Math.ceil(this.#low / unit) * unit - this.#low;
      if (number < this.#range) {
        if (bytes !== this.#bytes.length)
          throw new DenseError(`it is of ${this.#bytes.length} bytes, not of ${bytes}`);
        if (number !== this.#code) throw new DenseError("it is damaged: it does not end as its readings do");
        return;
      }
      bytes++;
    }
  }

  #length(): number {
    if (!this.bit(LONGER)) return 0;
    let length = this.#contexts[USUAL];
    if (this.bit(LONGER + length)) {
      do length++;
      while (length < VERBATIM && this.bit(LONGER + length));
      return length;
    }
    while (length > 1 && !this.bit(LONGER + length - 1)) length--;
    return length;
  }

  #verbatim(prediction: number): number {
    const negative = this.bit(NEGATIVE);
    const value = signed(negative, this.#raw(53));
    if (Number.isSafeInteger(value - prediction)) throw new DenseError("a value in full that need not be");
    return value;
  }

  #magnitude(length: number): number {
    if (length === 1) return 1;
    const half = 2 ** (length - 2);
    const second = this.bit(SECOND + length);
    return 2 * half + (second ? half : 0) + this.#raw(length - 2);
  }

  #raw(count: number): number {
    if (count > 24) return this.#raw(count - 24) * 2 ** 24 + this.#raw(24);
    let value = 0;
    for (let left = count; left > 0; left -= 8) {
      const bits = left < 8 ? left : 8;
      value = (value << bits) | this.#digit(bits);
    }
    return value;
  }

  #digit(bits: number): number {
    this.#range >>>= bits;
    const digit = Math.floor(this.#code / this.#range);
    if (digit >= 2 ** bits) throw new DenseError("bits that no encoder writes");
    this.#pass(digit * this.#range);
    this.#normalise();
    return digit;
  }

  #pass(share: number): void {
    this.#code -= share;
    this.#low += share;
  }

  #normalise(): void {
    while (this.#range < BOTTOM) {
      this.#range *= 256;
      this.#code = this.#code * 256 + this.#byte();
      this.#low = (this.#low * 256) % TOP;
    }
  }

  /** Zeros follow the last byte, as many as an encoder needs not write. */
  #byte(): number {
    const at = this.#at++;
    if (at >= this.#bytes.length + LOOKAHEAD) throw new DenseError("the body ends before it");
    return at < this.#bytes.length ? this.#bytes[at] : 0;
  }
}

function signed(negative: boolean, magnitude: number): number {
  return negative ? -magnitude : magnitude;
}
