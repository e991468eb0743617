/** Types of SML's type-length fields: BSI TR-03109-1, annex on the wired LMN interface, part b. */
export const SmlType = { text: 0, boolean: 4, signed: 5, unsigned: 6, list: 7 } as const;

const MORE = 0x80;
/** Two bytes say 255; longer fields are in no meter's list. */
const MAX_TL_BYTES = 3;
const MAX_INTEGER_BYTES = 8;

/** Walks over the elements of an SML file in a buffer. Nothing is allocated, and nothing recurses. */
export class SmlCursor {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Of the element that `next` has entered: its type, where its content stands, and its bytes or elements. */
  type = 0;
  start = 0;
  length = 0;

  open(bytes: Uint8Array, length: number): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = length;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Enters the next element; of a list, its first element is next then. False when there is none, or no whole one. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const first = this.#at;
    let byte = this.#bytes[this.#at++];
    const type = (byte >> 4) & 7;
    let length = byte & 15;
    while (byte & MORE) {
      if (this.#at >= this.#end || this.#at - first >= MAX_TL_BYTES) return false;
      byte = this.#bytes[this.#at++];
      length = length * 16 + (byte & 15);
    }
    this.type = type;
    this.start = this.#at;
    if (type === SmlType.list) {
      this.length = length;
      return true;
    }
    // The length counts the bytes that say it; 00 ends a message, and has none.
    this.length = Math.max(length - (this.#at - first), 0);
    if (length === 0 ? this.#at - first !== 1 || type !== SmlType.text : length < this.#at - first)
      return false;
    this.#at += this.length;
    return this.#at <= this.#end;
  }

  /** Passes over `count` elements and all that is in them. False when they are not whole. */
  skip(count: number): boolean {
    let left = count;
    while (left > 0) {
      if (!this.next()) return false;
      left--;
      if (this.type === SmlType.list) left += this.length;
    }
    return true;
  }

  /** Enters the next element, or passes over it when it is a list, which has no value then. */
  nextValue(): boolean {
    if (!this.next()) return false;
    if (this.type !== SmlType.list) return true;
    const isWhole = this.skip(this.length);
    this.type = SmlType.list;
    this.length = 0;
    return isWhole;
  }

  /** Enters a list of that many elements. */
  enterList(length: number): boolean {
    return this.next() && this.type === SmlType.list && this.length === length;
  }

  /** The element's value, NaN when it is not a number, or absent, or longer than a double is exact. */
  get number(): number {
    const { type, start, length } = this;
    if ((type !== SmlType.signed && type !== SmlType.unsigned) || length === 0 || length > MAX_INTEGER_BYTES)
      return Number.NaN;
    let value = 0;
    for (let at = start; at < start + length; at++) value = value * 256 + this.#bytes[at];
    if (type === SmlType.signed && this.#bytes[start] & 0x80) {
      // Of eight bytes the two's complement would be rounded: count from the top.
      value = 0;
      for (let at = start; at < start + length; at++) value = value * 256 + (255 - this.#bytes[at]);
      value = -value - 1;
    }
    return Number.isSafeInteger(value) ? value : Number.NaN;
  }

  /** A byte of the element's content. */
  byteAt(index: number): number {
    return this.#bytes[this.start + index];
  }
}
