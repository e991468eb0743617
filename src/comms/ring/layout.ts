import { crc32 } from "../../crc32";

/**
 * A partition is a ring of blocks that are erased as a whole. A block is a header and a log of records behind it. All
 * lies on multiples of ALIGN, in the byte order of the machine, which is the one that reads it again.
 */

/** Writes are aligned so with flash encryption (ESP-IDF, "Flash Encryption", "Writing to Encrypted Flash"). */
export const ALIGN = 16;
export const HEADER_BYTES = 32;
const HEADER_WORDS = HEADER_BYTES / 4;
/** "GMO1": the digit is the version of the layout. */
const MAGIC = 0x314f4d47;

/** What a block says of itself, and of the ring at the moment when it was begun. */
export interface BlockHeader {
  /** Grows by one with each block that is begun. */
  generation: number;
  /** The id of the first record in it that is to be delivered, if there is one. */
  firstId: number;
  /** All ids below are done with. */
  tail: number;
  /** How often the block was erased. */
  erases: number;
  /** Frames that were dropped so far. */
  dropped: number;
}

export function encodeHeader({ generation, firstId, tail, erases, dropped }: BlockHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const words = new Uint32Array(bytes.buffer);
  words[0] = MAGIC;
  words[1] = generation;
  words[2] = firstId;
  words[3] = tail;
  words[4] = erases;
  words[5] = dropped;
  words[HEADER_WORDS - 1] = crc32(bytes, 0, HEADER_BYTES - 4);
  return bytes;
}

/** Undefined when it is none: of a block that is erased, torn or worn. */
export function decodeHeader(bytes: Uint8Array): BlockHeader | undefined {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER_WORDS);
  if (words[0] !== MAGIC || words[HEADER_WORDS - 1] !== crc32(bytes, 0, HEADER_BYTES - 4)) return undefined;
  return {
    generation: words[1],
    firstId: words[2],
    tail: words[3],
    erases: words[4],
    dropped: words[5],
  };
}
