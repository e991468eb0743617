import type { ByteBuffer, Clock, Tcp, TcpConstructor, TcpOptions } from "../src/hal";

/** What a peer sees of one connection. */
export interface TcpConnection {
  /** The bytes are copied, and come `latencyMs` later. */
  send(bytes: Uint8Array): void;
  /** The peer closes. */
  close(): void;
}

/** A device at the far end of TCP connections. */
export interface TcpPeer {
  /** False refuses connections. Default true. */
  readonly accepts?: boolean;
  onConnect?(connection: TcpConnection): void;
  onReceive?(bytes: Uint8Array, connection: TcpConnection): void;
  onClose?(connection: TcpConnection): void;
}

export interface TcpSettings {
  /** Virtual milliseconds of one way. Default 2. */
  latencyMs?: number;
}

/** What a socket takes at once. */
const WRITABLE_BYTES = 2048;

/** One connection: firmware's end, and what the peer sees. */
class Connection implements TcpConnection {
  readonly #clock: Clock;
  readonly #latencyMs: number;
  readonly #peer: TcpPeer | undefined;
  readonly #options: TcpOptions;
  readonly #instance: Tcp;
  #received: number[] = [];
  isOpen = true;
  isConnected = false;

  constructor(
    clock: Clock,
    latencyMs: number,
    peer: TcpPeer | undefined,
    options: TcpOptions,
    instance: Tcp,
  ) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
    this.#peer = peer;
    this.#options = options;
    this.#instance = instance;
    // There and back.
    this.#after(2 * latencyMs, () => this.#connect());
  }

  send(bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#after(this.#latencyMs, () => {
      this.#received.push(...copy);
      this.#options.onReadable?.call(this.#instance, this.#received.length);
    });
  }

  close(): void {
    this.#after(this.#latencyMs, () => this.#fail(new Error("tcp: the peer closed the connection")));
  }

  take(target: Uint8Array): number | undefined {
    const part = this.#received.splice(0, target.length);
    target.set(part);
    return part.length || undefined;
  }

  transmit(bytes: Uint8Array): void {
    this.#after(this.#latencyMs, () => this.#peer?.onReceive?.(bytes, this));
  }

  end(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.isConnected) this.#clock.set(() => this.#peer?.onClose?.(this), this.#latencyMs);
  }

  #connect(): void {
    if (!this.#peer || this.#peer.accepts === false) {
      this.#fail(new Error("tcp: connection refused"));
      return;
    }
    this.isConnected = true;
    this.#peer.onConnect?.(this);
    this.#options.onWritable?.call(this.#instance, WRITABLE_BYTES);
  }

  #fail(error: Error): void {
    this.end();
    this.#options.onError?.call(this.#instance, error);
  }

  #after(ms: number, happen: () => void): void {
    this.#clock.set(() => {
      if (this.isOpen) happen();
    }, ms);
  }
}

/**
 * ECMA-419's TCP class (§10.9) in virtual time, on a network with these peers by `address:port`; what stands there for
 * a name stands by it. Where there is no peer, connections are refused.
 */
export function createTcp(
  clock: Clock,
  peers: ReadonlyMap<string, TcpPeer>,
  { latencyMs = 2 }: TcpSettings = {},
): TcpConstructor {
  return class implements Tcp {
    readonly #connection: Connection;

    constructor(options: TcpOptions) {
      const { address, host, port } = options;
      const name = address ?? host;
      if (typeof name !== "string" || !name) throw new TypeError("tcp: address is missing");
      if (!(Number.isInteger(port) && port > 0 && port <= 65_535)) {
        throw new RangeError(`tcp: port is ${port}, expected 1 to 65535`);
      }
      const { onReadable, onWritable, onError } = options;
      for (const [field, callback] of Object.entries({ onReadable, onWritable, onError })) {
        if (callback !== undefined && typeof callback !== "function")
          throw new TypeError(`tcp: ${field} is no function`);
      }
      this.#connection = new Connection(clock, latencyMs, peers.get(`${name}:${port}`), options, this);
    }

    read(buffer: ByteBuffer): number | undefined {
      return this.#opened().take(buffer instanceof ArrayBuffer ? new Uint8Array(buffer) : buffer);
    }

    write(bytes: ByteBuffer): number {
      const connection = this.#opened();
      if (!connection.isConnected) throw new Error("tcp: it is not connected");
      if (bytes.byteLength > WRITABLE_BYTES) throw new Error("tcp: output full");
      connection.transmit(
        bytes instanceof ArrayBuffer ? new Uint8Array(bytes.slice(0)) : new Uint8Array(bytes),
      );
      return WRITABLE_BYTES;
    }

    close(): void {
      this.#connection.end();
    }

    #opened(): Connection {
      if (!this.#connection.isOpen) throw new Error("tcp: it is closed");
      return this.#connection;
    }
  };
}
