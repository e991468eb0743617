/** Only so deep may items be nested: what follows a frame's body may be anything, and must not exhaust the stack. */
const MAX_DEPTH = 32;

/** Major types, RFC 8949 §3.1. */
const NEGATIVE = 1;
const BYTES = 2;
const ARRAY = 4;
const MAP = 5;
const SIMPLE = 7;
const NULL = 22;

/** An item that has no meaning in a frame: a float, a text, a map, a tag, an integer beyond ±(2^53−1). */
export const OPAQUE = Symbol("opaque");

export type Item = number | null | Uint8Array | Item[] | typeof OPAQUE;

/**
 * The one item of CBOR that `bytes` are, as docs/frame.md wants it: of definite length, and each head in its shortest form.
 * cbor-x reads more than that, and would take a float for an integer.
 * @throws Error that says what is wrong.
 */
export function readItem(bytes: Uint8Array): Item {
  const reader = new ItemReader(bytes);
  const item = reader.item(0);
  if (!reader.isAtEnd) throw new Error("it is not one whole item");
  return item;
}

class ItemReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  item(depth: number): Item {
    if (depth > MAX_DEPTH) throw new Error(`an item is nested deeper than ${MAX_DEPTH}`);
    const [initial] = this.#take(1);
    const major = initial >> 5;
    const information = initial & 0x1f;
    if (information > 27) throw new Error("a reserved or an indefinite length");
    if (major === SIMPLE) return this.#simple(information);
    const argument = this.#argument(information);
    if (major <= NEGATIVE) {
      const integer = major === NEGATIVE ? -1 - argument : argument;
      return Number.isSafeInteger(integer) ? integer : OPAQUE;
    }
    if (major < ARRAY) {
      const content = this.#take(argument);
      return major === BYTES ? content : OPAQUE;
    }
    const items = this.#items(major === ARRAY ? argument : major === MAP ? 2 * argument : 1, depth + 1);
    return major === ARRAY ? items : OPAQUE;
  }

  #items(count: number, depth: number): Item[] {
    // Each is of a byte or more: no room is made for what a damaged head claims.
    if (count > this.#bytes.length - this.#at) throw new Error("it is not one whole item");
    const items: Item[] = [];
    while (items.length < count) items.push(this.item(depth));
    return items;
  }

  #simple(information: number): Item {
    if (information < 24) return information === NULL ? null : OPAQUE;
    const [first] = this.#take(2 ** (information - 24));
    if (information === 24 && first < 32) throw new Error("a head that is not in its shortest form");
    return OPAQUE;
  }

  #argument(information: number): number {
    if (information < 24) return information;
    const length = 2 ** (information - 24);
    let argument = 0;
    for (const byte of this.#take(length)) argument = argument * 256 + byte;
    if (argument < (length === 1 ? 24 : 256 ** (length / 2)))
      throw new Error("a head that is not in its shortest form");
    return argument;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error("it is not one whole item");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
