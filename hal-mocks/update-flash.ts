import type { FlashStorage } from "../src/hal";
import { Bootloader } from "./boot";
import type { PowerProbe } from "./energy/probe";
import { BLOCK_BYTES, createFlash, Partition } from "./flash";
import type { Power } from "./power";

/** Blocks of each partition that updates need, as partitions.csv has them. */
const BLOCKS = { otadata: 2, ota_0: 336, ota_1: 336, xs: 48, mod_0: 48, mod_1: 48, update: 16 };

export type UpdatePartition = keyof typeof BLOCKS;

/** The part of a node's flash that images are in, and the bootloader that chooses between them. */
export class UpdateFlash {
  readonly bootloader: Bootloader;
  /** By name; `running` and `nextota` are what they are since the last `start`. */
  readonly #partitions = new Map<string, Partition>();

  /** @param blocks of partitions that are to be smaller than a board's. */
  constructor(blocks: Partial<Record<UpdatePartition, number>> = {}) {
    for (const [name, count] of Object.entries({ ...BLOCKS, ...blocks }))
      this.#partitions.set(name, new Partition({ byteLength: count * BLOCK_BYTES }));
    this.bootloader = new Bootloader({
      otadata: this.partition("otadata"),
      slots: [this.partition("ota_0"), this.partition("ota_1")],
    });
  }

  set power(power: Power) {
    for (const partition of this.#partitions.values()) partition.power = power;
  }

  set probe(probe: PowerProbe | undefined) {
    for (const partition of this.#partitions.values()) partition.probe = probe;
  }

  /** Of all partitions. */
  get erases(): number {
    let count = 0;
    for (const name of Object.keys(BLOCKS) as UpdatePartition[])
      for (const erases of this.partition(name).erases) count += erases;
    return count;
  }

  partition(name: UpdatePartition): Partition {
    return this.#partitions.get(name)!;
  }

  /** A reset: the bootloader chooses. */
  start(): void {
    this.bootloader.start();
    this.#partitions.set("running", this.bootloader.running);
    this.#partitions.set("nextota", this.bootloader.next);
  }

  /** What firmware opens. @param others partitions beside these. */
  storage(others: ReadonlyMap<string, Partition>): FlashStorage {
    for (const [name, partition] of others) this.#partitions.set(name, partition);
    return createFlash(this.#partitions);
  }

  /** Writes an image as a factory does. */
  flash(name: UpdatePartition, image: Uint8Array): void {
    const partition = this.partition(name);
    partition.erase(0, partition.erases.length);
    const padded = new Uint8Array(Math.ceil(image.length / 16) * 16).fill(0xff);
    padded.set(image);
    partition.write(padded, 0);
  }
}
