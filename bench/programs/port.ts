import type { Serial, SerialConstructor, SerialOptions } from "../../src/hal";

/** A serial line whose far end a bench holds. No engine but has what this uses. */
export class Feed {
  readonly io: SerialConstructor;
  #onReadable: SerialOptions["onReadable"];
  #waiting: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor() {
    const feed = this;
    class Port implements Pick<Serial, "format" | "read" | "write" | "close"> {
      format = "buffer" as const;

      constructor(options: SerialOptions) {
        feed.#onReadable = options.onReadable;
      }

      read(target?: unknown): undefined;
      read(target: Uint8Array): number | undefined {
        return feed.#take(target);
      }

      write(): void {}

      close(): void {}
    }
    this.io = Port as unknown as SerialConstructor;
  }

  /** In chunks, as an interrupt gives them. */
  push(bytes: Uint8Array, chunkBytes: number): void {
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      this.#waiting = bytes.subarray(start, start + chunkBytes);
      this.#at = 0;
      this.#onReadable?.(this.#waiting.length);
    }
  }

  #take(target: Uint8Array): number | undefined {
    const part = this.#waiting.subarray(this.#at, this.#at + target.length);
    if (!part.length) return undefined;
    target.set(part);
    this.#at += part.length;
    return part.length;
  }
}
