import { connect, type Socket } from "node:net";
import { BufferedStream, type StreamConstructor, type StreamOptions } from "../stream";
import { DEADLINE_MS, Deadline } from "./deadline";

export interface TcpSettings {
  /** Where every connection goes, whatever address firmware asks for. */
  to?: { address: string; port: number };
  /** Real milliseconds. */
  deadlineMs?: number;
}

/** A stream class over real TCP sockets. */
export function createTcpStream({ to, deadlineMs = DEADLINE_MS }: TcpSettings = {}): StreamConstructor {
  return class extends BufferedStream {
    readonly #socket: Socket;
    readonly #deadline: Deadline;

    constructor(options: StreamOptions) {
      super(options);
      const { address, port } = to ?? options;
      this.#deadline = new Deadline(deadlineMs, (error) => this.failed(error));
      this.#socket = connect({ host: address, port, noDelay: true });
      this.#socket.on("connect", () => this.connected());
      this.#socket.on("data", (bytes) => this.received(bytes));
      this.#socket.on("end", () => this.failed(new Error("the peer closed the connection")));
      this.#socket.on("error", (error) => this.failed(error));
      this.#socket.on("close", () => this.failed(new Error("the connection is closed")));
    }

    expect(answer: boolean): void {
      this.#deadline.expect(answer);
    }

    protected send(bytes: Uint8Array): void {
      this.#socket.write(bytes);
    }

    protected end(): void {
      if (this.#socket.connecting) {
        this.#socket.destroy();
        return;
      }
      this.#socket.end();
      this.#socket.setTimeout(deadlineMs, () => this.#socket.destroy());
    }
  };
}
