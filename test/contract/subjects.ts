import type {
  Digital,
  DigitalOptions,
  Flash,
  Hal,
  I2C,
  I2CConstructor,
  I2COptions,
  KeyValue,
  MqttClient,
  MqttMessage,
  MqttOptions,
  NtpClient,
  NtpOptions,
  PulseCount,
  PulseCountOptions,
  Serial,
  SerialOptions,
  Tcp,
  TcpConstructor,
  TcpOptions,
  Timer,
  WiFi,
} from "../../src/hal";
import type { Closable, Options, Subject } from "./rules";

// What the rules are run over, without a test framework and without a host: the same on any engine.

/** One engine's classes. */
export interface Platform {
  hal: Pick<Hal, "clock" | "buses" | "storage" | "network">;
  /** On the loopback interface. */
  brokerPort: number;
  settle(): Promise<void>;
}

function serial({ hal, settle }: Platform): Subject<Serial> {
  const { io: Serial } = hal.buses.serial!;
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
    settle,
  };
}

type Settle = Platform["settle"];

/** At address 68 (0x44) a target answers whatever it is asked. */
export function i2cOf(io: I2CConstructor, settle: Settle): Subject<I2C> {
  return {
    callbacks: [],
    options: () => ({ data: 21, clock: 22, hz: 100_000, address: 0x44 }),
    bad: {
      "no address": { address: undefined },
      "an address of eight bits": { address: 0x88 },
      "hz 0": { hz: 0 },
      "no pins": { data: undefined },
    },
    open: (options) => new io(options as unknown as I2COptions),
    settle,
  };
}

function pulseCount({ hal, settle }: Platform): Subject<PulseCount> {
  const { io: Pulses } = hal.buses.pulseCount!;
  return {
    callbacks: [],
    options: () => ({ signal: 5 }),
    bad: { "no pin": { signal: undefined }, "a pin where nothing is": { signal: 6 } },
    open: (options) => new Pulses(options as unknown as PulseCountOptions),
    settle,
  };
}

function digital({ hal, settle }: Platform): Subject<Digital> {
  const { io: Pins } = hal.buses.digital!;
  return {
    callbacks: [],
    options: () => ({ pin: 12, mode: Pins.Output }),
    bad: {
      "no pin": { pin: undefined },
      "a pin where nothing is": { pin: 13 },
      "no mode": { mode: undefined },
      "an input": { mode: Pins.Input },
    },
    open: (options) => new Pins(options as unknown as DigitalOptions),
    settle,
  };
}

/** What a peer is sent that answers it. */
export const BYTES = Uint8Array.of(1, 2, 3);
export const PEER = "192.0.2.7:502";

export function tcpOf(io: TcpConstructor, settle: Settle): Subject<Tcp> {
  const [address, port] = PEER.split(":");
  const bytes = new Uint8Array(8);
  return {
    callbacks: ["onReadable", "onWritable", "onError"],
    expected: ["onReadable", "onWritable"],
    options: () => ({ address, port: Number(port) }),
    bad: {
      "no address": { address: undefined },
      "an empty host": { address: undefined, host: "" },
      "no port": { port: undefined },
      "port 65536": { port: 65_536 },
      "a callback that is no function": { onReadable: 1 },
    },
    open: (options) => new io(options as unknown as TcpOptions),
    uses: [(socket) => socket.write(BYTES)],
    react: (socket, callback) => {
      if (callback === "onReadable") socket.read(bytes);
    },
    settle,
  };
}

function mqtt({ hal, brokerPort, settle }: Platform): Subject<MqttClient> {
  const { io: Mqtt, dns, socket } = hal.network.mqtt;
  const bytes = new Uint8Array(300);
  return {
    callbacks: ["onControl", "onReadable", "onWritable", "onClose", "onError"],
    expected: ["onControl", "onReadable", "onWritable"],
    options: () => ({
      host: "127.0.0.1",
      port: brokerPort,
      id: "contract",
      keepalive: 60_000,
      will: { topic: "contract/will", message: "gone", QoS: 1 },
      dns: { ...dns },
      socket: { ...socket },
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
    settle,
  };
}

function keyValue({ hal, settle }: Platform): Subject<KeyValue> {
  const { keyValue: storage } = hal.storage;
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
    settle,
  };
}

function flash({ hal, settle }: Platform): Subject<Flash> {
  const storage = hal.storage.flash!;
  return {
    callbacks: [],
    options: () => ({ path: "outbox", mode: "r+" }),
    bad: { "an unknown partition": { path: "inbox" }, "an unknown mode": { mode: "w" } },
    open: (options) => storage.open(options as { path: string }),
    settle,
  };
}

function wifi({ hal, settle }: Platform): Subject<WiFi> {
  const { io: WiFi } = hal.network.wifi!;
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
    settle,
  };
}

/** The callback of `getTime` is one of its options here. */
function ntp({ hal, settle }: Platform): Subject<NtpClient> {
  const { io: Ntp, dns, socket } = hal.network.ntp!;
  const onTime = Symbol();
  return {
    callbacks: ["onTime"],
    expected: ["onTime"],
    options: () => ({ servers: ["time"], dns: { ...dns }, socket: { ...socket } }),
    bad: {
      "no servers": { servers: undefined },
      "a list without a server": { servers: [] },
      "a server without a name": { servers: [""] },
      "no dns": { dns: undefined },
      "no socket": { socket: undefined },
    },
    open: (options) =>
      Object.assign(new Ntp(options as unknown as NtpOptions), { [onTime]: options.onTime ?? (() => {}) }),
    uses: [(client) => client.getTime((client as unknown as Record<symbol, () => void>)[onTime])],
    settle,
  };
}

/** A timer: its options are the arguments of `set`, and clearing it is its `close`. */
function timer({ hal, settle }: Platform): Subject {
  const { clock } = hal;
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
    settle,
  };
}

/** A table has one type; each row knows its own instances. */
function erase<Instance extends Closable>(make: (platform: Platform) => Subject<Instance>) {
  return make as unknown as (platform: Platform) => Subject;
}

export const subjects = {
  serial: erase(serial),
  i2c: erase(({ hal, settle }) => i2cOf(hal.buses.i2c!.io, settle)),
  pulseCount: erase(pulseCount),
  digital: erase(digital),
  tcp: erase(({ hal, settle }) => tcpOf(hal.buses.tcp!.io, settle)),
  mqtt: erase(mqtt),
  keyValue: erase(keyValue),
  flash: erase(flash),
  wifi: erase(wifi),
  ntp: erase(ntp),
  timer,
} as const;

export type SubjectName = keyof typeof subjects;

/** What faults are planted in, see plants.ts. */
export interface Device extends Closable {
  use(): void;
}

export function device(open: (options: Options) => Device, settle: () => Promise<void>): Subject<Device> {
  return {
    callbacks: ["onDone"],
    expected: ["onDone"],
    options: () => ({ pin: 1 }),
    bad: { "pin 2": { pin: 2 } },
    open,
    uses: [(instance) => instance.use()],
    settle,
  };
}
