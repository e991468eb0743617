import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { ExpectedI2C } from "../../hal-mocks/expected-i2c";
import { ExpectedSerial } from "../../hal-mocks/expected-serial";
import { ExpectedTcp } from "../../hal-mocks/expected-tcp";
import { createI2C, type I2CChip } from "../../hal-mocks/i2c";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { createDigital, createPulseCount } from "../../hal-mocks/pulse-count";
import { createSerial } from "../../hal-mocks/serial";
import { createTcp, type TcpPeer } from "../../hal-mocks/tcp";
import type {
  Clock,
  Digital,
  DigitalOptions,
  I2C,
  I2CConstructor,
  I2COptions,
  PulseCount,
  PulseCountOptions,
  Serial,
  SerialOptions,
  Tcp,
  TcpOptions,
} from "../../src/hal";
import type { Closable, Subject } from "./rules";

// Mocks of the buses of sensors. On the board's engine nothing stands for them yet, so that only Node runs these.

/** Virtual milliseconds in which everything has happened that was under way. */
const SETTLE_MS = 1000;

function createWorld(): { clock: Clock; settle(): Promise<void> } {
  const world = new VirtualClock(0, settleMicrotasks);
  return { clock: new TerminalClock(world), settle: () => world.runUntil(world.now + SETTLE_MS) };
}

const pins = { data: 21, clock: 22, hz: 100_000 };

function i2cSubject(io: I2CConstructor, bad: Subject["bad"]): Subject<I2C> {
  return {
    callbacks: [],
    options: () => ({ ...pins, address: 0x44 }),
    bad: {
      "no address": { address: undefined },
      "an address of eight bits": { address: 0x88 },
      "hz 0": { hz: 0 },
      "no pins": { data: undefined },
      ...bad,
    },
    open: (options) => new io(options as unknown as I2COptions),
    settle: createWorld().settle,
  };
}

function i2c(): Subject<I2C> {
  const chip: I2CChip = { write: () => {}, read: (length) => new Uint8Array(length) };
  return i2cSubject(createI2C(new Map([[0x44, chip]])), {});
}

function pulseCount(): Subject<PulseCount> {
  const Pulses = createPulseCount(new Map([[5, { pulses: 7 }]]));
  return {
    callbacks: [],
    options: () => ({ signal: 5 }),
    bad: { "no pin": { signal: undefined }, "a pin where nothing is": { signal: 6 } },
    open: (options) => new Pulses(options as unknown as PulseCountOptions),
    settle: createWorld().settle,
  };
}

function digital(): Subject<Digital> {
  const Pins = createDigital(new Map([[12, { onWrite: () => {} }]]));
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
    settle: createWorld().settle,
  };
}

const BYTES = Uint8Array.of(1, 2, 3);

function tcpSubject(peer: (clock: Clock) => TcpPeer): Subject<Tcp> {
  const { clock, settle } = createWorld();
  const Socket = createTcp(clock, new Map([["192.0.2.7:502", peer(clock)]]));
  return {
    callbacks: ["onReadable", "onWritable", "onError"],
    expected: ["onReadable", "onWritable"],
    options: () => ({ address: "192.0.2.7", port: 502 }),
    bad: {
      "no address": { address: undefined },
      "an empty host": { address: undefined, host: "" },
      "no port": { port: undefined },
      "port 65536": { port: 65_536 },
      "a callback that is no function": { onReadable: 1 },
    },
    open: (options) => new Socket(options as unknown as TcpOptions),
    uses: [(socket) => socket.write(BYTES)],
    react: (socket, callback) => {
      if (callback === "onReadable") socket.read(new Uint8Array(8));
    },
    settle,
  };
}

/** A request that may come again and again, as each rule needs it. */
const expected = Array.from({ length: 20 }, () => ({ request: "01 02 03", answers: "04 05" }));

function expectedSerial(): Subject<Serial> {
  const { clock, settle } = createWorld();
  const Port = createSerial(clock, new Map([[0, new ExpectedSerial(clock, expected)]]));
  return {
    callbacks: ["onReadable", "onWritable", "onError"],
    expected: ["onReadable", "onWritable"],
    options: () => ({ receive: 1, transmit: 2, baud: 9600, port: 0, format: "buffer" }),
    bad: { "baud 0": { baud: 0 } },
    open: (options) => new Port(options as unknown as SerialOptions),
    uses: [(port) => port.write(BYTES), (port) => port.read()],
    settle,
  };
}

/** A table has one type; each row knows its own instances. */
function erase<Instance extends Closable>(make: () => Subject<Instance>) {
  return make as unknown as () => Subject;
}

export const busSubjects: Readonly<Record<string, () => Subject>> = {
  i2c: erase(i2c),
  "i2c of a list of transactions": erase(() => i2cSubject(new ExpectedI2C([]).io, {})),
  "pulse count": erase(pulseCount),
  digital: erase(digital),
  tcp: erase(() => tcpSubject(() => ({ onReceive: (bytes, connection) => connection.send(bytes) }))),
  "tcp of a list of transactions": erase(() => tcpSubject((clock) => new ExpectedTcp(clock, expected))),
  "serial of a list of transactions": erase(expectedSerial),
};
