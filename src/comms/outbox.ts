import type { KeyValue, KeyValueStorage } from "../hal";

/** A stored frame, as the session takes it. */
export interface StoredFrame {
  /** Grows with each frame; the outbox's own, not the frame's `seq`. */
  id: number;
  point: number;
  frame: Uint8Array;
}

/** Where frames wait for their acknowledgement. What `append` has returned from survives any power loss. */
export interface Outbox {
  /** How many frames wait. */
  readonly count: number;
  /** How many were dropped, unsent, to make room; kept over power loss. */
  readonly dropped: number;
  /** False when the store fails: the frame is not there. */
  append(point: number, frame: Uint8Array): boolean;
  /** The largest id given so far: no frame is stored under an id twice. */
  readonly lastId: number;
  /** Whether a frame of this id waits. */
  has(id: number): boolean;
  /** The oldest frame whose id is larger than `after`, or undefined. */
  next(after: number): StoredFrame | undefined;
  /** Forgets a frame. Acknowledging one twice does nothing. */
  acknowledge(id: number): void;
  close(): void;
}

const DOMAIN = "outbox";
const DROPPED = "dropped";
/** NVS frees whole pages: this much more than a frame's size may have to go before it fits. */
const PAGE_BYTES = 4096;
/** 9 decimal digits: a frame a second for 31 years. */
const FRAME_KEY = /^f[0-9]{9}$/;

/**
 * The outbox on the key-value store: a frame a key. Enough for the first nodes; a log in raw flash takes its place
 * behind the same interface.
 */
export class KeyValueOutbox implements Outbox {
  readonly #store: KeyValue;
  readonly #capacity: number;
  /** Ids that wait, oldest first. */
  readonly #ids: number[] = [];
  #lastId: number;
  #dropped: number;

  /**
   * @param capacity frames that are kept.
   * @param known the largest id given so far, and the frames dropped so far, as far as the caller knows.
   */
  constructor(
    storage: KeyValueStorage,
    capacity: number,
    known: { readonly lastFrameId: number; readonly dropped: number },
  ) {
    this.#capacity = capacity;
    this.#store = storage.open({ path: DOMAIN, format: "buffer", mode: "r+" });
    for (const key of this.#store) if (FRAME_KEY.test(key)) this.#ids.push(Number(key.slice(1)));
    this.#ids.sort((a, b) => a - b);
    this.#lastId = Math.max(known.lastFrameId, this.#ids[this.#ids.length - 1] ?? 0);
    this.#store.format = "uint32";
    this.#dropped = Math.max(known.dropped, (this.#read(DROPPED) as number | undefined) ?? 0);
    this.#store.format = "buffer";
  }

  get count(): number {
    return this.#ids.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get lastId(): number {
    return this.#lastId;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }

  append(point: number, frame: Uint8Array): boolean {
    while (this.#ids.length >= this.#capacity) this.#dropOldest();
    const id = this.#lastId + 1;
    const record = new Uint8Array(1 + frame.length);
    record[0] = point;
    record.set(frame, 1);
    this.#lastId = id;
    const written = this.#write(keyOf(id), record.buffer);
    if (written) this.#ids.push(id);
    return written;
  }

  /**
   * A store that is full throws: the oldest frames make room. False when more room does not help: what throws for
   * another reason must not cost all that waits.
   */
  #write(key: string, record: ArrayBuffer): boolean {
    // What fails once may be a passing fault, and must cost nothing.
    if (this.#tryWrite(key, record) || this.#tryWrite(key, record)) return true;
    for (let enough = 2 * record.byteLength + PAGE_BYTES; this.#ids.length && enough > 0; ) {
      enough -= this.#dropOldest();
      if (this.#tryWrite(key, record)) return true;
    }
    return false;
  }

  #tryWrite(key: string, value: ArrayBuffer | number): boolean {
    try {
      this.#store.write(key, value);
      return true;
    } catch {
      return false;
    }
  }

  /** Undefined also for what is there in another type, which only other tools can have written. */
  #read(key: string): ArrayBuffer | string | number | undefined {
    try {
      return this.#store.read(key);
    } catch {
      return undefined;
    }
  }

  next(after: number): StoredFrame | undefined {
    for (const id of this.#ids) {
      if (id <= after) continue;
      const record = this.#read(keyOf(id)) as ArrayBuffer | undefined;
      // What cannot be read now stays: it must not hold up what can.
      if (!record?.byteLength) continue;
      const bytes = new Uint8Array(record);
      return { id, point: bytes[0], frame: bytes.subarray(1) };
    }
    return undefined;
  }

  acknowledge(id: number): void {
    const index = this.#ids.indexOf(id);
    if (index < 0) return;
    this.#ids.splice(index, 1);
    try {
      this.#store.delete(keyOf(id));
    } catch {
      // It stays in the store: after the next boot it is sent once more, and the receiver drops it.
    }
  }

  close(): void {
    this.#store.close();
  }

  /** Returns how many bytes that has freed, at least 1. */
  #dropOldest(): number {
    const [id] = this.#ids;
    const record = this.#read(keyOf(id)) as ArrayBuffer | undefined;
    // First the room, then the count, which needs some itself.
    this.acknowledge(id);
    this.#countDropped();
    return record?.byteLength || 1;
  }

  #countDropped(): void {
    this.#dropped++;
    this.#store.format = "uint32";
    // Too full even for a number: the next drop counts this one too.
    this.#tryWrite(DROPPED, this.#dropped);
    this.#store.format = "buffer";
  }
}

function keyOf(id: number): string {
  return `f${String(id).padStart(9, "0")}`;
}
