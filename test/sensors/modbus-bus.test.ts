import { describe, expect, it } from "vitest";
import { ModbusServer, RtuLine, rtuFrame } from "../../hal-mocks/chips/modbus-slave";
import { hexOfBytes } from "../../hal-mocks/expected";
import { ExpectedSerial } from "../../hal-mocks/expected-serial";
import { ExpectedTcp } from "../../hal-mocks/expected-tcp";
import type { SerialChip } from "../../hal-mocks/serial";
import { ModbusCode } from "../../src/sensors/modbus";
import { Asked, Bench } from "../support/modbus";

const { readHolding, readInput, writeOne, writeMany, resetEnergy } = ModbusCode;

/** Registers that hold their own address, and one that can be written. */
function device(offset = 0) {
  let setting = 5;
  return {
    input: (address: number) => (address < 1000 ? address + offset : undefined),
    holding: (address: number) => (address === 7 ? setting : undefined),
    write: (address: number, value: number) => {
      if (address === 7) setting = value;
      return address === 7;
    },
    reset: () => {
      setting = 0;
    },
  };
}

const hex = (...bytes: number[]) => hexOfBytes(rtuFrame(bytes));

describe("an RTU line", () => {
  it("carries several devices, asked one after the other with 3.5 characters between", async () => {
    const bench = new Bench();
    const units = new Map([
      [1, device()],
      [2, device(100)],
    ]);
    const bus = bench.rtu(new RtuLine(bench.hostClock, units));
    const asked = [1, 2, 1, 2].map((unit, index) => new Asked(unit, readInput, index, 2));
    for (const each of asked) bus.request(each);
    await bench.pass(1000);
    expect(asked.map(({ words }) => words)).toEqual([
      [0, 1],
      [101, 102],
      [2, 3],
      [103, 104],
    ]);
    expect(bus.counters).toMatchObject({ requests: 4, answers: 4, retries: 0, strays: 0 });
    expect(bench.clock.pending).toBe(0);
  });

  it("writes one and many registers, and resets", async () => {
    const bench = new Bench();
    const bus = bench.rtu(new RtuLine(bench.hostClock, new Map([[1, device()]])));
    const read = () => new Asked(1, readHolding, 7, 1);
    const [before, between, after, end] = [read(), read(), read(), read()];
    const writes = [
      new Asked(1, writeOne, 7, 1, [0, 9]),
      new Asked(1, writeMany, 7, 1, [1, 0]),
      new Asked(1, resetEnergy, 0, 0),
    ];
    for (const each of [before, writes[0], between, writes[1], after, writes[2], end]) bus.request(each);
    await bench.pass(2000);
    expect([before, between, after, end].map(({ words }) => words[0])).toEqual([5, 9, 256, 0]);
    expect(writes.map(({ outcomes }) => outcomes)).toEqual([[null], [null], [null]]);
  });

  it("sends a long request in the pieces that the port takes", async () => {
    const bench = new Bench();
    const values = new Map<number, number>();
    const write = (address: number, value: number) => values.set(address, value).size > 0;
    const bus = bench.rtu(new RtuLine(bench.hostClock, new Map([[1, { write }]])));
    const bytes = Array.from({ length: 246 }, (_, index) => index);
    expect(await bench.ask(bus, new Asked(1, writeMany, 0, 123, bytes))).toBeNull();
    expect(values.get(122)).toBe(244 * 256 + 245);
  });

  it("says that a device is silent after its retries, and asks others in the meantime", async () => {
    const bench = new Bench();
    const bus = bench.rtu(new RtuLine(bench.hostClock, new Map([[2, device()]])), { retries: 2 });
    const [silent, heard] = [new Asked(1, readInput, 0, 1), new Asked(2, readInput, 3, 1)];
    bus.request(silent);
    bus.request(heard);
    await bench.pass(700);
    expect(heard.outcomes).toEqual([null]);
    expect(silent.outcomes).toEqual([]);
    await bench.pass(3000);
    expect(silent.outcomes).toEqual(["silent"]);
    expect(bus.counters).toMatchObject({ silent: 3, retries: 2, answers: 1 });
  });

  it("does not take a late answer for that to another question of the same shape", async () => {
    const bench = new Bench();
    const chip = new ExpectedSerial(bench.hostClock, [
      { request: hex(1, 4, 0, 0, 0, 1), answers: [{ hex: hex(1, 4, 2, 0, 77), afterMs: 700 }] },
      { request: hex(1, 4, 0, 5, 0, 1), answers: hex(1, 4, 2, 0, 88) },
    ]);
    const bus = bench.rtu(chip, { retries: 0 });
    const [first, second] = [new Asked(1, readInput, 0, 1), new Asked(1, readInput, 5, 1)];
    bus.request(first);
    bus.request(second);
    await bench.pass(3000);
    expect([first.outcomes, second.outcomes, second.words]).toEqual([["silent"], [null], [88]]);
    expect(bus.counters.strays).toBe(1);
    chip.verify();
  });

  it.each([
    ["another unit's answer", hex(2, 4, 2, 0, 1), "silent"],
    ["another function's answer", hex(1, 3, 2, 0, 1), "silent"],
    ["an answer of another length", hex(1, 4, 4, 0, 1, 0, 2), "silent"],
    ["a wrong checksum", `${hex(1, 4, 2, 0, 1).slice(0, -2)}00`, "checksum"],
    ["an answer cut off", hex(1, 4, 2, 0, 1).slice(0, 12), "partial"],
    ["noise", "00 ff 00 ff", "checksum"],
    ["an exception", hex(1, 0x84, 2), "exception"],
  ])("does not believe %s", async (_what, answers, fault) => {
    const bench = new Bench();
    const chip = new ExpectedSerial(bench.hostClock, [{ request: hex(1, 4, 0, 0, 0, 1), answers }]);
    const asked = new Asked(1, readInput, 0, 1);
    expect(await bench.ask(bench.rtu(chip, { retries: 0 }), asked)).toBe(fault);
    expect(asked.words).toEqual([0]);
    chip.verify();
  });

  it("takes the good answer behind a wrong one, and a second attempt after a bad one", async () => {
    const bench = new Bench();
    const request = hex(1, 4, 0, 0, 0, 1);
    const chip = new ExpectedSerial(bench.hostClock, [
      { request, answers: [{ hex: hex(2, 4, 2, 0, 1) }, { hex: hex(1, 4, 2, 0, 2), afterMs: 100 }] },
      { request, answers: `${hex(1, 4, 2, 0, 1).slice(0, -2)}00` },
      { request, answers: hex(1, 4, 2, 0, 3) },
    ]);
    const bus = bench.rtu(chip);
    const [first, second] = [new Asked(1, readInput, 0, 1), new Asked(1, readInput, 0, 1)];
    expect([await bench.ask(bus, first), first.words]).toEqual([null, [2]]);
    expect([await bench.ask(bus, second), second.words]).toEqual([null, [3]]);
    expect(bus.counters).toMatchObject({ checksum: 1, retries: 1, answers: 2 });
    chip.verify();
  });
});

