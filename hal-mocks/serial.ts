import type { ByteBuffer, Clock, Serial, SerialConstructor, SerialOptions } from "../src/hal";

/** What a chip or meter sees of its UART line. */
export interface SerialLine {
  /** Bits a second that the firmware has set; 10 bits carry a byte (8N1). */
  readonly baud: number;
  /**
   * Sends bytes to the firmware, paced at the line's rate. The bytes are not copied: do not change them until
   * the next call. Bytes still on their way when the port closes are lost, as on a real line.
   */
  send(bytes: Uint8Array): void;
}

/** A device at the far end of a serial line. It makes bytes only between `onOpen` and `onClose`. */
export interface SerialChip {
  onOpen?(line: SerialLine): void;
  onReceive?(bytes: Uint8Array, line: SerialLine): void;
  onClose?(line: SerialLine): void;
}

/** Bytes that are kept unread; further ones are lost. */
const RECEIVE_BUFFER_BYTES = 8192;
/** Bytes that come in one `onReadable`. */
const CHUNK_BYTES = 1024;
const BITS_PER_BYTE = 10;
/** What a UART's transmit FIFO takes at once. */
const TRANSMIT_BYTES = 128;

export interface SerialSettings {
  /**
   * Bytes that come in one `onReadable`, and bytes that are kept unread. The defaults are generous, so that a
   * simulated month has a tenth of the events; the SDK on ESP32 has the UART's FIFO alone: `UART_FIFO`.
   */
  chunkBytes?: number;
  bufferBytes?: number;
}

/** ESP32's UART: 128 bytes, and an interrupt at 96 (the reset value of UART_RXFIFO_FULL_THRHD, which the SDK keeps). */
export const UART_FIFO: Required<SerialSettings> = { chunkBytes: 96, bufferBytes: 128 };

/** An opened port's callbacks; `this` in them is the instance. */
type Port = Pick<SerialOptions, "onReadable" | "onWritable"> & { instance: Serial };

/** The serial class of a board, and what happens to it when the board's RAM is lost. */
export type MockSerialConstructor = SerialConstructor & {
  /** The board sleeps deeply or has lost its power: ports are closed, and their instances useless. */
  reset(): void;
};

/** One line's two ends: the port that firmware opens, and the chip. */
class Line implements SerialLine {
  baud = 0;
  readonly #clock: Clock;
  readonly #chip: SerialChip;
  readonly received: ReceiveBuffer;
  readonly #chunkBytes: number;
  #port: Port | undefined;
  /** Ticks at which the last byte sent so far has arrived, either way. */
  #busyUntil = 0;
  #transmitUntil = 0;

  constructor(clock: Clock, chip: SerialChip, { chunkBytes, bufferBytes }: Required<SerialSettings>) {
    this.#clock = clock;
    this.#chip = chip;
    this.#chunkBytes = chunkBytes;
    this.received = new ReceiveBuffer(bufferBytes);
  }

  get isOpen(): boolean {
    return this.#port !== undefined;
  }

  open({ baud, onReadable, onWritable }: SerialOptions, instance: Serial): Port {
    const port = { onReadable, onWritable, instance };
    this.baud = baud;
    this.received.clear();
    this.#port = port;
    this.#busyUntil = this.#clock.ticks;
    this.#transmitUntil = this.#clock.ticks;
    this.#writableAt(port, 0);
    this.#chip.onOpen?.(this);
    return port;
  }

  has(port: Port | undefined): boolean {
    return port !== undefined && port === this.#port;
  }

  close(): void {
    if (!this.#port) return;
    this.#port = undefined;
    this.#chip.onClose?.(this);
  }

  send(bytes: Uint8Array): void {
    const port = this.#port;
    if (!port) return;
    const now = this.#clock.ticks;
    let at = Math.max(now, this.#busyUntil);
    for (let start = 0; start < bytes.length; start += this.#chunkBytes) {
      const chunk = bytes.subarray(start, start + this.#chunkBytes);
      at += this.#durationMs(chunk.length);
      this.#clock.set(() => {
        if (this.#port !== port) return;
        this.received.push(chunk);
        port.onReadable?.call(port.instance, this.received.length);
      }, at - now);
    }
    this.#busyUntil = at;
  }

  receive(bytes: Uint8Array): void {
    const now = this.#clock.ticks;
    const waiting = (Math.max(this.#transmitUntil - now, 0) * this.baud) / (BITS_PER_BYTE * 1000);
    if (Math.ceil(waiting) + bytes.length > TRANSMIT_BYTES) throw new Error("serial: output full");
    this.#transmitUntil = Math.max(now, this.#transmitUntil) + this.#durationMs(bytes.length);
    this.#clock.set(() => this.#chip.onReceive?.(bytes, this), this.#transmitUntil - now);
    this.#writableAt(this.#port!, this.#transmitUntil - now);
  }

  #writableAt(port: Port, ms: number): void {
    if (!port.onWritable) return;
    this.#clock.set(() => {
      if (this.#port === port) port.onWritable?.call(port.instance, TRANSMIT_BYTES);
    }, ms);
  }

  #durationMs(byteLength: number): number {
    return (byteLength * BITS_PER_BYTE * 1000) / this.baud;
  }
}

/** A UART driver's buffer of received bytes. What does not fit is lost, as in silicon. */
class ReceiveBuffer {
  readonly #bytes: Uint8Array;
  #start = 0;
  #end = 0;

