import { crc32 } from "../src/crc32";
import type { Retained } from "../src/hal";
import { Power } from "./power";
import { createRandom } from "./random";

/** Half of what an ESP32 has as RTC slow memory. */
const DEFAULT_BYTES = 4096;

/** Memory that survives deep sleep: keep the object from boot to boot, and call `lose` at a loss of power. */
export class RetainedMemory implements Retained {
  /** Give the same one to all that is to lose its power together. */
  power = new Power();
  readonly byteLength: number;
  readonly #bytes: Uint8Array;
  /** Bytes of what was written last, or undefined when that is lost. */
  #length: number | undefined;
  /** Of what was to be written last. */
  #checksum = 0;

  constructor(byteLength = DEFAULT_BYTES) {
    if (!(Number.isInteger(byteLength) && byteLength > 0)) {
      throw new RangeError(`retained: byteLength is ${byteLength}, expected a positive integer`);
    }
    this.byteLength = byteLength;
    this.#bytes = new Uint8Array(byteLength);
  }

  read(): Uint8Array | undefined {
    this.power.check();
    if (this.#length === undefined) return undefined;
    const bytes = this.#bytes.slice(0, this.#length);
    return crc32(bytes) === this.#checksum ? bytes : undefined;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > this.byteLength) {
      throw new RangeError(`retained: ${bytes.length} bytes do not fit in ${this.byteLength}`);
    }
    this.power.change(
      () => this.#set(bytes, bytes.length),
      (random) => this.#set(bytes, random.below(bytes.length + 1)),
    );
  }

  /** The first `count` of the bytes; behind them stays what was there. */
  #set(bytes: Uint8Array, count: number): void {
    this.#bytes.set(bytes.subarray(0, count));
    this.#length = bytes.length;
    this.#checksum = crc32(bytes);
  }

  /** So many bits of what was written last are the other way round, wherever the seed says. */
  flip(seed: number | string, count: number): void {
    const random = createRandom(seed);
    for (let index = 0; this.#length && index < count; index++)
      this.#bytes[random.below(this.#length)] ^= 1 << random.below(8);
  }

  /** Becomes what another one of its size is now; the supply stays its own. */
  copyFrom(other: RetainedMemory): void {
    this.#bytes.set(other.#bytes);
    this.#length = other.#length;
    this.#checksum = other.#checksum;
  }

  /** The power was lost. */
  lose(): void {
    this.#length = undefined;
  }
}
