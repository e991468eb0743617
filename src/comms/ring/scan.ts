import { crc32 } from "../../crc32";
import type { Flash } from "../../hal";
import { ALIGN } from "./layout";
import { ACKNOWLEDGEMENT, CRC_BYTES, HEAD_BYTES, RecordHead } from "./record";

/** Enough for a few small records at once, and little to hold. */
const WINDOW_BYTES = 256;
const ERASED_WORD = 0xffff_ffff;

/** Finds the records of a block through one small buffer. */
export class BlockScan {
  readonly #flash: Flash;
  readonly #blockLength: number;
  readonly #size: number;
  readonly #window = new Uint8Array(WINDOW_BYTES);
  readonly #words = new Uint32Array(this.#window.buffer);
  /** Where the window lies in the partition. */
  #start = Number.NEGATIVE_INFINITY;
  readonly head = new RecordHead();
  /** Where the record that was found begins in its block; where its log ends when none was. */
  offset = 0;
  /** Something was passed over that is no sound record. */
  sawDamage = false;
  /** The flash could not be read. */
  hasFailed = false;

  constructor(flash: Flash, blockLength: number, size: number) {
    this.#flash = flash;
    this.#blockLength = blockLength;
    this.#size = size;
  }

  /** Where the record behind the one that was found begins. */
  get end(): number {
    return this.offset + this.head.byteLength;
  }

  /** The flash has changed. */
  forget(): void {
    this.#start = Number.NEGATIVE_INFINITY;
  }

  /**
   * Finds the next sound record of a block at `from` or behind it; false at the end of its log. Of records with ids up
   * to `unread` the head alone is checked: whoever passes over them need not pay for the rest.
   */
  find(block: number, from: number, unread = -1): boolean {
    this.sawDamage = false;
    this.hasFailed = false;
    this.offset = from;
    try {
      return this.#find(block * this.#blockLength, unread);
    } catch {
      this.hasFailed = true;
      return false;
    }
  }

  #find(base: number, unread: number): boolean {
    const length = this.#blockLength;
    const { head } = this;
    for (; this.offset < length; this.offset += ALIGN) {
      const position = base + this.offset;
      const available = length - this.offset;
      const at = this.#show(position, Math.min(HEAD_BYTES, available));
      if (head.read(this.#window, this.#words, at, available)) {
        const isChecked = head.kind === ACKNOWLEDGEMENT || head.id <= unread;
        if (isChecked || this.#isSound(position, head.byteLength)) return true;
      } else if (this.#isErased(at)) return false;
      this.sawDamage = true;
    }
    return false;
  }

  /** Lets the window show `count` bytes at `position`; returns their index. */
  #show(position: number, count: number): number {
    if (position < this.#start || position + count > this.#start + WINDOW_BYTES) {
      const start = Math.min(position, this.#size - WINDOW_BYTES);
      this.#start = Number.NEGATIVE_INFINITY;
      this.#flash.read(this.#window, start);
      this.#start = start;
    }
    return position - this.#start;
  }

  #isErased(at: number): boolean {
    for (let word = at >> 2; word < (at + ALIGN) >> 2; word++)
      if (this.#words[word] !== ERASED_WORD) return false;
    return true;
  }

  /** Whether the CRC in a record's last bytes is that of all before. */
  #isSound(position: number, length: number): boolean {
    const end = position + length - CRC_BYTES;
    let crc = 0;
    for (let next = position; next < end; ) {
      const at = this.#show(next, CRC_BYTES);
      const count = Math.min(WINDOW_BYTES - at, end - next);
      crc = crc32(this.#window, at, at + count, crc);
      next += count;
    }
    return this.#words[this.#show(end, CRC_BYTES) >> 2] === crc;
  }
}
