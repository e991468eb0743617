import type { ByteBuffer, Flash, FlashStatus, FlashStorage } from "../src/hal";
import type { PowerProbe } from "./energy/probe";
import { Power } from "./power";
import type { Random } from "./random";

/** Bytes that one erase clears. */
export const BLOCK_BYTES = 4096;
/** Bytes that are programmed in one go. */
const PAGE_BYTES = 256;
const ERASED = 0xff;
/** A program that is cut short may leave so many bytes behind its prefix of which only some bits are down. */
const GARBLED_BYTES = 16;

export interface PartitionSettings {
  /** A multiple of the block. */
  byteLength: number;
  /** Offsets and lengths of writes are multiples of this: 16 with flash encryption. */
  writeAlign?: number;
}

/**
 * One partition's silicon: it survives the terminal. NOR flash under encryption: bits go down only, a byte is written
 * once, then its whole block is erased.
 */
export class Partition {
  /** Give the same one to all that is to lose its power together. */
  power = new Power();
  /** Who counts the charge of what is written; nobody does by default. */
  probe: PowerProbe | undefined;
  readonly bytes: Uint8Array;
  readonly writeAlign: number;
  /** How often each block was erased. */
  readonly erases: Uint32Array;
  /** By units of writeAlign. */
  readonly #written: Uint8Array;

  constructor({ byteLength, writeAlign = 16 }: PartitionSettings) {
    if (!(Number.isInteger(byteLength) && byteLength > 0 && byteLength % BLOCK_BYTES === 0)) {
      throw new RangeError(`flash: byteLength is ${byteLength}, expected a multiple of ${BLOCK_BYTES}`);
    }
    if (!(Number.isInteger(writeAlign) && writeAlign > 0 && BLOCK_BYTES % writeAlign === 0)) {
      throw new RangeError(`flash: writeAlign is ${writeAlign}, expected a divisor of ${BLOCK_BYTES}`);
    }
    this.bytes = new Uint8Array(byteLength).fill(ERASED);
    this.writeAlign = writeAlign;
    this.erases = new Uint32Array(byteLength / BLOCK_BYTES);
    this.#written = new Uint8Array(byteLength / writeAlign);
  }

  /** Becomes what another one of its size is now; the supply stays its own. */
  copyFrom(other: Partition): void {
    this.bytes.set(other.bytes);
    this.erases.set(other.erases);
    this.#written.set(other.#written);
  }

  write(bytes: Uint8Array, offset: number): void {
    const end = this.checkRange(offset, bytes.length);
    if (offset % this.writeAlign || bytes.length % this.writeAlign) {
      throw new Error(`flash: ${bytes.length} bytes at ${offset} are not aligned to ${this.writeAlign}`);
    }
    const first = offset / this.writeAlign;
    const again = this.#written.subarray(first, end / this.writeAlign).indexOf(1);
    if (again >= 0) {
      const at = (first + again) * this.writeAlign;
      throw new Error(`flash: offset ${at} is written twice without an erase`);
    }
    this.probe?.programmed(bytes.length);
    this.power.change(
      () => this.#program(bytes, offset, bytes.length),
      (random) => this.#tearProgram(bytes, offset, random),
    );
  }

