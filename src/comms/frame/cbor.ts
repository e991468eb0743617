/**
 * The part of CBOR (RFC 8949) that frames need, written into a buffer that the caller gives. Every head is in its
 * shortest form, so the same values give the same bytes.
 */

const TWO_32 = 2 ** 32;

/** Major types, RFC 8949 §3.1, in the place they have in the initial byte. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const TEXT = 0x60;
const ARRAY = 0x80;
const NULL = 0xf6;

const MAX_ASCII = 0x7f;

export class CborWriter {
  readonly #bytes: Uint8Array;
  #length = 0;

  /** Writing past the end of `bytes` throws RangeError. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** What has been written, as a view of the caller's buffer. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** An array of `count` items, which the following calls write. */
  array(count: number): void {
    this.#head(ARRAY, count);
  }

  /** A text of ASCII characters. */
  ascii(text: string): void {
    this.#head(TEXT, text.length);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > MAX_ASCII) throw new RangeError(`cbor: "${text}" is not ASCII`);
      this.#byte(code);
    }
  }

  null(): void {
    this.#byte(NULL);
  }

  /** An integer within ±(2^53−1). */
  integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`cbor: ${value} is no integer within ±(2^53−1)`);
    if (value < 0) this.#head(NEGATIVE, -1 - value);
    else this.#head(UNSIGNED, value);
  }

  #head(major: number, argument: number): void {
    if (argument < 24) {
      this.#byte(major | argument);
    } else if (argument < 0x100) {
      this.#byte(major | 24);
      this.#byte(argument);
    } else if (argument < 0x10000) {
      this.#byte(major | 25);
      this.#big(argument, 2);
    } else if (argument < TWO_32) {
      this.#byte(major | 26);
      this.#big(argument, 4);
    } else {
      this.#byte(major | 27);
      this.#big(Math.floor(argument / TWO_32), 4);
      this.#big(argument % TWO_32, 4);
    }
  }

  #big(value: number, bytes: number): void {
    for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) this.#byte((value >>> shift) & 0xff);
  }

  #byte(value: number): void {
    if (this.#length >= this.#bytes.length) throw new RangeError("cbor: the buffer is full");
    this.#bytes[this.#length++] = value;
  }
}
