import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
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
  /** Both ways in: through the port, and in this process. */
  readonly #connections = new Set<Duplex>();
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

  /**
   * Takes a connection that does not come through the port.
   * @throws Error when the broker is stopped, as a port refuses.
   */
  handle(stream: Duplex): void {
    if (!this.#server) throw new Error("connection refused");
    this.#accept(stream);
  }

  /** A client's end of a connection that does not go through the port. It closes at once when the broker is stopped. */
  connect(): Duplex {
    const [near, far] = duplexPair();
    far.on("close", () => near.destroy());
    if (this.#server) this.#accept(far);
    else far.destroy();
    return near;
  }

  /** Listens, on the same port as before if there was one. Sessions of clients are kept from before. */
  async start(): Promise<void> {
    if (this.#server) return;
    const server = createServer((socket) => this.#accept(socket.setNoDelay()));
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
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  #accept(connection: Duplex): void {
    this.#connections.add(connection);
    connection.on("close", () => this.#connections.delete(connection));
    connection.on("error", () => {});
    this.#aedes.handle(connection);
  }

  async close(): Promise<void> {
    await this.stop();
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }
}
