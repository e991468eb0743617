/**
 * The part of CBOR (RFC 8949) that frames need, written into a buffer that the caller gives. Every head is in its
 * shortest form, so the same values give the same bytes.
 */

const TWO_32 = 2 ** 32;

/** Major types, RFC 8949 §3.1, in the place they have in the initial byte. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const TEXT = 0x60;
const BYTES = 0x40;
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
    const at = this.#grow(text.length);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > MAX_ASCII) throw new RangeError(`cbor: "${text}" is not ASCII`);
      this.#bytes[at + index] = code;
    }
  }

  null(): void {
    this.#bytes[this.#grow(1)] = NULL;
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
    const bytes = this.#bytes;
    const at = this.#length;
    const major = value < 0 ? NEGATIVE : UNSIGNED;
    const argument = value < 0 ? -1 - value : value;
    // Most differences are small: no call for them. What is no integer differs from what `|` makes of it.
    if (argument < 0x100 && (value | 0) === value && at + 2 <= bytes.length) {
      if (argument < 24) {
        bytes[at] = major | argument;
        this.#length = at + 1;
      } else {
        bytes[at] = major | 24;
        bytes[at + 1] = argument;
        this.#length = at + 2;
      }
      return;
    }
    if (!Number.isSafeInteger(value)) throw new RangeError(`cbor: ${value} is no integer within ±(2^53−1)`);
    this.#head(major, argument);
  }

  /** No loop, and a call for each head, not for each byte: this runs once a value. */
  #head(major: number, argument: number): void {
    const bytes = this.#bytes;
    if (argument < 24) {
      bytes[this.#grow(1)] = major | argument;
    } else if (argument < 0x100) {
      const at = this.#grow(2);
      bytes[at] = major | 24;
      bytes[at + 1] = argument;
    } else if (argument < 0x10000) {
      const at = this.#grow(3);
      bytes[at] = major | 25;
      bytes[at + 1] = argument >> 8;
      bytes[at + 2] = argument & 0xff;
    } else if (argument < TWO_32) {
      const at = this.#grow(5);
      bytes[at] = major | 26;
      this.#word(at + 1, argument);
    } else {
      const at = this.#grow(9);
      bytes[at] = major | 27;
      this.#word(at + 1, Math.floor(argument / TWO_32));
      this.#word(at + 5, argument % TWO_32);
    }
  }

  #word(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = (value >>> 16) & 0xff;
    bytes[at + 2] = (value >>> 8) & 0xff;
    bytes[at + 3] = value & 0xff;
  }

  /** Takes `count` more bytes, and returns where they begin. */
  #grow(count: number): number {
    const at = this.#length;
    const length = at + count;
    if (length > this.#bytes.length) throw new RangeError("cbor: the buffer is full");
    this.#length = length;
    return at;
  }
}
