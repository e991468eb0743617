import { type AddressInfo, createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { Aedes } from "aedes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { createFlash, Partition } from "../../hal-mocks/flash";
import { createKeyValue } from "../../hal-mocks/key-value";
import { Link } from "../../hal-mocks/link";
import { createMqtt } from "../../hal-mocks/mqtt";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle } from "../../hal-mocks/node/settle";
import { createTcpStream } from "../../hal-mocks/node/tcp";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import type { Stream, StreamConstructor, StreamOptions } from "../../hal-mocks/stream";
import { createWiFi } from "../../hal-mocks/wifi";
import type {
  Flash,
  KeyValue,
  MqttClient,
  MqttMessage,
  MqttOptions,
  Serial,
  SerialOptions,
  Timer,
  WiFi,
} from "../../src/hal";
import { type Closable, type Options, type Rule, rules, type Subject } from "./rules";

/** Real milliseconds in which a loopback socket certainly answers. */
const REAL_MS = 40;

let broker: Aedes;
let brokerServer: Server;
let echoServer: Server;

beforeAll(async () => {
  broker = await Aedes.createBroker();
  brokerServer = await listen(createServer(broker.handle));
  echoServer = await listen(createServer((socket) => socket.on("error", () => {}).pipe(socket)));
});

afterAll(async () => {
  await new Promise<void>((resolve) => broker.close(resolve));
  brokerServer.close();
  echoServer.close();
});

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function serial(): Subject<Serial> {
  const clock = new VirtualClock(0, settle);
  const chip: SerialChip = {
    onOpen: (line) => line.send(Uint8Array.of(1, 2, 3)),
    onReceive: (bytes, line) => line.send(bytes),
  };
  const Serial = createSerial(new TerminalClock(clock), new Map([[0, chip]]));
  return {
    callbacks: ["onReadable", "onWritable", "onError"],
    expected: ["onReadable", "onWritable"],
    options: () => ({ receive: 1, transmit: 2, baud: 115_200, port: 0, format: "buffer" }),
    bad: {
      "baud 0": { baud: 0 },
      "no baud": { baud: undefined },
      "no pins": { receive: undefined, transmit: undefined },
      "an unknown port": { port: 7 },
      "an unknown format": { format: "text" },
      "a callback that is no function": { onReadable: 5 },
    },
    open: (options) => new Serial(options as unknown as SerialOptions),
    uses: [(port) => port.write(Uint8Array.of(9, 9)), (port) => port.read()],
    react: (port, callback) => {
      if (callback === "onReadable") port.read();
      else port.format = "buffer";
    },
    settle: () => clock.runUntil(clock.now + 1000),
  };
}

function mqtt(io: () => StreamConstructor): Subject<MqttClient> {
  const clock = new VirtualClock(0, settle);
  const Mqtt = createMqtt({ clock, link: new Link() });
  const bytes = new Uint8Array(300);
  return {
    callbacks: ["onControl", "onReadable", "onWritable", "onClose", "onError"],
    expected: ["onControl", "onReadable", "onWritable"],
    options: () => ({
      host: "127.0.0.1",
      port: portOf(brokerServer),
      id: "contract",
      keepalive: 60_000,
      will: { topic: "contract/will", message: "gone", QoS: 1 },
      dns: { io: undefined },
      socket: { io: io() },
    }),
    bad: {
      "no host": { host: undefined },
      "an empty host": { host: "" },
      "port 70000": { port: 70_000 },
      "a negative keepalive": { keepalive: -1 },
      "no dns": { dns: undefined },
      "no socket": { socket: undefined },
      "a socket without io": { socket: {} },
      "a will without a topic": { will: { message: "gone" } },
      "a callback that is no function": { onControl: {} },
    },
    open: (options) => new Mqtt(options as unknown as MqttOptions),
    uses: [
      (client) => client.write(bytes, { topic: "contract/a", QoS: 1 }),
      (client) => client.write(bytes, { topic: "contract/b" }),
      (client) => client.write(null, { operation: Mqtt.PINGREQ }),
      (client) => client.write(null, { operation: Mqtt.DISCONNECT }),
    ],
    react: (client, callback, [message]) => {
      if (callback === "onReadable") client.read();
      if (callback === "onControl" && (message as MqttMessage).operation === Mqtt.CONNACK) {
        client.write(null, { operation: Mqtt.SUBSCRIBE, items: [{ topic: "contract/#", QoS: 1 }] });
      }
    },
    settle: async () => {
      await clock.runUntil(clock.now + 5000);
      // What the broker forwards, no question of ours waits for.
      await wait(5);
      await clock.runUntil(clock.now + 1000);
    },
  };
}

