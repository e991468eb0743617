import type { Retained } from "../src/hal";

/** Half of what an ESP32 has as RTC slow memory. */
const DEFAULT_BYTES = 4096;

/** Memory that survives deep sleep: keep the object from boot to boot, and call `lose` at a loss of power. */
export class RetainedMemory implements Retained {
  readonly byteLength: number;
  readonly #bytes: Uint8Array;
  /** Bytes of what was written last, or undefined when that is lost. */
  #length: number | undefined;

  constructor(byteLength = DEFAULT_BYTES) {
    if (!(Number.isInteger(byteLength) && byteLength > 0)) {
      throw new RangeError(`retained: byteLength is ${byteLength}, expected a positive integer`);
    }
    this.byteLength = byteLength;
    this.#bytes = new Uint8Array(byteLength);
  }

  read(): Uint8Array | undefined {
    return this.#length === undefined ? undefined : this.#bytes.slice(0, this.#length);
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > this.byteLength) {
      throw new RangeError(`retained: ${bytes.length} bytes do not fit in ${this.byteLength}`);
    }
    this.#bytes.set(bytes);
    this.#length = bytes.length;
  }

  /** The power was lost. */
  lose(): void {
    this.#length = undefined;
  }
}
