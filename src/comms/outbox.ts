import type { Flash, FlashStorage } from "../hal";
import { Blocks } from "./ring/blocks";
import { IdRanges } from "./ring/id-ranges";
import { HEADER_BYTES } from "./ring/layout";
import { LOSSES_BYTES, Losses } from "./ring/losses";
import {
  ACKNOWLEDGEMENT,
  ACKNOWLEDGEMENT_BYTES,
  CRC_BYTES,
  EVENT,
  encodeAcknowledgement,
  encodeRecord,
  FRAME,
  type FrameMeta,
  GAP,
  HEAD_BYTES,
  NOTE,
  recordBytes,
} from "./ring/record";
import { BlockScan } from "./ring/scan";

export type { FrameMeta } from "./ring/record";

/** A stored frame or event, as the session takes it. */
export interface StoredRecord {
  /** Grows with each record; the outbox's own, not a frame's `seq`. */
  id: number;
  kind: "frame" | "event";
  point: number;
  payload: Uint8Array;
  /** What was stored with it; empty when there was nothing. */
  note: Uint8Array;
}

/** Where frames and events wait for their acknowledgement. What `append` has accepted survives any power loss. */
export interface Outbox {
  /** How many records wait. */
  readonly count: number;
  /** How many frames were dropped, unsent, to make room; kept over power loss. */
  readonly dropped: number;
  /** The largest id given so far: nothing is stored under an id twice. */
  readonly lastId: number;
  /** False when the store fails: the frame is not there. `note` is stored with it, wholly or not at all. */
  append(meta: FrameMeta, frame: Uint8Array, note?: Uint8Array): boolean;
  appendEvent(point: number, payload: Uint8Array): boolean;
  /** Whether a record of this id waits. */
  has(id: number): boolean;
  /** The oldest record whose id is larger than `after`, or undefined. */
  next(after: number): StoredRecord | undefined;
  /** Forgets a record. Acknowledging one twice does nothing. */
  acknowledge(id: number): void;
  close(): void;
}

export interface FlashOutboxOptions {
  /** Whether the last write to it is certain to have ended well: as `isClean` said, and nothing was written since. */
  clean: boolean;
  /** What the caller knows: the largest id given, and the frames dropped. */
  lastFrameId?: number;
  dropped?: number;
}

const PARTITION = "outbox";
const MAX_NOTE_BYTES = 255;
const NO_META: FrameMeta = { point: 0, boot: 0, seq: 0, readings: 0, start: null, end: null };
/**
 * Blocks behind the newest one in which nothing waits. One is for the next log: what it drops is stated before it is
 * erased, also when a power loss has made an end of the newest log. The other is for when that one is worn.
 */
const SPARE_BLOCKS = 2;
/** The newest one, the spare ones, and one that waits. */
const LEAST_BLOCKS = SPARE_BLOCKS + 2;
const LEAST_BLOCK_BYTES = 4096;
/** Blocks that are tried, one after the other, until one takes a log, and logs until one takes a record. */
const TRIES = 3;
/** Blocks that are looked into for a note when that in the newest one is damaged. */
const NOTE_BLOCKS = 3;
/** What a block of LEAST_BLOCK_BYTES can carry beside its own records. */
const CARRIED_BYTES = HEADER_BYTES + recordBytes(MAX_NOTE_BYTES) + recordBytes(LOSSES_BYTES);
/** The longest frame that has room with the longest note. */
export const MAX_FRAME_BYTES = LEAST_BLOCK_BYTES - CARRIED_BYTES - HEAD_BYTES - CRC_BYTES - MAX_NOTE_BYTES;

/** What a new log has to say of the blocks behind it. */
interface Drop {
  tail: number;
  losses: Losses | undefined;
  frames: number;
  damaged: number;
}

/** The outbox as a ring of blocks in raw flash; src/comms/ring has its layout. */
export class FlashOutbox implements Outbox {
  readonly #nothing = new Uint8Array(0);
  readonly #flash: Flash;
  readonly #scan: BlockScan;
  readonly #blocks: Blocks;
  readonly #blockLength: number;
  /** What is done with beyond the tail. */
  readonly #done = new IdRanges();
  /** The oldest id that may wait. */
  #tail = 1;
  #lastId = 0;
  #dropped = 0;
  #damaged = 0;
  #lastNote: Uint8Array | undefined;
  /** The record that was found last, as the first one behind `after`. */
  #cursor = { block: -1, start: 0, end: 0, id: 0, after: 0 };

