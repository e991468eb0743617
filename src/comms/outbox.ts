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
  append(point: number, frame: Uint8Array): void;
  /** The largest id given so far: no frame is stored under an id twice. */
  readonly lastId: number;
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

  /** `capacity`: frames that are kept. `lastId`: the largest id given so far, as far as the caller knows. */
  constructor(storage: KeyValueStorage, capacity: number, lastId: number) {
    this.#capacity = capacity;
    this.#store = storage.open({ path: DOMAIN, format: "buffer", mode: "r+" });
    for (const key of this.#store) if (FRAME_KEY.test(key)) this.#ids.push(Number(key.slice(1)));
    this.#ids.sort((a, b) => a - b);
    this.#lastId = Math.max(lastId, this.#ids[this.#ids.length - 1] ?? 0);
    this.#store.format = "uint32";
    this.#dropped = (this.#store.read(DROPPED) as number | undefined) ?? 0;
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

  append(point: number, frame: Uint8Array): void {
    while (this.#ids.length >= this.#capacity) this.#dropOldest();
    const id = this.#lastId + 1;
    const record = new Uint8Array(1 + frame.length);
    record[0] = point;
    record.set(frame, 1);
    this.#lastId = id;
    if (this.#write(keyOf(id), record.buffer)) this.#ids.push(id);
    else this.#countDropped();
  }

  /**
   * A store that is full throws: the oldest frames make room. False when more room does not help: what throws for
   * another reason must not cost all that waits.
   */
  #write(key: string, record: ArrayBuffer): boolean {
    let enough = 2 * record.byteLength + PAGE_BYTES;
    for (;;) {
      try {
        this.#store.write(key, record);
        return true;
      } catch {
        if (!this.#ids.length || enough <= 0) return false;
        enough -= this.#dropOldest();
      }
    }
  }

  next(after: number): StoredFrame | undefined {
    for (const id of this.#ids) {
      if (id <= after) continue;
      const record = this.#store.read(keyOf(id)) as ArrayBuffer | undefined;
      if (!record) continue;
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
    const record = this.#store.read(keyOf(id)) as ArrayBuffer | undefined;
    // First the room, then the count, which needs some itself.
    this.acknowledge(id);
    this.#countDropped();
    return record?.byteLength ?? 1;
  }

  #countDropped(): void {
    this.#dropped++;
    this.#store.format = "uint32";
    try {
      this.#store.write(DROPPED, this.#dropped);
    } catch {
      // Too full even for a number: the next drop counts this one too.
    }
    this.#store.format = "buffer";
  }
}

function keyOf(id: number): string {
  return `f${String(id).padStart(9, "0")}`;
}
