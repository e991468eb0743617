import type { ByteBuffer } from "../src/hal";
import { ClosingPeer, createRefusingPeer, SilentPeer } from "./peers";
import { checkStreamOptions, type Stream, type StreamConstructor, type StreamOptions } from "./stream";

/**
 * How a host is. `down` refuses connections; `silent` accepts them and says nothing; `closes` ends each at its first
 * bytes; a broker with a `returnCode` refuses each CONNECT with it (MQTT 3.1.1 §3.2.2.3: 3 is "server unavailable").
 */
export type Health = "up" | "down" | "silent" | "closes" | { returnCode: number };

/** Several hosts by name, each with a health of its own, so that one can be up while another is down. */
export class Hosts {
  /** Connects to whom a socket's options name. */
  readonly stream: StreamConstructor;
  readonly #streams: ReadonlyMap<string, StreamConstructor>;
  readonly #health = new Map<string, Health>();
  readonly #connections = new Set<Connection>();

  /** What leads to each host while it is up. */
  constructor(streams: ReadonlyMap<string, StreamConstructor>) {
    this.#streams = streams;
    const hosts = this;
    this.stream = class extends Connection {
      constructor(options: StreamOptions) {
        const host = options.host ?? options.address;
        super(host, hosts.#streamTo(host), options, (connection) => hosts.#connections.delete(connection));
        hosts.#connections.add(this);
      }
    };
  }

  health(host: string): Health {
    return this.#health.get(host) ?? "up";
  }

  /** Whatever is connected to that host is cut off. */
  set(host: string, health: Health): void {
    this.#check(host);
    this.#health.set(host, health);
    for (const connection of [...this.#connections]) if (connection.host === host) connection.cut();
  }

  /** @throws Error for a host that is not there, as it refuses. */
  #streamTo(host: string): StreamConstructor {
    const stream = this.#check(host);
    const health = this.health(host);
    switch (health) {
      case "up":
        return stream;
      case "down":
        throw new Error(`${host} refuses the connection`);
      case "silent":
        return SilentPeer;
      case "closes":
        return ClosingPeer;
      default:
        return createRefusingPeer(health.returnCode);
    }
  }

  #check(host: string): StreamConstructor {
    const stream = this.#streams.get(host);
    if (!stream) throw new Error(`there is no host "${host}"`);
    return stream;
  }
}

/** A stream that can be cut from outside. */
class Connection implements Stream {
  readonly host: string;
  readonly #stream: Stream;
  readonly #onError: StreamOptions["onError"];
  readonly #onClosed: (connection: Connection) => void;
  #isOpen = true;

  constructor(
    host: string,
    Class: StreamConstructor,
    options: StreamOptions,
    onClosed: (connection: Connection) => void,
  ) {
    checkStreamOptions(options);
    this.host = host;
    this.#onError = options.onError;
    this.#onClosed = onClosed;
    this.#stream = new Class({ ...options, onError: (error) => this.#fail(error) });
  }

  get isSilent(): boolean {
    return this.#stream.isSilent ?? false;
  }

  read(byteLength?: number): ArrayBuffer | undefined;
  read(buffer: ByteBuffer): number | undefined;
  read(target?: number | ByteBuffer): ArrayBuffer | number | undefined {
    return this.#stream.read(target as number);
  }

  write(bytes: ByteBuffer): number {
    return this.#stream.write(bytes);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onClosed(this);
    this.#stream.close();
  }

  expect(answer: boolean): void {
    this.#stream.expect?.(answer);
  }

  cut(): void {
    this.#fail(new Error("the peer closed the connection"));
  }

  #fail(error: unknown): void {
    if (!this.#isOpen) return;
    this.close();
    this.#onError?.(error);
  }
}