  constructor(byteLength: number) {
    this.#bytes = new Uint8Array(byteLength);
  }

  get length(): number {
    return this.#end - this.#start;
  }

  clear(): void {
    this.#start = 0;
    this.#end = 0;
  }

  push(bytes: Uint8Array): void {
    if (this.#start) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const fits = bytes.subarray(0, this.#bytes.length - this.#end);
    this.#bytes.set(fits, this.#end);
    this.#end += fits.length;
  }

  take(target: Uint8Array): number {
    const count = Math.min(target.length, this.length);
    target.set(this.#bytes.subarray(this.#start, this.#start + count));
    this.#start += count;
    return count;
  }
}

/**
 * The `embedded:io/serial` class of one board whose UARTs lead to `chips`, by port number.
 * Constructing it throws RangeError for a port with no chip, and when the port is already open.
 */
export function createSerial(
  clock: Clock,
  chips: ReadonlyMap<number, SerialChip>,
  { chunkBytes = CHUNK_BYTES, bufferBytes = RECEIVE_BUFFER_BYTES }: SerialSettings = {},
): MockSerialConstructor {
  const lines = new Map(
    [...chips].map(([port, chip]) => [port, new Line(clock, chip, { chunkBytes, bufferBytes })]),
  );

  return class implements Serial {
    readonly #line: Line;
    #port: Port | undefined;
    #format: "number" | "buffer";

    static reset(): void {
      for (const line of lines.values()) line.close();
    }

    constructor(options: SerialOptions) {
      const { baud, port = 0, receive, transmit, format = "buffer" } = options;
      if (!(Number.isInteger(baud) && baud > 0)) throw new RangeError(`serial: baud is ${baud}`);
      if (receive === undefined && transmit === undefined)
        throw new RangeError("serial: no receive or transmit");
      for (const callback of [options.onReadable, options.onWritable, options.onError]) {
        if (callback !== undefined && typeof callback !== "function") {
          throw new TypeError("serial: a callback is not a function");
        }
      }
      this.#format = checkFormat(format);
      const line = lines.get(port);
      if (!line) throw new RangeError(`serial: there is no port ${port}`);
      if (line.isOpen) throw new RangeError(`serial: port ${port} is in use`);
      this.#line = line;
      this.#port = line.open(options, this);
    }

    get format(): "number" | "buffer" {
      return this.#format;
    }

    set format(value: "number" | "buffer") {
      this.#format = checkFormat(value);
    }

    read(): number | ArrayBuffer | undefined;
    read(byteLength: number): ArrayBuffer | undefined;
    read(buffer: ByteBuffer): number | undefined;
    read(target?: number | ByteBuffer): number | ArrayBuffer | undefined {
      const { received } = this.#opened();
      const { length } = received;
      if (!length) return undefined;
      if (this.#format === "number") {
        const byte = new Uint8Array(1);
        received.take(byte);
        return byte[0];
      }
      if (target === undefined || typeof target === "number") {
        // The SDK returns what happens to be in memory behind the bytes that are there.
        if (target !== undefined && !(target > 0 && target <= length)) {
          throw new RangeError(`serial: read of ${target} bytes, ${length} are there`);
        }
        const bytes = new Uint8Array(target ?? length);
        received.take(bytes);
        return bytes.buffer;
      }
      return received.take(target instanceof ArrayBuffer ? new Uint8Array(target) : target);
    }

    write(value: number | ByteBuffer): void {
      const line = this.#opened();
      if ((typeof value === "number") !== (this.#format === "number")) {
        throw new TypeError(`serial: expected a ${this.#format}`);
      }
      if (typeof value === "number") line.receive(Uint8Array.of(value));
      else line.receive(new Uint8Array(value instanceof ArrayBuffer ? value.slice(0) : value));
    }

    close(): void {
      if (this.#line.has(this.#port)) this.#line.close();
      this.#port = undefined;
    }

    #opened(): Line {
      if (!this.#line.has(this.#port)) throw new Error("serial: the port is closed");
      return this.#line;
    }
  };
}

function checkFormat(format: string): "number" | "buffer" {
  if (format !== "number" && format !== "buffer")
    throw new RangeError(`serial: there is no format "${format}"`);
  return format;
}