describe("a line that echoes", () => {
  const echoing = (bench: Bench, units: ReadonlyMap<number, ReturnType<typeof device>>) =>
    new RtuLine(bench.hostClock, units, { echo: true });

  it("is read like another", async () => {
    const bench = new Bench();
    const bus = bench.rtu(echoing(bench, new Map([[1, device()]])));
    const asked = new Asked(1, readInput, 3, 2);
    expect(await bench.ask(bus, asked)).toBeNull();
    expect(asked.words).toEqual([3, 4]);
    expect(bus.counters).toMatchObject({ echoes: 1, strays: 0 });
  });

  it.each([{ echo: true }, {}])(
    "gives no echo as the answer of a device that is not there (%o)",
    async (settings) => {
      const bench = new Bench();
      const bus = bench.rtu(echoing(bench, new Map([[1, device()]])), settings);
      if (!settings.echo) await bench.ask(bus, new Asked(1, readInput, 0, 1));
      for (const asked of [
        new Asked(9, readInput, 0, 1),
        new Asked(9, writeOne, 7, 1, [0, 1]),
        new Asked(9, writeMany, 7, 1, [0, 1]),
        new Asked(9, resetEnergy, 0, 0),
      ])
        expect(await bench.ask(bus, asked), String(asked.code)).not.toBeNull();
      expect(await bench.ask(bus, new Asked(1, writeOne, 7, 1, [0, 1]))).toBeNull();
      expect(await bench.ask(bus, new Asked(1, resetEnergy, 0, 0))).toBeNull();
    },
  );

  it("is not known before a read, so that nothing written is taken as confirmed", async () => {
    const bench = new Bench();
    const bus = bench.rtu(echoing(bench, new Map()));
    expect(await bench.ask(bus, new Asked(1, resetEnergy, 0, 0))).not.toBeNull();
  });
});

