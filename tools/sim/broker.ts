import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { Aedes } from "aedes";

/** A broker that a simulation can stop and start. */
export interface BrokerControl {
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A real MQTT broker in this process, on a free port of the loopback interface. */
export class Broker implements BrokerControl {
  readonly #aedes: Aedes;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
  }

  static async open(): Promise<Broker> {
    const broker = new Broker(await Aedes.createBroker());
    await broker.start();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** Takes a connection that does not come through the port. */
  handle(stream: Duplex): void {
    this.#aedes.handle(stream);
  }

  /** A client's end of a connection that does not go through the port. */
  connect(): Duplex {
    const [near, far] = duplexPair();
    this.#aedes.handle(far);
    return near;
  }

  /** Listens, on the same port as before if there was one. Sessions of clients are kept from before. */
  async start(): Promise<void> {
    if (this.#server) return;
    const server = createServer((socket) => {
      this.#sockets.add(socket.setNoDelay());
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {});
      this.#aedes.handle(socket);
    });
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Cuts every connection and refuses new ones, as a broker that has been killed. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    await this.stop();
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }
}
