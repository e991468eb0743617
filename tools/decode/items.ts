/** No frame comes near these: what claims to be longer or deeper is damage. */
const MAX_ITEM_BYTES = 1_048_576;
const MAX_DEPTH = 64;

/** Major types, RFC 8949 §3.1. */
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const BREAK = 0xff;
const INDEFINITE = 31;

/**
 * The items of a CBOR sequence (RFC 8742) as bytes, each as soon as it is whole. cbor-x's own stream is no choice:
 * it drops good items when what follows is cut off or damaged.
 * @throws Error for what is no CBOR, after all items before it.
 */
export async function* itemsOf(source: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  const rest = new Rest();
  let scan = new Scan();
  for await (const chunk of source) {
    rest.append(chunk as Uint8Array);
    for (let length = scan.lengthOf(rest.bytes); length !== undefined; length = scan.lengthOf(rest.bytes)) {
      yield rest.take(length);
      scan = new Scan();
    }
    if (rest.length > MAX_ITEM_BYTES) throw new Error(`an item is longer than ${MAX_ITEM_BYTES} bytes`);
  }
  if (rest.length) throw new Error("it ends in the middle of an item");
}

/**
 * The index behind the item at `from`, or undefined when it is not whole.
 * @throws Error when it is not well-formed.
 */
export function endOf(bytes: Uint8Array, from: number): number | undefined {
  const length = new Scan().lengthOf(bytes.subarray(from));
  return length === undefined ? undefined : from + length;
}

/** Bytes that have come and were not taken. What was taken is never written over. */
class Rest {
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  append(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  take(length: number): Uint8Array {
    const from = this.#start;
    this.#start += length;
    return this.#buffer.subarray(from, this.#start);
  }

  /** Twice what is there, so that a long item in many pieces is not copied at each of them. */
  #makeRoom(byteLength: number): void {
    const { bytes, length } = this;
    this.#buffer = new Uint8Array(length + Math.max(length, byteLength));
    this.#buffer.set(bytes);
    this.#start = 0;
    this.#end = length;
  }
}

/** Finds the end of one item (RFC 8949, appendix C). It looks at each byte once, however often more have come. */
class Scan {
  /** Items that each open array, map, tag or string of unknown length still wants. */
  readonly #open: number[] = [];
  #at = 0;

  /**
   * The length of the item that begins `bytes`, or undefined when it is not whole yet: ask again with the same bytes
   * and more behind them.
   * @throws Error when it is not well-formed.
   */
  lengthOf(bytes: Uint8Array): number | undefined {
    while (!this.#at || this.#open.length) if (!this.#step(bytes)) return undefined;
    return this.#at <= bytes.length ? this.#at : undefined;
  }

  /** Passes over one head, and over what a string holds. False when the head is not there yet. */
  #step(bytes: Uint8Array): boolean {
    const open = this.#open;
    const initial = bytes[this.#at];
    const head = headAt(bytes, this.#at);
    if (!head) return false;
    this.#at = head.end;
    const wanted = wantedBy(initial, head.argument);
    if (initial === BREAK && open.pop() !== Number.POSITIVE_INFINITY)
      throw new Error("a break without a begin");
    const type = initial >> 5;
    if ((type === BYTES || type === TEXT) && wanted === 0) this.#at += head.argument;
    if (this.#at > MAX_ITEM_BYTES) throw new Error(`an item is longer than ${MAX_ITEM_BYTES} bytes`);
    if (wanted > 0) open.push(wanted);
    else close(open);
    if (open.length > MAX_DEPTH) throw new Error(`an item is nested deeper than ${MAX_DEPTH}`);
    return true;
  }
}

/** An item has ended, and with it each one that wanted no more. */
function close(open: number[]): void {
  while (open.length && --open[open.length - 1] === 0) open.pop();
}

function wantedBy(initial: number, argument: number): number {
  const type = initial >> 5;
  if (initial !== BREAK && (initial & 0x1f) === INDEFINITE) return Number.POSITIVE_INFINITY;
  if (type === ARRAY) return argument;
  if (type === MAP) return 2 * argument;
  return type === TAG ? 1 : 0;
}

/** The argument of the head at `at`, and where the head ends; undefined when it is cut off. */
function headAt(bytes: Uint8Array, at: number): { argument: number; end: number } | undefined {
  if (at >= bytes.length) return undefined;
  const initial = bytes[at];
  const info = initial & 0x1f;
  if (info < 24) return { argument: info, end: at + 1 };
  if (info === INDEFINITE) {
    const type = initial >> 5;
    if (type < BYTES || type === TAG) throw new Error("an indefinite length where there is none");
    return { argument: 0, end: at + 1 };
  }
  if (info > 27) throw new Error("a reserved length");
  const end = at + 1 + 2 ** (info - 24);
  if (end > bytes.length) return undefined;
  let argument = 0;
  for (let index = at + 1; index < end; index++) argument = argument * 256 + bytes[index];
  return { argument, end };
}
