import type { ByteBuffer, Flash, FlashStatus, FlashStorage } from "../src/hal";

/** Bytes that one erase clears. */
export const BLOCK_BYTES = 4096;
const ERASED = 0xff;

export interface PartitionSettings {
  /** A multiple of the block. */
  byteLength: number;
  /** Offsets and lengths of writes are multiples of this: 16 with flash encryption. */
  writeAlign?: number;
}

/**
 * One partition's silicon: it survives the terminal. NOR flash under encryption: a byte is written once, then its
 * whole block is erased.
 */
export class Partition {
  readonly bytes: Uint8Array;
  readonly writeAlign: number;
  /** How often each block was erased. */
  readonly erases: Uint32Array;
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
    this.#written = new Uint8Array(byteLength);
  }

  write(bytes: Uint8Array, offset: number): void {
    const end = this.checkRange(offset, bytes.length);
    if (offset % this.writeAlign || bytes.length % this.writeAlign) {
      throw new Error(`flash: ${bytes.length} bytes at ${offset} are not aligned to ${this.writeAlign}`);
    }
    const again = this.#written.subarray(offset, end).indexOf(1);
    if (again >= 0) throw new Error(`flash: offset ${offset + again} is written twice without an erase`);
    this.bytes.set(bytes, offset);
    this.#written.fill(1, offset, end);
  }

  erase(start: number, end: number): void {
    const blocks = this.erases.length;
    if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= blocks)) {
      throw new RangeError(`flash: blocks ${start} to ${end} are not in 0 to ${blocks}`);
    }
    this.bytes.fill(ERASED, start * BLOCK_BYTES, end * BLOCK_BYTES);
    this.#written.fill(0, start * BLOCK_BYTES, end * BLOCK_BYTES);
    for (let block = start; block < end; block++) this.erases[block]++;
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
