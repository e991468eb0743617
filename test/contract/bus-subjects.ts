import { TerminalClock, VirtualClock } from "../../hal-mocks/clock";
import { ExpectedI2C } from "../../hal-mocks/expected-i2c";
import { ExpectedSerial } from "../../hal-mocks/expected-serial";
import { ExpectedTcp } from "../../hal-mocks/expected-tcp";
import { settleMicrotasks } from "../../hal-mocks/node/settle";
import { createSerial } from "../../hal-mocks/serial";
import { createTcp } from "../../hal-mocks/tcp";
import type { Clock, Serial, SerialOptions } from "../../src/hal";
import type { Closable, Subject } from "./rules";
import { BYTES, i2cOf, PEER, tcpOf } from "./subjects";

// Buses that play a list of transactions. They are for tests of drivers, which run them on Node.

/** Virtual milliseconds in which everything has happened that was under way. */
const SETTLE_MS = 1000;

function createWorld(): { clock: Clock; settle(): Promise<void> } {
  const world = new VirtualClock(0, settleMicrotasks);
  return { clock: new TerminalClock(world), settle: () => world.runUntil(world.now + SETTLE_MS) };
}

/** A request that may come again and again, as each rule needs it. */
const expected = Array.from({ length: 20 }, () => ({ request: "01 02 03", answers: "04 05" }));

function i2c() {
  return i2cOf(new ExpectedI2C([]).io, createWorld().settle);
}

function tcp() {
  const { clock, settle } = createWorld();
  return tcpOf(createTcp(clock, new Map([[PEER, new ExpectedTcp(clock, expected)]])), settle);
}

function serial(): Subject<Serial> {
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
  "i2c of a list of transactions": erase(i2c),
  "tcp of a list of transactions": erase(tcp),
  "serial of a list of transactions": erase(serial),
};
