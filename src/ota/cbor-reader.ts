/**
 * Reads CBOR (RFC 8949) that strangers sent, as far as update packages use it, and only in its deterministic encoding
 * (§4.2.1): heads are as short as can be, lengths definite, nothing comes after the end. There are no floats, no simple
 * values, and no number from 2^32 on. Whoever calls says what comes next, so nothing nests deeper than its code does.
 *
 * Everything else throws RefusedUpdate: `truncated` where bytes are missing, `oversize` above a limit, `encoding` for
 * what is not deterministic, and the caller's own reason where another type of item stands.
 */
import { type Refusal, RefusedUpdate } from "./refusal";

/** Major types, RFC 8949 §3.1. */
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

const TYPE_SHIFT = 5;
const ARGUMENT_MASK = 0x1f;
/** From this on, the argument stands in the bytes behind the initial one: 24 says 1 byte, 25 two, 26 four, 27 eight. */
const FIRST_LONG = 24;
const EIGHT_BYTES = 27;
const FIRST_ASCII = 0x20;
const LAST_ASCII = 0x7e;

export class CborReader {
  readonly #bytes: Uint8Array;
  readonly #otherwise: Refusal;
  #at = 0;

  /** @param otherwise the reason when an item is of another type than the one that is asked for. */
  constructor(bytes: Uint8Array, otherwise: Refusal) {
    this.#bytes = bytes;
    this.#otherwise = otherwise;
  }

  /** From `low` to `high`, both included and at most 2^32−1; what is beyond is refused as another type is. */
  unsigned(low: number, high: number): number {
    const value = this.#head(UNSIGNED);
    if (value < low || value > high) this.#refuse(`${value} is not from ${low} to ${high}`);
    return value;
  }

  /** An integer of either sign. */
  integer(): number {
    return this.#type() === NEGATIVE ? -1 - this.#head(NEGATIVE) : this.#head(UNSIGNED);
  }

  /** A byte string, as a view of what is read. */
  bytes(low: number, high: number): Uint8Array {
    return this.#take(this.#length(BYTES, low, high));
  }

  /** A text of printable ASCII characters. */
  ascii(low: number, high: number): string {
    let text = "";
    for (const code of this.#take(this.#length(TEXT, low, high))) {
      if (code < FIRST_ASCII || code > LAST_ASCII) this.#refuse("a text that is not ASCII");
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** How many items follow as an array. */
  array(low: number, high: number): number {
    return this.#length(ARRAY, low, high);
  }

  /** How many pairs follow as a map. Each key is to be read by `key`. */
  map(low: number, high: number): number {
    return this.#length(MAP, low, high);
  }

  /** A map's next key, an unsigned number above `last`, the key before it (−1 before the first). */
  key(last: number): number {
    const key = this.#head(UNSIGNED);
    if (key === last) throw new RefusedUpdate("duplicate", `key ${key} comes twice`);
    if (key < last) throw new RefusedUpdate("encoding", `key ${key} comes after ${last}`);
    return key;
  }

  /** A tag, which is to be this one. */
  tag(expected: number): void {
    const tag = this.#head(TAG);
    if (tag !== expected) this.#refuse(`tag ${tag} where ${expected} is to be`);
  }

  /** To be called last. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left) throw new RefusedUpdate("encoding", `${left} more bytes than the item has`);
  }

  #length(type: number, low: number, high: number): number {
    const length = this.#head(type);
    if (length > high) throw new RefusedUpdate("oversize", `a length of ${length} where ${high} is the most`);
    if (length < low) this.#refuse(`a length of ${length} where ${low} is the least`);
    return length;
  }

  #type(): number {
    if (this.#at >= this.#bytes.length) throw new RefusedUpdate("truncated");
    return this.#bytes[this.#at] >> TYPE_SHIFT;
  }

  #head(type: number): number {
    const found = this.#type();
    if (found !== type) this.#refuse(`an item of type ${found} where ${type} is to be`);
    const argument = this.#bytes[this.#at++] & ARGUMENT_MASK;
    if (argument < FIRST_LONG) return argument;
    if (argument > EIGHT_BYTES) throw new RefusedUpdate("encoding", "an indefinite length");
    const count = 1 << (argument - FIRST_LONG);
    let value = 0;
    for (const byte of this.#take(count)) value = value * 0x100 + byte;
    const least = count === 1 ? FIRST_LONG : 2 ** (count * 4);
    if (value < least) throw new RefusedUpdate("encoding", `${value} in more bytes than it needs`);
    if (argument === EIGHT_BYTES) throw new RefusedUpdate("oversize", "a number from 2^32 on");
    return value;
  }

  #take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RefusedUpdate("truncated");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #refuse(detail: string): never {
    throw new RefusedUpdate(this.#otherwise, detail);
  }
}
