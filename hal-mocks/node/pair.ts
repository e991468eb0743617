import { Duplex } from "node:stream";
import { BufferedStream, type StreamConstructor, type StreamOptions } from "../stream";
import { DEADLINE_MS, Deadline } from "./deadline";

export interface PairSettings {
  /** Real milliseconds. */
  deadlineMs?: number;
}

/** What the near side hears from the far one. */
interface Near {
  receive(bytes: Uint8Array): void;
  gone(error: Error): void;
}

class FarSide extends Duplex {
  readonly #near: Near;

  constructor(near: Near) {
    super({ allowHalfOpen: false });
    this.#near = near;
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#near.receive(chunk);
    done();
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this.#near.receive(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#near.gone(error ?? new Error("the peer closed the connection"));
    done(error);
  }
}

/**
 * A stream class whose far sides go to `accept` in the same process (`aedes.handle`, say): no sockets.
 * An `accept` that throws refuses the connection.
 */
export function createPairStream(
  accept: (serverSide: Duplex) => void,
  { deadlineMs = DEADLINE_MS }: PairSettings = {},
): StreamConstructor {
  return class extends BufferedStream {
    readonly #far: FarSide;
    readonly #deadline: Deadline;
    /** Bytes, or null for the end. A far side that answers at once must not do so inside our `write`. */
    readonly #outgoing: (Uint8Array | null)[] = [];

    constructor(options: StreamOptions) {
      super(options);
      this.#deadline = new Deadline(deadlineMs, (error) => this.failed(error));
      this.#far = new FarSide({
        receive: (bytes) => this.received(bytes),
        gone: (error) => this.failed(error),
      });
      setImmediate(() => this.#connect());
    }

    expect(answer: boolean): void {
      this.#deadline.expect(answer);
    }

    protected send(bytes: Uint8Array): void {
      this.#push(bytes);
    }

    protected end(): void {
      this.#push(null);
    }

    #push(chunk: Uint8Array | null): void {
      if (this.#outgoing.push(chunk) > 1) return;
      queueMicrotask(() => {
        for (const bytes of this.#outgoing.splice(0)) if (!this.#far.destroyed) this.#far.push(bytes);
      });
    }

    #connect(): void {
      if (!this.isOpen) return;
      try {
        accept(this.#far);
      } catch (error) {
        this.failed(error);
        return;
      }
      this.connected();
    }
  };
}
