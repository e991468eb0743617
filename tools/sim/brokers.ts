import { createPairStream } from "../../hal-mocks/node/pair";
import { createTcpStream } from "../../hal-mocks/node/tcp";
import type { StreamConstructor } from "../../hal-mocks/stream";
import { type BrokerAddress, Failure, urlOf } from "../cli/command";
import { Subscriber } from "../subscriber";
import { Broker, type BrokerControl, type Listener } from "./broker";
import type { Way } from "./scenario";
import { type StreamWay, streamByPort } from "./ways";

/** Of all that terminals publish. */
const FILTER = "gm/#";

export interface BrokersOptions {
  /** An MQTT broker that runs already; without it there are some in this process. */
  elsewhere?: BrokerAddress;
  /** What stops and starts that one. */
  control?: BrokerControl;
  /** One or two. */
  count: number;
}

/** The brokers of a simulation, and who listens at each. */
export class Brokers {
  readonly #options: BrokersOptions;
  /** Those of this process. */
  readonly #builtIn: readonly Broker[];
  readonly #listeners: Listener[] = [];
  readonly #ways: Way[] = ["up", "up"];

  private constructor(options: BrokersOptions, builtIn: readonly Broker[]) {
    this.#options = options;
    this.#builtIn = builtIn;
  }

  static async open(options: BrokersOptions): Promise<Brokers> {
    if (options.elsewhere && options.count > 1)
      throw new Failure("two brokers are both in this process: without --broker");
    const count = options.elsewhere ? 0 : options.count;
    const builtIn: Broker[] = [];
    for (let index = 0; index < count; index++) builtIn.push(await Broker.open());
    return new Brokers(options, builtIn);
  }

  async listen(onMessage: (topic: string, payload: Uint8Array) => void): Promise<void> {
    for (const broker of this.#builtIn) this.#listeners.push(await broker.listen(FILTER, onMessage));
    const { elsewhere } = this.#options;
    if (elsewhere)
      this.#listeners.push(await Subscriber.connect(urlOf(elsewhere), { filter: FILTER, onMessage }));
  }

  /** How terminals reach them: those of this process without sockets. */
  stream(): StreamConstructor {
    if (!this.#builtIn.length) return createTcpStream();
    const ways = this.#builtIn.map((broker): StreamWay => {
      const { hostname, port } = new URL(broker.url);
      return [`${hostname}:${port}`, createPairStream((far) => broker.handle(far))];
    });
    return streamByPort(new Map(ways));
  }

  /** A terminal's settings for them. */
  config(): Record<string, unknown> {
    const { elsewhere } = this.#options;
    const [first, second] = elsewhere
      ? [new URL(urlOf(elsewhere))]
      : this.#builtIn.map(({ url }) => new URL(url));
    const { user, password } = elsewhere ?? {};
    return {
      host: first.hostname.replace(/^\[|\]$/g, ""),
      port: Number(first.port),
      ...(second && { host2: second.hostname, port2: Number(second.port) }),
      ...(user && { user, password }),
    };
  }

  /** Whether somebody can stop and start it. */
  canTurn(number: 1 | 2): boolean {
    return this.#controlOf(number) !== undefined;
  }

  async turn(number: 1 | 2, way: Way): Promise<void> {
    const control = this.#controlOf(number)!;
    const index = number - 1;
    if (way === this.#ways[index]) return;
    this.#ways[index] = way;
    const listener = this.#listeners[index];
    if (way === "down") {
      // What the broker has acknowledged must have been passed on: it keeps nothing on disk.
      await listener.barrier();
      await control.stop();
    } else {
      await control.start();
      await listener.barrier();
    }
  }

  #controlOf(number: 1 | 2): BrokerControl | undefined {
    const { control } = this.#options;
    return number === 1 && control ? control : this.#builtIn[number - 1];
  }

  /**
   * Resolves when what they had has been passed on. A broker that is down has nothing more to deliver: what it did not
   * get is lost.
   */
  async barrier(): Promise<void> {
    for (const [index, listener] of this.#listeners.entries())
      if (this.#ways[index] === "up") await listener.barrier();
  }

  async endListening(): Promise<void> {
    for (const listener of this.#listeners) await listener.close();
  }

  async close(): Promise<void> {
    for (const broker of this.#builtIn) await broker.close();
  }
}