  /** The first `length` of the bytes. All count as written: which ones a program has touched, nobody knows. */
  #program(bytes: Uint8Array, offset: number, length: number): void {
    for (let index = 0; index < length; index++) this.bytes[offset + index] &= bytes[index];
    this.#mark(1, offset, offset + bytes.length);
  }

  /** Some pages are programmed; of the next one, a part, and some bits of what follows. */
  #tearProgram(bytes: Uint8Array, offset: number, random: Random): void {
    const lead = (PAGE_BYTES - (offset % PAGE_BYTES)) % PAGE_BYTES;
    const pages = Math.floor(Math.max(0, bytes.length - lead) / PAGE_BYTES);
    const whole = random.below(2) ? 0 : Math.min(bytes.length, lead + random.below(pages + 1) * PAGE_BYTES);
    const part = whole + random.below(Math.min(PAGE_BYTES, bytes.length - whole) + 1);
    this.#program(bytes, offset, part);
    const end = Math.min(bytes.length, part + random.below(GARBLED_BYTES + 1));
    for (let index = part; index < end; index++)
      this.bytes[offset + index] &= bytes[index] | random.below(256);
  }

  erase(start: number, end: number): void {
    const blocks = this.erases.length;
    if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= blocks)) {
      throw new RangeError(`flash: blocks ${start} to ${end} are not in 0 to ${blocks}`);
    }
    // Each block is a step of its own.
    for (let block = start; block < end; block++) {
      this.probe?.erased(1);
      this.power.change(
        () => this.#eraseBlock(block),
        (random) => this.#tearErase(block, random),
      );
    }
  }

  #eraseBlock(block: number): void {
    this.erases[block]++;
    this.bytes.fill(ERASED, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
    this.#mark(0, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
  }

  /** Each stretch is as it was, or erased, or a mixture; none may be written before the next erase. */
  #tearErase(block: number, random: Random): void {
    this.erases[block]++;
    const start = block * BLOCK_BYTES;
    for (let at = start; at < start + BLOCK_BYTES; at += PAGE_BYTES) {
      const kind = random.below(3);
      if (kind === 1) this.bytes.fill(ERASED, at, at + PAGE_BYTES);
      for (let index = at; kind === 2 && index < at + PAGE_BYTES; index++)
        this.bytes[index] |= random.below(256) & random.below(256);
    }
    this.#mark(1, start, start + BLOCK_BYTES);
  }

  #mark(isWritten: 0 | 1, start: number, end: number): void {
    this.#written.fill(isWritten, start / this.writeAlign, end / this.writeAlign);
  }

  /** Returns the range's end. */
  checkRange(offset: number, length: number): number {
    const end = offset + length;
    if (!(Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0)) {
      throw new RangeError(`flash: ${length} bytes at ${offset} are no range`);
    }
    if (end > this.bytes.length) {
      throw new RangeError(`flash: ${length} bytes at ${offset} are not in 0 to ${this.bytes.length}`);
    }
    return end;
  }
}

/** The flash of one terminal, by the names of its partitions. */
export function createFlash(partitions: ReadonlyMap<string, Partition>): FlashStorage {
  return {
    open({ path, mode = "r+" }) {
      if (mode !== "r" && mode !== "r+") throw new RangeError(`flash: there is no mode "${mode}"`);
      const partition = partitions.get(path);
      if (!partition) throw new Error(`flash: there is no partition "${path}"`);
      return new OpenPartition(partition, mode === "r");
    },
  };
}

class OpenPartition implements Flash {
  #partition: Partition | undefined;
  readonly #readOnly: boolean;

  constructor(partition: Partition, readOnly: boolean) {
    this.#partition = partition;
    this.#readOnly = readOnly;
  }

  read(byteLength: number, byteOffset: number): ArrayBuffer;
  read(buffer: ByteBuffer, byteOffset: number): number;
  read(target: number | ByteBuffer, byteOffset: number): ArrayBuffer | number {
    const partition = this.#open();
    const length = typeof target === "number" ? target : target.byteLength;
    const end = partition.checkRange(byteOffset, length);
    partition.power.check();
    const bytes = partition.bytes.subarray(byteOffset, end);
    if (typeof target === "number") return bytes.slice().buffer as ArrayBuffer;
    toBytes(target).set(bytes);
    return length;
  }

  write(buffer: ByteBuffer, byteOffset: number): void {
    this.#writable().write(toBytes(buffer), byteOffset);
  }

  eraseBlock(start: number, end = start + 1): void {
    this.#writable().erase(start, end);
  }

  status(): FlashStatus {
    const { bytes, erases } = this.#open();
    return { size: bytes.length, blockLength: BLOCK_BYTES, blocks: erases.length };
  }

  close(): void {
    this.#partition = undefined;
  }

  #open(): Partition {
    if (!this.#partition) throw new Error("flash: it is closed");
    return this.#partition;
  }

  #writable(): Partition {
    const partition = this.#open();
    if (this.#readOnly) throw new Error("flash: it is open for reading only");
    return partition;
  }
}

function toBytes(buffer: ByteBuffer): Uint8Array {
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer) : buffer;
}
