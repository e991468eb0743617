import { type AddressInfo, createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { Aedes } from "aedes";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { createFlash, Partition } from "../../hal-mocks/flash";
import { createI2C } from "../../hal-mocks/i2c";
import { createKeyValue } from "../../hal-mocks/key-value";
import { Link } from "../../hal-mocks/link";
import { createMqtt } from "../../hal-mocks/mqtt";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle } from "../../hal-mocks/node/settle";
import { createTcpStream } from "../../hal-mocks/node/tcp";
import { createNtp } from "../../hal-mocks/ntp";
import { createDigital, createPulseCount } from "../../hal-mocks/pulse-count";
import { createRandom } from "../../hal-mocks/random";
import { RetainedMemory } from "../../hal-mocks/retained";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import { DeepSleep } from "../../hal-mocks/sleep";
import type { StreamConstructor } from "../../hal-mocks/stream";
import { createTcp } from "../../hal-mocks/tcp";
import { createWiFi } from "../../hal-mocks/wifi";
import type { Hal } from "../../src/hal";
import { PEER, type Platform, type SubjectName } from "./subjects";

/** Virtual milliseconds in which everything has happened that was under way. */
const SETTLE_MS = 10_000;
/** Real milliseconds in which a broker forwards what no question waits for. */
const FORWARD_MS = 5;

type Transport = "tcp" | "pair";

/** Which mocks the rules are run over. Those that talk with a broker do so over more than one transport. */
export const cases: Readonly<Record<string, { subject: SubjectName; transport?: Transport }>> = {
  serial: { subject: "serial" },
  i2c: { subject: "i2c" },
  "pulse count": { subject: "pulseCount" },
  digital: { subject: "digital" },
  tcp: { subject: "tcp" },
  "mqtt over tcp": { subject: "mqtt", transport: "tcp" },
  "mqtt over a pair": { subject: "mqtt" },
  "key-value": { subject: "keyValue" },
  flash: { subject: "flash" },
  "wi-fi": { subject: "wifi" },
  ntp: { subject: "ntp" },
  timer: { subject: "timer" },
};

/** Real peers of the mocks, in this process. */
export class Peers {
  readonly broker: Aedes;
  readonly #brokerServer: Server;
  readonly #echoServer: Server;

  private constructor(broker: Aedes, brokerServer: Server, echoServer: Server) {
    this.broker = broker;
    this.#brokerServer = brokerServer;
    this.#echoServer = echoServer;
  }

  static async open(): Promise<Peers> {
    const broker = await Aedes.createBroker();
    const echo = createServer((socket) => socket.on("error", () => {}).pipe(socket));
    return new Peers(broker, await listen(createServer(broker.handle)), await listen(echo));
  }

  get brokerPort(): number {
    return portOf(this.#brokerServer);
  }

  get echoPort(): number {
    return portOf(this.#echoServer);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.broker.close(resolve));
    this.#brokerServer.close();
    this.#echoServer.close();
  }

  stream(transport: Transport): StreamConstructor {
    if (transport === "tcp") return createTcpStream();
    return createPairStream((far: Duplex) => void this.broker.handle(far as never));
  }
}

/** Mocks of all that there is to test, in a world of their own. */
export interface World extends Platform {
  hal: Hal;
  clock: VirtualClock;
}

/** @param runJobs runs the promise jobs of an engine that does not do so by itself; false when there are none. */
export function createWorld(peers: Peers, transport?: Transport, runJobs = () => false): World {
  const clock = new VirtualClock(0, async () => {
    do await settle();
    while (runJobs());
  });
  return {
    hal: createHal(clock, peers.stream(transport ?? "tcp")),
    clock,
    brokerPort: peers.brokerPort,
    settle: async () => {
      await clock.runUntil(clock.now + SETTLE_MS);
      if (!transport) return;
      await wait(FORWARD_MS);
      await clock.runUntil(clock.now + SETTLE_MS);
    },
  };
}

function createHal(world: VirtualClock, stream: StreamConstructor): Hal {
  const clock = new TerminalClock(world);
  const chip: SerialChip = {
    onOpen: (line) => line.send(Uint8Array.of(1, 2, 3)),
    onReceive: (bytes, line) => line.send(bytes),
  };
  return {
    clock,
    sleep: new DeepSleep(),
    retained: new RetainedMemory(),
    mac: "020000000001",
    random: createRandom("contract").uint32,
    log: () => {},
    buses: {
      serial: { io: createSerial(clock, new Map([[0, chip]])) },
      i2c: { io: createI2C(new Map([[0x44, { write() {}, read: (length) => new Uint8Array(length) }]])) },
      pulseCount: { io: createPulseCount(new Map([[5, { pulses: 7 }]])) },
      digital: { io: createDigital(new Map([[12, { onWrite() {} }]])) },
      tcp: {
        io: createTcp(clock, new Map([[PEER, { onReceive: (bytes, connection) => connection.send(bytes) }]])),
      },
    },
    storage: {
      keyValue: createKeyValue(),
      flash: createFlash(new Map([["outbox", new Partition({ byteLength: 8192 })]])),
    },
    network: {
      // Links of their own: a Wi-Fi that is not connected would take the broker away.
      wifi: { io: createWiFi({ clock, link: new Link() }) },
      ntp: {
        io: createNtp({ clock: world, link: new Link(), servers: () => () => 0 }),
        dns: { io: undefined },
        socket: { io: undefined },
      },
      mqtt: {
        io: createMqtt({ clock: world, link: new Link() }),
        dns: { io: undefined },
        socket: { io: stream },
      },
    },
  };
}

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
