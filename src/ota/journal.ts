import { Blocks } from "../comms/ring/blocks";
import { decodeHeader, HEADER_BYTES } from "../comms/ring/layout";
import {
  ACKNOWLEDGEMENT,
  EVENT,
  encodeAcknowledgement,
  encodeRecord,
  HEAD_BYTES,
} from "../comms/ring/record";
import { BlockScan } from "../comms/ring/scan";
import type { Flash } from "../hal";
import { addBlock, decodeUpdateState, encodeUpdateState, newUpdateState, type UpdateState } from "./state";

/** Two would do, one after the other; four also when one of them is worn. */
export const JOURNAL_BLOCKS = 4;
const NO_META = { point: 0, boot: 0, seq: 0, readings: 0, start: null, end: null };
const NO_HEADER = { firstId: 0, tail: 0, dropped: 0 };

/**
 * What a node remembers of updates, at the beginning of a partition: a ring of logs as the outbox's, src/comms/ring. A
 * record is the whole state; the one of a block that has come is as short as an acknowledgement. The last state of the
 * newest log counts, with the blocks behind it.
 */
export class Journal {
  readonly #flash: Flash;
  readonly #scan: BlockScan;
  readonly #blocks: Blocks;
  readonly #blockLength: number;
  /** What was saved last. Whoever changes it says so by `save`. */
  readonly state: UpdateState;

  /** @param flash of at least JOURNAL_BLOCKS blocks. @throws Error when it cannot be read at all. */
  constructor(flash: Flash) {
    const { size, blockLength } = flash.status();
    this.#flash = flash;
    this.#blockLength = blockLength;
    this.#scan = new BlockScan(flash, blockLength, size);
    this.#blocks = new Blocks(flash, this.#scan, JOURNAL_BLOCKS, blockLength);
    this.state = this.#blocks.open() ? this.#replay() : newUpdateState();
    // Nobody knows how the last write ended: what is written next begins a log of its own.
  }

  /**
   * All that has changed is in flash when this returns.
   * @throws Error when no block takes it: then it is not.
   */
  save(): void {
    const record = encodeRecord(EVENT, 0, NO_META, encodeUpdateState(this.state), new Uint8Array(0));
    this.#append(record);
  }

  /** A block is in its slot. @throws Error when no block takes it. */
  addBlock(index: number): void {
    addBlock(this.state, index);
    const blocks = this.#blocks;
    const record = encodeAcknowledgement(index);
    if (blocks.hasRoom(record.length) && this.#write(record)) return;
    this.save();
  }

  #append(record: Uint8Array): void {
    const blocks = this.#blocks;
    if (blocks.hasRoom(record.length) && this.#write(record)) return;
    let block = blocks.newest;
    // Not the one that has the last state.
    for (let tries = 1; tries < JOURNAL_BLOCKS; tries++) {
      block = blocks.following(block);
      if (blocks.begin(block, NO_HEADER, record) && this.#isSound(block)) return;
    }
    throw new Error("the journal of updates cannot be written");
  }

  /** A worn block takes a write, and has something else. */
  #write(record: Uint8Array): boolean {
    const { offset, isDone } = this.#blocks.write(record);
    const scan = this.#scan;
    const isThere = isDone && scan.find(this.#blocks.newest, offset) && scan.offset === offset;
    if (!isThere) this.#blocks.resume(this.#blockLength, false);
    return isThere;
  }

  #isSound(block: number): boolean {
    const header = new Uint8Array(this.#flash.read(HEADER_BYTES, block * this.#blockLength));
    const isThere =
      decodeHeader(header) !== undefined &&
      this.#scan.find(block, HEADER_BYTES) &&
      this.#scan.offset === HEADER_BYTES;
    if (!isThere) this.#blocks.resume(this.#blockLength, false);
    return isThere;
  }

  /** Where the newest log has no state that is sound, an older one has: only damage can have taken it. */
  #replay(): UpdateState {
    const blocks = this.#blocks;
    let state: UpdateState | undefined;
    for (let block = blocks.newest; block >= 0 && !state; block = blocks.older(block))
      state = this.#replayBlock(block);
    blocks.resume(this.#blockLength, false);
    return state ?? newUpdateState();
  }

  #replayBlock(block: number): UpdateState | undefined {
    const scan = this.#scan;
    let state: UpdateState | undefined;
    for (let offset = HEADER_BYTES; scan.find(block, offset); offset = scan.end) {
      const { kind, id, payloadBytes } = scan.head;
      if (kind === EVENT) state = this.#read(block, scan.offset, payloadBytes) ?? state;
      else if (kind === ACKNOWLEDGEMENT && state) addBlock(state, id);
    }
    return state;
  }

  #read(block: number, offset: number, byteLength: number): UpdateState | undefined {
    const bytes = new Uint8Array(byteLength);
    this.#flash.read(bytes, block * this.#blockLength + offset + HEAD_BYTES);
    return decodeUpdateState(bytes);
  }
}
