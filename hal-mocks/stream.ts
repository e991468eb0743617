import type { ByteBuffer } from "../src/hal";

/** The options of ECMA-419's TCP class that the mocks use. `host` is what a resolver made `address` from. */
export interface StreamOptions {
  address: string;
  port: number;
  host?: string;
  /** `count`: how many bytes can be read. */
  onReadable?: (count: number) => void;
  /** `count`: how many bytes can be written. The first call says that the stream is connected. */
  onWritable?: (count: number) => void;
  /** The instance is finished: refused, closed by the peer, or silent for too long. */
  onError?: (error?: unknown) => void;
}

/**
 * A byte stream to a real peer, in ECMA-419's TCP shape (§10.9). Its events come from the host's event loop, not
 * in virtual time: who owns the stream brings them there.
 */
export interface Stream {
  read(byteLength?: number): ArrayBuffer | undefined;
  read(buffer: ByteBuffer): number | undefined;
  /** The bytes are copied. Returns how many more can be written. */
  write(bytes: ByteBuffer): number;
  /** What was written still reaches the peer. */
  close(): void;
  /**
   * True: the owner waits for an answer, and the host counts its real deadline from now. When that has passed,
   * the stream fails with `onError`. False: it waits no longer.
   */
  expect?(answer: boolean): void;
  /** True: this peer never answers anything, so that nobody need wait for it in real time. */
  readonly isSilent?: boolean;
}

export type StreamConstructor = new (options: StreamOptions) => Stream;

/** A real stream has no use for back pressure here: what firmware may write is modelled by its client. */
const WRITABLE_BYTES = 65_536;

/** Checks of options, the queue of received bytes, and silence after close: what all streams share. */
export abstract class BufferedStream implements Stream {
  readonly #onReadable: StreamOptions["onReadable"];
  readonly #onWritable: StreamOptions["onWritable"];
  readonly #onError: StreamOptions["onError"];
  #received: Uint8Array[] = [];
  #length = 0;
  #closed = false;

  constructor(options: StreamOptions) {
    checkStreamOptions(options);
    this.#onReadable = options.onReadable;
    this.#onWritable = options.onWritable;
    this.#onError = options.onError;
  }

  read(byteLength?: number): ArrayBuffer | undefined;
  read(buffer: ByteBuffer): number | undefined;
  read(target: number | ByteBuffer = this.#length): ArrayBuffer | number | undefined {
    this.checkOpen();
    if (!this.#length) return undefined;
    if (typeof target !== "number")
      return this.#take(target instanceof ArrayBuffer ? new Uint8Array(target) : target);
    const bytes = new Uint8Array(Math.min(target, this.#length));
    this.#take(bytes);
    return bytes.buffer;
  }

  write(bytes: ByteBuffer): number {
    this.checkOpen();
    this.send(bytes instanceof ArrayBuffer ? new Uint8Array(bytes.slice(0)) : new Uint8Array(bytes));
    return WRITABLE_BYTES;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.expect(false);
    this.end();
  }

  abstract expect(answer: boolean): void;

  /** Sends bytes that nobody else holds. */
  protected abstract send(bytes: Uint8Array): void;

  /** Closes the host's side, after what was sent. Called once. */
  protected abstract end(): void;

  protected get isOpen(): boolean {
    return !this.#closed;
  }

  protected connected(): void {
    if (this.isOpen) this.#onWritable?.(WRITABLE_BYTES);
  }

  protected received(bytes: Uint8Array): void {
    if (this.#closed || !bytes.length) return;
    this.#received.push(bytes);
    this.#length += bytes.length;
    this.#onReadable?.(this.#length);
  }

  protected failed(error?: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#onError?.(error);
  }

  protected checkOpen(): void {
    if (this.#closed) throw new Error("stream: it is closed");
  }

  #take(target: Uint8Array): number {
    let count = 0;
    while (count < target.length && this.#received.length) {
      const [first] = this.#received;
      const part = first.subarray(0, target.length - count);
      target.set(part, count);
      count += part.length;
      if (part.length < first.length) this.#received[0] = first.subarray(part.length);
      else this.#received.shift();
    }
    this.#length -= count;
    return count;
  }
}

export function checkStreamOptions(options: StreamOptions): void {
  const { address, port } = options;
  if (typeof address !== "string" || !address)
    throw new TypeError("stream: address is missing, expected a string");
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RangeError(`stream: port is ${port}, expected 0 to 65535`);
  }
  for (const callback of [options.onReadable, options.onWritable, options.onError]) {
    if (callback !== undefined && typeof callback !== "function") {
      throw new TypeError("stream: a callback is not a function");
    }
  }
}
