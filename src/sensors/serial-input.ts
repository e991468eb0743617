import type { Serial, SerialBus } from "../hal";

/** A serial port as drivers use it: what comes is read in chunks, and an error is its end. */
export class SerialInput {
  #serial: Serial | undefined;

  /**
   * @param baud unless `bus` says another one.
   * @param chunk is filled again and again: `onChunk` gets how many bytes are in it. It may close the port.
   * @param onLost the port has failed, and is closed.
   */
  constructor(
    { io, ...bus }: SerialBus,
    baud: number,
    chunk: Uint8Array,
    onChunk: (length: number) => void,
    onLost: (error?: unknown) => void,
  ) {
    this.#serial = new io({
      ...bus,
      baud: bus.baud ?? baud,
      format: "buffer",
      onReadable: (count) => {
        let left = count;
        while (left > 0 && this.#serial) {
          const length = this.#serial.read(chunk);
          if (!length) return;
          left -= length;
          onChunk(length);
        }
      },
      onError: (error) => {
        if (!this.#serial) return;
        this.close();
        onLost(error);
      },
    });
  }

  get isOpen(): boolean {
    return this.#serial !== undefined;
  }

  /** Throws what the port throws. */
  write(bytes: Uint8Array): void {
    this.#serial?.write(bytes);
  }

  close(): void {
    this.#serial?.close();
    this.#serial = undefined;
  }
}