  /** @throws Error when there is no such partition, it cannot be read at all, or it is too small. */
  constructor(storage: FlashStorage, { clean, lastFrameId = 0, dropped = 0 }: FlashOutboxOptions) {
    this.#flash = storage.open({ path: PARTITION, mode: "r+" });
    try {
      const { size, blockLength, blocks } = this.#flash.status();
      if (blocks < LEAST_BLOCKS || blockLength < LEAST_BLOCK_BYTES) {
        throw new Error(
          `outbox: the partition has ${blocks} blocks of ${blockLength} bytes, expected at least ${LEAST_BLOCKS} of ${LEAST_BLOCK_BYTES}`,
        );
      }
      this.#blockLength = blockLength;
      this.#scan = new BlockScan(this.#flash, blockLength, size);
      this.#blocks = new Blocks(this.#flash, this.#scan, blocks, blockLength);
    } catch (error) {
      this.#flash.close();
      throw error;
    }
    this.#recover(clean);
    this.#dropped = Math.max(this.#dropped, dropped);
    if (lastFrameId > this.#lastId) {
      this.#done.add(this.#lastId + 1, lastFrameId);
      this.#lastId = lastFrameId;
    }
    this.#advance(this.#tail);
  }

  get count(): number {
    return this.#lastId + 1 - this.#tail - this.#done.count;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** Records that were stored and cannot be read any more, as far as that was seen since this was opened. */
  get damaged(): number {
    return this.#damaged;
  }

  /** The newest note; also when its frame was acknowledged or dropped. */
  get lastNote(): Uint8Array | undefined {
    return this.#lastNote;
  }

  /** What the next one is to be told as `clean`. */
  get isClean(): boolean {
    return this.#blocks.isOpen || this.#blocks.newest < 0;
  }

  append(meta: FrameMeta, frame: Uint8Array, note: Uint8Array = this.#nothing): boolean {
    if (!this.#store(FRAME, meta, frame, note)) return false;
    if (note.length) this.#lastNote = note.slice();
    return true;
  }

  appendEvent(point: number, payload: Uint8Array): boolean {
    return this.#store(EVENT, { ...NO_META, point }, payload, this.#nothing);
  }

  has(id: number): boolean {
    const waits = id >= this.#tail && id <= this.#lastId && !this.#done.has(id);
    return waits && this.#seek(id - 1) === id;
  }

  /** Whether a frame of this number waits under `id` or a larger one: what had to go for it is stated first. */
  hasFrame(id: number, boot: number, seq: number): boolean {
    let found = this.#seek(Math.max(id, this.#tail) - 1);
    for (; found; found = this.#seek(found)) {
      const { head } = this.#scan;
      if (head.kind === FRAME && head.boot === boot && head.seq === seq) return true;
    }
    return false;
  }

  next(after: number): StoredRecord | undefined {
    let id = this.#seek(Math.max(after, this.#tail - 1));
    while (id) {
      const stored = this.#load();
      if (stored) return stored;
      // What cannot be read now stays: it must not hold up what can.
      id = this.#seek(id);
    }
    return undefined;
  }

  acknowledge(id: number): void {
    if (id < this.#tail || id > this.#lastId) return;
    const isTail = id === this.#tail;
    if (!this.#done.add(id, id) || !isTail) return;
    this.#advance(id);
    const blocks = this.#blocks;
    if (blocks.hasRoom(ACKNOWLEDGEMENT_BYTES)) blocks.write(encodeAcknowledgement(this.#tail));
    // A new log says it in its header. To drop for that what waits would be too much: then the next log says it.
    else this.#begin(false);
  }

  close(): void {
    this.#flash.close();
  }

  // ---- Opening ----

  #recover(clean: boolean): void {
    const blocks = this.#blocks;
    const header = blocks.open();
    if (!header) return;
    this.#tail = header.tail;
    this.#lastId = header.firstId - 1;
    this.#dropped = header.dropped;
    const end = (clean && this.#replay(blocks.newest, true)) || this.#replay(blocks.newest, false);
    blocks.resume(end, clean && end > 0);
    let block = blocks.newest;
    // Each log carries the newest note before it: only damage can have taken it.
    for (let tries = 1; !this.#lastNote && !end && tries < NOTE_BLOCKS; tries++) {
      block = blocks.older(block);
      if (block < 0) break;
      this.#replay(block, false);
    }
  }

  /**
   * Takes what a log says of ids and notes. Returns where it ends, or 0 when it is damaged.
   * @param isTrusted the last write has ended well: then only the heads are checked, the newest note, and the last record.
   */
  #replay(block: number, isTrusted: boolean): number {
    const scan = this.#scan;
    const unread = isTrusted ? Number.POSITIVE_INFINITY : -1;
    let isSound = true;
    let last = HEADER_BYTES;
    let noted = HEADER_BYTES;
    let noteAt = 0;
    let noteBytes = 0;
    for (let offset = HEADER_BYTES; scan.find(block, offset, unread); offset = scan.end) {
      const { head } = scan;
      if (scan.sawDamage) isSound = false;
      last = scan.offset;
      if (head.kind === ACKNOWLEDGEMENT) this.#tail = Math.max(this.#tail, head.id);
      if (head.isDelivered) this.#lastId = Math.max(this.#lastId, head.id);
      if (head.kind === ACKNOWLEDGEMENT || !head.noteBytes) continue;
      noted = scan.offset;
      noteAt = block * this.#blockLength + scan.offset + HEAD_BYTES + head.payloadBytes;
      noteBytes = head.noteBytes;
    }
    const end = scan.sawDamage || scan.hasFailed ? 0 : scan.offset;
    if (isTrusted && !this.#isSoundAt(block, last, end)) return 0;
    if (isTrusted && noted !== last && !this.#isSoundAt(block, noted, end)) return 0;
    if (noteBytes) this.#lastNote = this.#read(noteAt, noteBytes);
    return isSound ? end : 0;
  }

  #isSoundAt(block: number, offset: number, end: number): boolean {
    const scan = this.#scan;
    return offset >= end || (scan.find(block, offset) && scan.offset === offset);
  }

  // ---- Storing ----

  #store(kind: number, meta: FrameMeta, payload: Uint8Array, note: Uint8Array): boolean {
    const bytes = recordBytes(payload.length + note.length);
    if (note.length > MAX_NOTE_BYTES || bytes > this.#blockLength - CARRIED_BYTES) return false;
    const blocks = this.#blocks;
    for (let tries = 0; tries < TRIES; tries++) {
      if (!blocks.hasRoom(bytes) && !this.#begin(true)) return false;
      const id = this.#lastId + 1;
      const { offset, isDone } = blocks.write(encodeRecord(kind, id, meta, payload, note));
      if (isDone || this.#isStored(offset, id)) {
        this.#lastId = id;
        return true;
      }
    }
    return false;
  }

  /** A write that has failed may have written everything, and then must not be said to be missing. */
  #isStored(offset: number, id: number): boolean {
    const scan = this.#scan;
    return scan.find(this.#blocks.newest, offset) && scan.offset === offset && scan.head.id === id;
  }

  /** Begins a new log. False when no block takes one, or, unless `mayDrop`, when something that waits would go. */
  #begin(mayDrop: boolean): boolean {
    const blocks = this.#blocks;
    let block = blocks.newest;
    for (let tries = 0; tries < TRIES; tries++) {
      block = blocks.following(block);
      if (this.#waitsIn(block)) return false;
      const drop = this.#dropBehind(block, mayDrop);
      if (!drop) return false;
      if (this.#beginIn(block, drop)) return true;
    }
    return false;
  }

  #beginIn(block: number, { tail, losses, frames, damaged }: Drop): boolean {
    const firstId = this.#lastId + 1;
    const dropped = this.#dropped + frames;
    const isBegun = this.#blocks.begin(block, { firstId, tail, dropped }, this.#carried(firstId, losses));
    if (!isBegun) return false;
    if (losses) this.#lastId = firstId;
    this.#dropped = dropped;
    this.#damaged += damaged;
    this.#advance(tail);
    this.#cursor.block = -1;
    return true;
  }

  /** What a new log begins with: the newest note, and what is lost by it. */
  #carried(id: number, losses: Losses | undefined): Uint8Array {
    const note = this.#lastNote
      ? encodeRecord(NOTE, 0, NO_META, this.#nothing, this.#lastNote)
      : this.#nothing;
    if (!losses) return note;
    const gap = encodeRecord(GAP, id, NO_META, losses.encode(), this.#nothing);
    const bytes = new Uint8Array(note.length + gap.length);
    bytes.set(note);
    bytes.set(gap, note.length);
    return bytes;
  }

  #waitsIn(block: number): boolean {
    const blocks = this.#blocks;
    if (block === blocks.newest) return true;
    return !blocks.isFree(block) && blocks.idBehind(block) > this.#tail;
  }

  /** What waits in the spare blocks behind `block` has to go. Undefined when it may not. */
  #dropBehind(block: number, mayDrop: boolean): Drop | undefined {
    const blocks = this.#blocks;
    const stated = new Losses();
    const lost = new Losses();
    let tail = this.#tail;
    let seen = 0;
    let spare = block;
    for (let count = 0; count < SPARE_BLOCKS; count++) {
      spare = blocks.following(spare);
      if (spare === blocks.newest) break;
      if (!this.#waitsIn(spare)) continue;
      if (!mayDrop) return undefined;
      seen += this.#addLosses(spare, stated, lost);
      tail = Math.max(tail, blocks.idBehind(spare));
    }
    const { frames } = lost;
    const damaged = tail - this.#tail - this.#done.countBelow(tail) - seen;
    stated.merge(lost);
    const isLoss = stated.frames + stated.events > 0;
    return { tail, losses: isLoss ? stated : undefined, frames, damaged };
  }

  /** Adds up a block: `stated` what its gap records say, `lost` what still waits. Returns how many records that are. */
  #addLosses(block: number, stated: Losses, lost: Losses): number {
    const scan = this.#scan;
    let seen = 0;
    for (let offset = HEADER_BYTES; scan.find(block, offset); offset = scan.end) {
      const { head } = scan;
      if (!head.isDelivered || head.id < this.#tail || this.#done.has(head.id)) continue;
      seen++;
      if (head.kind === GAP) {
        const bytes = this.#read(block * this.#blockLength + scan.offset + HEAD_BYTES, LOSSES_BYTES);
        if (bytes) stated.merge(Losses.decode(bytes));
      } else lost.add(head);
    }
    return seen;
  }

  // ---- Finding ----

  /**
   * Finds the first record that waits and is behind `after`, which is not below the tail: it is in the scan then.
   * Returns its id, or 0. What is missing before it is gone, and counted.
   */
  #seek(after: number): number {
    if (after >= this.#lastId || this.#blocks.newest < 0) return 0;
    const { newest } = this.#blocks;
    const scan = this.#scan;
    const cursor = this.#cursor;
    let block = this.#blocks.blockOf(after + 1);
    let offset = this.#startIn(block, after);
    // What was found sound by the last call is not checked again.
    const unread = offset === cursor.start && block === cursor.block ? cursor.id : after;
    let isCertain = true;
    for (;;) {
      for (; scan.find(block, offset, unread); offset = scan.end) {
        const { head } = scan;
        if (!head.isDelivered || head.id <= after || this.#done.has(head.id)) continue;
        if (isCertain) this.#miss(after + 1, head.id - 1);
        this.#cursor = { block, start: scan.offset, end: scan.end, id: head.id, after };
        return head.id;
      }
      if (scan.hasFailed) isCertain = false;
      if (block === newest) break;
      block = this.#blocks.newer(block);
      offset = HEADER_BYTES;
    }
    if (isCertain) this.#miss(after + 1, this.#lastId);
    return 0;
  }

  /** Where in a block to look for what is behind `after`. */
  #startIn(block: number, after: number): number {
    const cursor = this.#cursor;
    if (cursor.block !== block || after < cursor.after) return HEADER_BYTES;
    return after < cursor.id ? cursor.start : cursor.end;
  }

  /** What was stored there cannot be read any more: it must not be waited for. */
  #miss(first: number, last: number): void {
    this.#damaged += this.#done.add(first, last);
    this.#advance(this.#tail);
  }

  #advance(tail: number): void {
    this.#tail = this.#done.firstBehind(tail);
    this.#done.forget(this.#tail);
  }

  /** The record in the scan, or undefined when it cannot be read now. */
  #load(): StoredRecord | undefined {
    const { head, offset } = this.#scan;
    const { id, kind, point, payloadBytes, noteBytes } = head;
    const position = this.#cursor.block * this.#blockLength + offset + HEAD_BYTES;
    const payload = this.#read(position, payloadBytes);
    const note = noteBytes ? this.#read(position + payloadBytes, noteBytes) : this.#nothing;
    if (!payload || !note) return undefined;
    if (kind === GAP) return { id, kind: "event", point, payload: Losses.decode(payload).event, note };
    return { id, kind: kind === FRAME ? "frame" : "event", point, payload, note };
  }

  #read(position: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    try {
      this.#flash.read(bytes, position);
      return bytes;
    } catch {
      return undefined;
    }
  }
}