function stream(createClass: () => StreamConstructor): Subject<Stream> {
  return {
    callbacks: ["onReadable", "onWritable", "onError"],
    expected: ["onReadable", "onWritable"],
    options: () => ({ address: "127.0.0.1", port: portOf(echoServer) }),
    bad: {
      "no address": { address: undefined },
      "port -1": { port: -1 },
      "port 65536": { port: 65_536 },
      "a callback that is no function": { onError: 1 },
    },
    open: (options) => new (createClass())(options as unknown as StreamOptions),
    uses: [(client) => client.write(Uint8Array.of(1, 2, 3))],
    react: (client, callback) => {
      if (callback === "onReadable") client.read();
      if (callback === "onWritable") client.write(Uint8Array.of(4));
    },
    settle: () => wait(REAL_MS),
  };
}

function keyValue(): Subject<KeyValue> {
  const storage = createKeyValue();
  return {
    callbacks: [],
    options: () => ({ path: "contract", format: "string", mode: "r+" }),
    bad: {
      "no path": { path: undefined },
      "a path of 16 characters": { path: "1234567890123456" },
      "an unknown format": { format: "json" },
      "an unknown mode": { mode: "w" },
    },
    open: (options) => storage.open(options as { path: string }),
    settle: async () => {},
  };
}

function flash(): Subject<Flash> {
  const storage = createFlash(new Map([["outbox", new Partition({ byteLength: 8192 })]]));
  return {
    callbacks: [],
    options: () => ({ path: "outbox", mode: "r+" }),
    bad: { "an unknown partition": { path: "inbox" }, "an unknown mode": { mode: "w" } },
    open: (options) => storage.open(options as { path: string }),
    settle: async () => {},
  };
}

function wifi(): Subject<WiFi> {
  const clock = new VirtualClock(0, settle);
  const WiFi = createWiFi({ clock: new TerminalClock(clock), link: new Link() });
  return {
    callbacks: ["onChanged"],
    expected: ["onChanged"],
    options: () => ({}),
    bad: { "a callback that is no function": { onChanged: "yes" } },
    open: (options) => new WiFi(options),
    uses: [
      (wireless) => wireless.connect({ SSID: "house", password: "secret" }),
      (wireless) => wireless.disconnect(),
    ],
    settle: () => clock.runUntil(clock.now + 10_000),
  };
}

/** A timer: its options are the arguments of `set`, and clearing it is its `close`. */
function timer(): Subject {
  const world = new VirtualClock(0, settle);
  const clock = new TerminalClock(world);
  return {
    callbacks: ["onTimer"],
    expected: ["onTimer"],
    options: () => ({ ms: 0 }),
    bad: { "a negative time": { ms: -1 }, "no time": { ms: undefined }, "a time of NaN": { ms: Number.NaN } },
    open: ({ onTimer, ms }) => {
      let handle: Timer | undefined = clock.set(
        (onTimer as (() => void) | undefined) ?? (() => {}),
        ms as number,
      );
      return {
        close: () => {
          clock.clear(handle);
          handle = undefined;
        },
      };
    },
    settle: () => world.runUntil(world.now + 1),
  };
}

const echoPair = () => createPairStream((serverSide) => serverSide.pipe(serverSide));
const brokerPair = () => createPairStream((serverSide: Duplex) => void broker.handle(serverSide as never));

