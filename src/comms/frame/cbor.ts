/**
 * The part of CBOR (RFC 8949) that frames need, written into a buffer that the caller gives. Every head is in its
 * shortest form, so the same values give the same bytes.
 */

const TWO_32 = 2 ** 32;

/** Major types, RFC 8949 §3.1, in the place they have in the initial byte. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BYTES = 0x40;
const ARRAY = 0x80;
const NULL = 0xf6;

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

  null(): void {
    this.#byte(NULL);
  }

  /** A byte string of the `length` bytes that the caller has put right behind what is written: its head pushes them on. */
  byteString(length: number): void {
    const from = this.#length;
    const bytes = this.#bytes;
    // Seen before it is moved: a head has no other length than this.
    const head = length < 24 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5;
    if (from + head + length > bytes.length) throw new RangeError("cbor: the buffer is full");
    bytes.copyWithin(from + head, from, from + length);
    this.#head(BYTES, length);
    this.#length += length;
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
