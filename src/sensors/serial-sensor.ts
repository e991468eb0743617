import type { SerialBus } from "../hal";
import type { Sample } from "../model/reading";
import { checkOptions, type DriverCallbacks } from "./driver-options";
import { SerialInput } from "./serial-input";

export interface SerialSensorOptions extends DriverCallbacks {
  sensor: SerialBus;
}

/** What drivers share whose device has a serial port of its own, after ECMA-419's Sensor class pattern. */
export abstract class SerialSensor {
  readonly #chunk: Uint8Array;
  readonly #port: SerialInput;
  #isClosed = false;
  /** When samples come: `Polling` or `Listening`. */
  protected abstract readonly timing: { take(): Sample | undefined; close(): void };

  /**
   * @param baud unless the options say another one.
   * @param chunkBytes are read at a time.
   * @throws TypeError that names the driver and the field; what the port throws.
   */
  constructor(name: string, options: SerialSensorOptions, baud: number, chunkBytes: number) {
    checkOptions(name, options, "a serial");
    const { sensor, onError } = options;
    this.#chunk = new Uint8Array(chunkBytes);
    this.#port = new SerialInput(
      sensor,
      baud,
      this.#chunk,
      (length) => this.#onChunk(length),
      (error) => {
        this.close();
        onError?.(error);
      },
    );
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    return this.timing.take();
  }

  close(): void {
    this.#isClosed = true;
    this.timing.close();
    this.#port.close();
  }

  protected abstract receive(byte: number): void;

  /** Throws what the port throws. */
  protected write(bytes: Uint8Array): void {
    this.#port.write(bytes);
  }

  #onChunk(length: number): void {
    const chunk = this.#chunk;
    // A callback may close.
    for (let index = 0; index < length && !this.#isClosed; index++) this.receive(chunk[index]);
  }
}
