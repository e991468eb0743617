import type { Retained } from "../src/hal";

/** Half of what an ESP32 has as RTC slow memory. */
const DEFAULT_BYTES = 4096;

/** Memory that survives deep sleep: keep the object from boot to boot, and call `lose` at a loss of power. */
export class RetainedMemory implements Retained {
  readonly byteLength: number;
  #bytes: Uint8Array | undefined;

  constructor(byteLength = DEFAULT_BYTES) {
    if (!(Number.isInteger(byteLength) && byteLength > 0)) {
      throw new RangeError(`retained: byteLength is ${byteLength}, expected a positive integer`);
    }
    this.byteLength = byteLength;
  }

  read(): Uint8Array | undefined {
    return this.#bytes?.slice();
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > this.byteLength) {
      throw new RangeError(`retained: ${bytes.length} bytes do not fit in ${this.byteLength}`);
    }
    this.#bytes = bytes.slice();
  }

  /** The power was lost. */
  lose(): void {
    this.#bytes = undefined;
  }
}