describe("a TCP connection", () => {
  it("is made when there is something to ask, and used again", async () => {
    const bench = new Bench();
    let connections = 0;
    const server = Object.assign(new ModbusServer(bench.hostClock, new Map([[1, device()]])), {
      onConnect: () => {
        connections++;
      },
    });
    const bus = bench.tcp(server);
    await bench.pass(1000);
    expect(connections).toBe(0);
    const asked = new Asked(1, readInput, 5, 2);
    expect(await bench.ask(bus, asked)).toBeNull();
    expect(await bench.ask(bus, new Asked(1, readInput, 5, 2))).toBeNull();
    expect([asked.words, connections]).toEqual([[5, 6], 1]);
  });

  it("numbers its requests, and refuses late, early and doubled answers by their number", async () => {
    const bench = new Bench();
    const answer = (id: number, value: number) => `00 0${id} 00 00 00 05 01 04 02 00 0${value}`;
    const server = new ExpectedTcp(bench.hostClock, [
      { request: "00 01 00 00 00 06 01 04 00 00 00 01" },
      {
        request: "00 02 00 00 00 06 01 04 00 00 00 01",
        answers: `${answer(1, 1)} ${answer(2, 2)} ${answer(2, 3)}`,
      },
      { request: "00 03 00 00 00 06 01 04 00 00 00 01", answers: `${answer(2, 4)} ${answer(3, 5)}` },
    ]);
    const bus = bench.tcp(server, { timeoutMs: 500 });
    const [first, second] = [new Asked(1, readInput, 0, 1), new Asked(1, readInput, 0, 1)];
    bus.request(first);
    bus.request(second);
    await bench.pass(3000);
    expect([first.words, second.words]).toEqual([[2], [5]]);
    expect(bus.counters.strays).toBe(3);
    server.verify();
  });

  it("that is refused is a fault of the bus, and comes back by itself", async () => {
    const bench = new Bench();
    const server = new ModbusServer(bench.hostClock, new Map([[1, device()]]));
    server.accepts = false;
    const bus = bench.tcp(server);
    expect(await bench.ask(bus, new Asked(1, readInput, 0, 1))).toBe("bus");
    server.accepts = true;
    expect(await bench.ask(bus, new Asked(1, readInput, 0, 1))).toBeNull();
  });

  it("is made anew when the peer closes it, when answers stay away, and when they are out of step", async () => {
    const bench = new Bench();
    let mood = "close";
    const server = new ModbusServer(bench.hostClock, new Map([[1, device()]]));
    const bus = bench.tcp(
      {
        onReceive: (bytes, connection) => {
          if (mood === "close") connection.close();
          if (mood === "noise") connection.send(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
          if (mood === "well") server.onReceive(bytes, connection);
        },
      },
      { timeoutMs: 500, retries: 0 },
    );
    const faults: unknown[] = [];
    for (mood of ["close", "silent", "noise", "well"])
      faults.push(await bench.ask(bus, new Asked(1, readInput, 0, 1)));
    expect(faults).toEqual(["bus", "silent", "malformed", null]);
  });
});

describe("any bus", () => {
  const silent: SerialChip = {};

  it("calls back for no cancelled request, and goes on with the next", async () => {
    const bench = new Bench();
    const bus = bench.rtu(new RtuLine(bench.hostClock, new Map([[1, device()]])));
    const [current, queued, last] = [0, 1, 2].map((address) => new Asked(1, readInput, address, 1));
    for (const each of [current, queued, last]) bus.request(each);
    await bench.pass(10);
    bus.cancel(current);
    bus.cancel(queued);
    await bench.pass(2000);
    expect([current.outcomes, queued.outcomes, last.words]).toEqual([[], [], [2]]);
    expect(bench.clock.pending).toBe(0);
  });

  it("closed at any moment calls nothing and leaves no timer", async () => {
    for (let moment = 0; moment < 2000; moment += 7) {
      const bench = new Bench();
      const bus = moment % 2 ? bench.rtu(silent) : bench.tcp({}, { timeoutMs: 400 });
      const asked = new Asked(1, readInput, 0, 1);
      bus.request(asked);
      await bench.pass(moment);
      const { length } = asked.outcomes;
      bus.close();
      expect(bench.clock.pending).toBe(0);
      await bench.pass(3000);
      expect(asked.outcomes).toHaveLength(length);
      expect(() => bus.request(asked)).toThrow("closed");
    }
  });

  it.each([
    ["timeoutMs", { timeoutMs: 0 }],
    ["retries", { retries: 11 }],
    ["turnaroundMs", { turnaroundMs: -1 }],
    ["echo", { echo: 1 as unknown as boolean }],
    ["baud", { baud: 0 }],
  ])("refuses a wrong %s by its name", (field, settings) => {
    expect(() => new Bench().rtu(silent, settings)).toThrow(field);
  });

  it("over TCP refuses a port or an address that is none", () => {
    expect(() => new Bench().tcp({}, { port: 0 })).toThrow("port");
    expect(() => new Bench().tcp({}, { address: undefined })).toThrow("address");
  });
});
