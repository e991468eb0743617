import { BLOCK_BYTES, createFlash, Partition } from "../../hal-mocks/flash";
import { FlashOutbox } from "../../src/comms/outbox";
import type { Flash, FlashStorage } from "../../src/hal";

/** As partitions.csv has it. */
export const BLOCKS = 128;
const NOTE = new Uint8Array(8).fill(7);

export interface Traffic {
  reads: number;
  readBytes: number;
  writtenBytes: number;
}

/** A board's partition, and what goes to it and comes from it. */
export class BenchRing {
  readonly partition = new Partition({ byteLength: BLOCKS * BLOCK_BYTES });
  readonly traffic: Traffic = { reads: 0, readBytes: 0, writtenBytes: 0 };
  readonly #storage: FlashStorage;
  #seq = 0;

  constructor() {
    const storage = createFlash(new Map([["outbox", this.partition]]));
    this.#storage = { open: (options) => this.#counted(storage.open(options)) };
  }

  #counted(flash: Flash): Flash {
    const { traffic } = this;
    const { read, write } = flash;
    flash.read = ((target: Uint8Array, offset: number) => {
      traffic.reads++;
      traffic.readBytes += target.byteLength;
      return read.call(flash, target, offset);
    }) as Flash["read"];
    flash.write = (bytes, offset) => {
      traffic.writtenBytes += bytes.byteLength;
      write.call(flash, bytes, offset);
    };
    return flash;
  }

  open(clean = true): FlashOutbox {
    return new FlashOutbox(this.#storage, { clean });
  }

  append(outbox: FlashOutbox, bytes: number): void {
    const seq = this.#seq++;
    const meta = { point: 0, boot: 1, seq, readings: 15, start: 1 + seq, end: 1 + seq };
    if (!outbox.append(meta, new Uint8Array(bytes).fill(seq), NOTE)) throw new Error("bench: not stored");
  }

  get erases(): number {
    return this.partition.erases.reduce((sum, count) => sum + count);
  }
}
