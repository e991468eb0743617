import { crc32 } from "../src/crc32";
import type { Boot, ResetReason } from "../src/hal";
import { BLOCK_BYTES, type Partition } from "./flash";

/** An entry of otadata: u32 sequence, 20 bytes of a label, u32 state, u32 CRC-32 of the sequence (ESP-IDF, esp_flash_partitions.h). */
const ENTRY_BYTES = 32;
const STATE_AT = 24;
const CRC_AT = 28;
const State = { new: 0, pendingVerify: 1, valid: 2, invalid: 3, aborted: 4, undefined: 0xffff_ffff } as const;
/** Of an ESP32 image. */
const IMAGE_MAGIC = 0xe9;
const SECTORS = 2;
const ERASED = 0xffff_ffff;

interface Entry {
  sequence: number;
  state: number;
}

export interface NativeFlash {
  /** Two sectors. */
  otadata: Partition;
  /** ota_0 and ota_1. */
  slots: readonly [Partition, Partition];
}

/**
 * The bootloader of ESP-IDF, with rollback as a rule, on two sectors of otadata: which image boots, and that a new one has one boot
 * to be confirmed. Each change of a sector is an erase and a write, as theirs are.
 */
export class Bootloader {
  readonly #flash: NativeFlash;
  readonly #knowsTrials: boolean;
  #running = 0;
  #isOnTrial = false;

  /** @param knowsTrials false for a bootloader without rollback: what is set to boot next is there for good. */
  constructor(flash: NativeFlash, knowsTrials = true) {
    this.#flash = flash;
    this.#knowsTrials = knowsTrials;
  }

  /** The slot that runs since the last `start`. */
  get running(): Partition {
    return this.#flash.slots[this.#running];
  }

  /** The other one. */
  get next(): Partition {
    return this.#flash.slots[1 - this.#running];
  }

  /** A reset: an image that was on trial has had its boot; then the newest entry that may boot decides. */
  start(): void {
    for (let sector = 0; sector < SECTORS; sector++) {
      const entry = this.#read(sector);
      if (entry?.state === State.pendingVerify) this.#write(sector, { ...entry, state: State.aborted });
    }
    const sector = this.#active();
    const entry = sector === undefined ? undefined : this.#read(sector)!;
    this.#running = entry ? (entry.sequence - 1) % SECTORS : 0;
    // An image that is damaged is passed over.
    if (!isImage(this.running)) this.#running = 1 - this.#running;
    this.#isOnTrial = this.#knowsTrials && entry?.state === State.new;
    if (this.#isOnTrial) this.#write(sector!, { ...entry!, state: State.pendingVerify });
  }

  /** What firmware gets. @param restart is called when it wants to begin anew. */
  connect(restart: (reason: ResetReason) => void): Boot {
    const isOnTrial = () => this.#isOnTrial;
    return {
      get isOnTrial() {
        return isOnTrial();
      },
      setNext: () => this.#setNext(),
      confirm: () => {
        this.#mark(State.valid);
        this.#isOnTrial = false;
      },
      revert: () => {
        this.#mark(State.invalid);
        restart("software");
      },
      restart: () => restart("software"),
    };
  }

  #setNext(): void {
    if (!isImage(this.next)) throw new Error("boot: the image is not valid");
    const active = this.#active();
    const last = active === undefined ? 0 : this.#read(active)!.sequence;
    let sequence = last + 1;
    while ((sequence - 1) % SECTORS === this.#running) sequence++;
    this.#write(active === undefined ? 0 : 1 - active, { sequence, state: State.new });
  }

  /** Marks the running image. */
  #mark(state: number): void {
    const active = this.#active();
    if (active !== undefined) this.#write(active, { ...this.#read(active)!, state });
  }

  /** The sector of the newest entry that may boot. */
  #active(): number | undefined {
    let active: number | undefined;
    let sequence = 0;
    for (let sector = 0; sector < SECTORS; sector++) {
      const entry = this.#read(sector);
      if (!entry || entry.state === State.invalid || entry.state === State.aborted) continue;
      if (entry.sequence <= sequence) continue;
      sequence = entry.sequence;
      active = sector;
    }
    return active;
  }

  #read(sector: number): Entry | undefined {
    const at = sector * BLOCK_BYTES;
    const view = new DataView(this.#flash.otadata.bytes.slice(at, at + ENTRY_BYTES).buffer);
    const sequence = view.getUint32(0, true);
    if (sequence === ERASED || view.getUint32(CRC_AT, true) !== crcOf(sequence)) return undefined;
    return { sequence, state: view.getUint32(STATE_AT, true) };
  }

  #write(sector: number, { sequence, state }: Entry): void {
    const { otadata } = this.#flash;
    const bytes = new Uint8Array(ENTRY_BYTES).fill(0xff);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, sequence, true);
    view.setUint32(STATE_AT, state, true);
    view.setUint32(CRC_AT, crcOf(sequence), true);
    otadata.erase(sector, sector + 1);
    otadata.write(bytes, sector * BLOCK_BYTES);
  }
}

function crcOf(sequence: number): number {
  return crc32(new Uint8Array(Uint32Array.of(sequence).buffer));
}

function isImage({ bytes }: Partition): boolean {
  return bytes[0] === IMAGE_MAGIC;
}
