import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Aedes, type AedesPublishPacket } from "aedes";

/** A real broker on a free port of the loopback interface, which can die and come back with nothing remembered. */
export class TestBroker {
  aedes!: Aedes;
  port = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  static async open(): Promise<TestBroker> {
    const broker = new TestBroker();
    await broker.start();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.aedes = await Aedes.createBroker();
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      this.aedes.handle(socket);
    });
    this.#server = server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await closed;
    await new Promise<void>((resolve) => this.aedes.close(() => resolve()));
  }

  /** Resolves with the next message that somebody publishes to `topic`. */
  async published(topic: string): Promise<{ payload: string; retain: boolean }> {
    for (;;) {
      const [packet] = (await once(this.aedes, "publish")) as [AedesPublishPacket];
      if (packet.topic === topic) return { payload: packet.payload.toString(), retain: packet.retain };
    }
  }

  publish(
    topic: string,
    payload: Uint8Array | string,
    qos: 0 | 1 = 1,
    { retain = false } = {},
  ): Promise<void> {
    const packet = {
      cmd: "publish",
      topic,
      payload: Buffer.from(payload),
      qos,
      dup: false,
      retain,
    } as const;
    return new Promise((resolve, reject) =>
      this.aedes.publish(packet, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Resolves when somebody has subscribed to `filter`. */
  async subscribed(filter: string): Promise<void> {
    for (;;) {
      const [subscriptions] = (await once(this.aedes, "subscribe")) as [{ topic: string }[]];
      if (subscriptions.some(({ topic }) => topic === filter)) return;
    }
  }
}
