import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { Aedes, type AedesPublishPacket } from "aedes";

/** A broker that a simulation can stop and start. */
export interface BrokerControl {
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Who hears what a broker delivers. */
export interface Listener {
  /** Resolves when everything that the broker had before this call has been delivered. */
  barrier(): Promise<void>;
  close(): Promise<void>;
}

/** Where a listener's barriers are published; no device's topic. */
const BARRIER_TOPIC = "gms/barrier";

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

  /**
   * Subscribes in this process, without a client's connection: a stopped broker delivers nothing, and forgets nobody.
   * @param filter of topics, such as `gm/#`.
   */
  async listen(filter: string, onMessage: (topic: string, payload: Uint8Array) => void): Promise<Listener> {
    const aedes = this.#aedes;
    const waiting: (() => void)[] = [];
    const deliver = ({ topic, payload }: AedesPublishPacket, done: () => void) => {
      onMessage(topic, payload as Buffer);
      done();
    };
    const pass = (_packet: AedesPublishPacket, done: () => void) => {
      waiting.shift()?.();
      done();
    };
    await new Promise<void>((resolve) => aedes.subscribe(filter, deliver, resolve));
    await new Promise<void>((resolve) => aedes.subscribe(BARRIER_TOPIC, pass, resolve));
    return {
      barrier: () =>
        new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          const packet = {
            cmd: "publish",
            topic: BARRIER_TOPIC,
            payload: "",
            qos: 0,
            retain: false,
            dup: false,
          };
          aedes.publish(packet as AedesPublishPacket, (error) => error && reject(error));
        }),
      close: async () => {
        await new Promise<void>((resolve) => aedes.unsubscribe(filter, deliver, resolve));
        await new Promise<void>((resolve) => aedes.unsubscribe(BARRIER_TOPIC, pass, resolve));
      },
    };
  }

  /** Puts a message there to be kept, as a publisher does whose connection is of no interest. */
  publish(topic: string, payload: string | Uint8Array): Promise<boolean> {
    const packet = { cmd: "publish", topic, payload: Buffer.from(payload), qos: 1, retain: true, dup: false };
    return new Promise((resolve) =>
      this.#aedes.publish(packet as AedesPublishPacket, (error) => resolve(!error)),
    );
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