const subjects: Record<string, () => Subject> = {
  serial: erase(serial),
  "mqtt over tcp": erase(() => mqtt(createTcpStream)),
  "mqtt over a pair": erase(() => mqtt(brokerPair)),
  "tcp stream": erase(() => stream(createTcpStream)),
  "pair stream": erase(() => stream(echoPair)),
  "key-value": erase(keyValue),
  flash: erase(flash),
  "wi-fi": erase(wifi),
  timer,
};

/** A table has one type; each row knows its own instances. */
function erase<Instance extends Closable>(make: () => Subject<Instance>): () => Subject {
  return make as unknown as () => Subject;
}

describe.each(Object.entries(subjects))("%s", (_name, make) => {
  it.each(Object.entries(rules))("keeps %s", async (_rule, rule) => {
    expect(await rule(make())).toEqual([]);
  });
});

/** A well-behaved class, and what each planted fault changes of it. */
interface Faults {
  skipsChecks?: boolean;
  opensBeforeChecks?: boolean;
  writesToOptions?: boolean;
  throwsOnSecondClose?: boolean;
  keepsThePort?: boolean;
  callsBackInConstructor?: boolean;
  callsBackInUse?: boolean;
  callsBackInClose?: boolean;
  callsBackLate?: boolean;
  neverCallsBack?: boolean;
}

function planted(faults: Faults): Subject<Closable & { use(): void }> {
  let inUse = false;
  const clock = new VirtualClock(0, settle);

  class Device {
    #onDone: (() => void) | undefined;
    #closed = false;

    constructor(options: Options) {
      if (faults.opensBeforeChecks) this.#take();
      if (!faults.skipsChecks && options.pin !== 1) throw new RangeError("pin");
      if (!faults.opensBeforeChecks) this.#take();
      this.#onDone = options.onDone as (() => void) | undefined;
      if (faults.writesToOptions) options.opened = true;
      if (faults.callsBackInConstructor) this.#onDone?.();
    }

    use(): void {
      if (faults.callsBackInUse) this.#onDone?.();
      else if (!faults.neverCallsBack) clock.set(() => this.#done(), 5);
    }

    close(): void {
      if (this.#closed && faults.throwsOnSecondClose) throw new Error("closed");
      if (!this.#closed && !faults.keepsThePort) inUse = false;
      if (!this.#closed && faults.callsBackInClose) this.#onDone?.();
      this.#closed = true;
    }

    #take(): void {
      if (inUse) throw new Error("in use");
      inUse = true;
    }

    #done(): void {
      if (!this.#closed || faults.callsBackLate) this.#onDone?.();
    }
  }

  return {
    callbacks: ["onDone"],
    expected: ["onDone"],
    options: () => ({ pin: 1 }),
    bad: { "pin 2": { pin: 2 } },
    open: (options) => new Device(options),
    uses: [(device) => device.use()],
    settle: () => clock.runUntil(clock.now + 100),
  };
}

const plants: [rule: string, faults: Faults][] = [
  ["refusesBadOptions", { skipsChecks: true }],
  ["refusesBadOptions", { opensBeforeChecks: true }],
  ["leavesOptionsAlone", { writesToOptions: true }],
  ["closesTwice", { throwsOnSecondClose: true }],
  ["closesTwice", { keepsThePort: true }],
  ["neverCallsBackInside", { callsBackInConstructor: true }],
  ["neverCallsBackInside", { callsBackInUse: true }],
  ["neverCallsBackInside", { callsBackInClose: true }],
  ["neverCallsBackInside", { neverCallsBack: true }],
  ["silentAfterClose", { callsBackLate: true }],
];

describe("the rules themselves", () => {
  it.each(plants)("%s rejects a class that %o", async (rule, faults) => {
    expect(await (rules[rule] as Rule)(planted(faults))).not.toEqual([]);
  });

  it.each(Object.entries(rules))("%s accepts a class that keeps it", async (_name, rule) => {
    expect(await rule(planted({}))).toEqual([]);
  });
});
