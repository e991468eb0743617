import type { Flash } from "../../hal";
import { type BlockHeader, decodeHeader, encodeHeader, HEADER_BYTES } from "./layout";
import type { BlockScan } from "./scan";

/** In the place of a generation: the block holds nothing that counts. */
const FREE = 0;

/** The blocks of a partition: which of them hold a log, in which order, and where the newest one ends. */
export class Blocks {
  readonly #flash: Flash;
  readonly #scan: BlockScan;
  readonly #length: number;
  readonly #generations: Uint32Array;
  readonly #firstIds: Uint32Array;
  /** The newest block, or -1. */
  newest = -1;
  #erases = 0;
  #end = 0;
  #isOpen = false;

  constructor(flash: Flash, scan: BlockScan, count: number, length: number) {
    this.#flash = flash;
    this.#scan = scan;
    this.#length = length;
    this.#generations = new Uint32Array(count);
    this.#firstIds = new Uint32Array(count);
  }

  get count(): number {
    return this.#generations.length;
  }

  /** Whether the end of the newest log is certain: all that was written before has ended well. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Reads all headers. Returns the newest one, or undefined when there is none. */
  open(): BlockHeader | undefined {
    const bytes = new Uint8Array(HEADER_BYTES);
    let newest: BlockHeader | undefined;
    for (let block = 0; block < this.count; block++) {
      const header = this.#readHeader(block, bytes);
      if (!header) continue;
      this.#generations[block] = header.generation;
      this.#firstIds[block] = header.firstId;
      if (newest && newest.generation > header.generation) continue;
      newest = header;
      this.newest = block;
    }
    this.#erases = newest?.erases ?? 0;
    this.#freeLeftOver();
    return newest;
  }

  /** A block that could not be erased in its turn, and still has its old header, is not in the ring's order. */
  #freeLeftOver(): void {
    const generations = this.#generations;
    let last = FREE;
    for (let step = 1; step <= this.count; step++) {
      const block = (this.newest + step) % this.count;
      if (generations[block] < last) generations[block] = FREE;
      else last = generations[block];
    }
  }

  #readHeader(block: number, bytes: Uint8Array): BlockHeader | undefined {
    try {
      this.#flash.read(bytes, block * this.#length);
      return decodeHeader(bytes);
    } catch {
      return undefined;
    }
  }

  /** Says where the newest log ends. One whose end is not certain is written no more. */
  resume(end: number, isCertain: boolean): void {
    this.#end = end;
    this.#isOpen = isCertain;
  }

  following(block: number): number {
    return (block + 1) % this.count;
  }

  isFree(block: number): boolean {
    return this.#generations[block] === FREE;
  }

  /** The next block in the ring's order. Not for the newest. */
  newer(block: number): number {
    let next = this.following(block);
    while (this.isFree(next)) next = this.following(next);
    return next;
  }

  /** The block before in the ring's order, or -1 when it is the oldest. */
  older(block: number): number {
    for (let step = 1; step < this.count; step++) {
      const before = (block + this.count - step) % this.count;
      if (before === this.newest) return -1;
      if (!this.isFree(before)) return before;
    }
    return -1;
  }

  /** The block in which `id` is, if it is anywhere. Not for a ring without blocks. */
  blockOf(id: number): number {
    let block = this.newest;
    while (this.#firstIds[block] > id) {
      const before = this.older(block);
      if (before < 0) break;
      block = before;
    }
    return block;
  }

  /** The first id that is not in the block, but behind it. Not for the newest. */
  idBehind(block: number): number {
    return this.#firstIds[this.newer(block)];
  }

  hasRoom(bytes: number): boolean {
    return this.#isOpen && this.#end + bytes <= this.#length;
  }

  /** Appends to the newest log. After a failure the block is written no more. Returns the offset of what it wrote. */
  write(bytes: Uint8Array): { offset: number; isDone: boolean } {
    const offset = this.#end;
    const isDone = this.#write(bytes, this.newest * this.#length + offset);
    if (isDone) this.#end += bytes.length;
    else this.#isOpen = false;
    return { offset, isDone };
  }

  /**
   * Erases a block and begins its log with `carried`. The header comes last: without it the block is free, and with
   * it all that is carried is there. False when the block is worn; it is free then.
   */
  begin(block: number, header: Omit<BlockHeader, "generation" | "erases">, carried: Uint8Array): boolean {
    const generation = this.newest < 0 ? FREE + 1 : this.#generations[this.newest] + 1;
    const position = block * this.#length;
    // A block whose header is lost was erased as often as the one before it.
    const last = this.#readHeader(block, new Uint8Array(HEADER_BYTES))?.erases ?? this.#erases - 1;
    const erases = Math.max(last, 0) + 1;
    this.#generations[block] = FREE;
    this.#scan.forget();
    try {
      this.#flash.eraseBlock(block);
    } catch {
      return false;
    }
    if (carried.length && !this.#write(carried, position + HEADER_BYTES)) return false;
    if (!this.#write(encodeHeader({ ...header, generation, erases }), position)) return false;
    this.#generations[block] = generation;
    this.#firstIds[block] = header.firstId;
    this.#erases = erases;
    this.newest = block;
    this.resume(HEADER_BYTES + carried.length, true);
    return true;
  }

  #write(bytes: Uint8Array, position: number): boolean {
    this.#scan.forget();
    try {
      this.#flash.write(bytes, position);
      return true;
    } catch {
      return false;
    }
  }
}
