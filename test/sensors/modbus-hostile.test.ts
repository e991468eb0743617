import { describe, expect, it } from "vitest";
import { ModbusServer, RtuLine, rtuFrame } from "../../hal-mocks/chips/modbus-slave";
import { SdmChip, sdmValues } from "../../hal-mocks/chips/sdm";
import type { SerialChip, SerialLine } from "../../hal-mocks/serial";
import type { TcpConnection, TcpPeer } from "../../hal-mocks/tcp";
import type { Serial, SerialConstructor, SerialOptions } from "../../src/hal";
import { Quality } from "../../src/model/quality";
import { decodeTcp, ModbusCode } from "../../src/sensors/modbus";
import { ModbusRtu } from "../../src/sensors/modbus-rtu";
import type { ModbusSensorConfiguration } from "../../src/sensors/modbus-sensor";
import { Sdm } from "../../src/sensors/sdm";
import { Asked, Bench, bufferOf } from "../support/modbus";

// Devices and lines that do what no standard allows, and what that may cost.

const { readInput } = ModbusCode;
const ask = (unit = 1) => new Asked(unit, readInput, 0, 1);
const ANSWER = rtuFrame([1, 4, 2, 0, 7]);
/** Of the fifth transaction, one register, unit 1. */
const MBAP = "00 05 00 00 00 05 01 04 02 00 07";

describe("a line's times", () => {
  it("are kept: 3.5 characters, or the turnaround, between what comes and what is sent", async () => {
    for (const [turnaroundMs, least] of [
      [0, 4],
      [120, 120],
    ]) {
      const bench = new Bench();
      const heard: number[] = [];
      let answered = 0;
      const chip: SerialChip = {
        onReceive(_bytes, line) {
          heard.push(bench.world.now - answered);
          line.send(ANSWER);
          // As long as it is on the line.
          answered = bench.world.now + 8;
        },
      };
      const bus = bench.rtu(chip, { turnaroundMs });
      for (let count = 0; count < 3; count++) bus.request(ask());
      await bench.pass(2000);
      expect(heard).toHaveLength(3);
      for (const gap of heard.slice(1)) expect(gap).toBeGreaterThanOrEqual(least);
    }
  });

  it("leave a long answer the time that it takes at this baud rate", async () => {
    const bench = new Bench();
    const chip = new RtuLine(bench.hostClock, new Map([[1, { input: (address) => address }]]));
    const bus = bench.rtu(chip, { timeoutMs: 60, retries: 0, baud: 9600 });
    const long = new Asked(1, readInput, 0, 125);
    expect(await bench.ask(bus, long)).toBeNull();
    expect(long.words[124]).toBe(124);
  });
});

describe("a line's faults", () => {
  it("of more noise than fits a buffer does not cost the answer behind it", async () => {
    const bench = new Bench();
    const chip: SerialChip = {
      onReceive(_bytes, line) {
        for (let part = 0; part < 10; part++) line.send(new Uint8Array(64).fill(0xee));
        line.send(ANSWER);
      },
    };
    const asked = ask();
    expect(await bench.ask(bench.rtu(chip, { retries: 0, timeoutMs: 2000 }), asked)).toBeNull();
    expect(asked.words).toEqual([7]);
  });

  it("are told to all that wait when its port fails, and nothing is left behind", async () => {
    const bench = new Bench();
    let options: SerialOptions | undefined;
    let closed = 0;
    const io = class implements Partial<Serial> {
      constructor(given: SerialOptions) {
        options = given;
      }
      read() {
        return undefined;
      }
      write() {}
      close() {
        closed++;
      }
    } as unknown as SerialConstructor;
    const errors: unknown[] = [];
    const bus = new ModbusRtu({
      sensor: { io, receive: 1, transmit: 2 },
      clock: bench.clock,
      onError: (error) => errors.push(error),
    });
    const asked = [ask(), ask(2), ask(3)];
    for (const each of asked) bus.request(each);
    await bench.pass(20);
    options!.onError!(new Error("unplugged"));
    expect(asked.map(({ outcomes }) => outcomes)).toEqual([["bus"], ["bus"], ["bus"]]);
    expect([errors.length, closed, bench.clock.pending, bus.isClosed]).toEqual([1, 1, 0, true]);
  });

  it("of a device that answers twice, once while another is asked, mislead nobody", async () => {
    const bench = new Bench();
    const chip: SerialChip = {
      onReceive([unit], line) {
        const first = rtuFrame([1, 4, 2, 0, 11]);
        // Once more, late and before the answer of the other.
        if (unit === 1) for (const ms of [0, 12]) bench.hostClock.set(() => line.send(first), ms);
        else for (const answer of [first, rtuFrame([2, 4, 2, 0, 22])]) line.send(answer);
      },
    };
    const bus = bench.rtu(chip);
    const asked = [ask(1), ask(2), ask(1), ask(2)];
    for (const each of asked) bus.request(each);
    await bench.pass(3000);
    expect(asked.map(({ words }) => words[0])).toEqual([11, 22, 11, 22]);
    expect(bus.counters).toMatchObject({ answers: 4, requests: 4 });
  });

  it("give a transaction that is asked again all of its attempts", async () => {
    const bench = new Bench();
    const bus = bench.rtu({}, { retries: 2, timeoutMs: 100 });
    const asked = ask();
    for (let count = 0; count < 3; count++) expect(await bench.ask(bus, asked)).toBe("silent");
    expect(bus.counters).toMatchObject({ requests: 9, retries: 6 });
  });
});

describe("a TCP peer's faults", () => {
  /** Answers well, but for the first questions, each in its own way. */
  function peer(bench: Bench, ...ways: ((bytes: Uint8Array, connection: TcpConnection) => void)[]) {
    const server = new ModbusServer(bench.hostClock, new Map([[1, { input: () => 7 }]]));
    const counts = { connections: 0, open: 0 };
    const answers: TcpPeer = {
      onConnect() {
        counts.connections++;
        counts.open++;
      },
      onClose() {
        counts.open--;
      },
      onReceive(bytes, connection) {
        const way = ways.shift();
        if (way) way(bytes, connection);
        else server.onReceive(bytes, connection);
      },
    };
    return { answers, counts };
  }

  it("of a frame that ends in its middle with the connection are mended by a new one", async () => {
    const bench = new Bench();
    const { answers, counts } = peer(bench, (bytes, connection) => {
      connection.send(Uint8Array.of(bytes[0], bytes[1], 0, 0, 0, 5, 1, 4));
      bench.hostClock.set(() => connection.close(), 10);
    });
    const bus = bench.tcp(answers, { retries: 1, timeoutMs: 500 });
    const asked = ask();
    expect(await bench.ask(bus, asked)).toBeNull();
    expect([asked.words, counts.connections]).toEqual([[7], 2]);
    expect(bus.counters).toMatchObject({ bus: 1, retries: 1, answers: 1, malformed: 0 });
  });

  it("of a frame that never ends are partial, and the connection is given up", async () => {
    const bench = new Bench();
    const half = (bytes: Uint8Array, connection: TcpConnection) =>
      connection.send(Uint8Array.of(bytes[0], bytes[1], 0, 0, 0, 5, 1, 4));
    const { answers, counts } = peer(bench, half);
    const bus = bench.tcp(answers, { retries: 0, timeoutMs: 500 });
    expect(await bench.ask(bus, ask())).toBe("partial");
    expect(counts.open).toBe(0);
    expect(await bench.ask(bus, ask())).toBeNull();
    expect(counts.connections).toBe(2);
  });

  it("of bytes out of step are left behind with their connection, by the next attempt", async () => {
    const bench = new Bench();
    const { answers, counts } = peer(bench, (_bytes, connection) =>
      connection.send(Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9)),
    );
    const bus = bench.tcp(answers, { retries: 1, timeoutMs: 500 });
    expect(await bench.ask(bus, ask())).toBeNull();
    expect([counts.connections, bus.counters.malformed]).toEqual([2, 1]);
  });

  it("of silence end the connection, so that a peer that was restarted is found", async () => {
    const bench = new Bench();
    const { answers, counts } = peer(bench, () => {});
    const bus = bench.tcp(answers, { retries: 0, timeoutMs: 500 });
    expect(await bench.ask(bus, ask())).toBe("silent");
    expect(counts.open).toBe(0);
  });

  it("of a length that is not its answer's are malformed", () => {
    const judged = (hex: string) => decodeTcp(ask(), 5, bufferOf(hex));
    expect(judged(MBAP)).toBe("answer");
    expect(judged(`${MBAP.replace("00 05 01", "00 07 01")} 00 00`)).toBe("malformed");
    expect(judged(MBAP.replace("00 05 01", "00 03 01"))).toBe("malformed");
  });
});

describe("a driver of a hostile device", () => {
  const values = { v: 230, i: 1, p: 230, q: 0, importWh: 5000, exportWh: 10 };

  function open(bench: Bench, bus: ModbusRtu, configuration: ModbusSensorConfiguration, read = true) {
    const samples: number[] = [];
    const sdm = new Sdm({
      ...{ model: "sdm120", sensor: { bus }, clock: bench.clock },
      onSample: () => {
        if (read) samples.push(sdm.sample()!.quality);
      },
    });
    sdm.configure(configuration);
    return { sdm, samples };
  }

  /** An SDM that says nothing when it is told so. */
  function meter(bench: Bench) {
    const line = new RtuLine(bench.hostClock, new Map([[1, new SdmChip(() => sdmValues([values], 50))]]));
    const state = { isSilent: false };
    const chip: SerialChip = {
      onReceive: (bytes, port: SerialLine) => {
        if (!state.isSilent) line.onReceive(bytes, port);
      },
    };
    return { state, chip };
  }

  it("keeps a good sample that nobody has read while the device is silent", async () => {
    const bench = new Bench();
    const { state, chip } = meter(bench);
    const { sdm } = open(bench, bench.rtu(chip), {}, false);
    await bench.pass(900);
    state.isSilent = true;
    await bench.pass(10_000);
    expect(sdm.counters.silent).toBeGreaterThan(1);
    expect(sdm.sample()).toMatchObject({ quality: Quality.good });
    await bench.pass(5000);
    expect(sdm.sample()).toMatchObject({ quality: Quality.silent });
  });

  it("asks again until it has one good sample, and finds the device that comes back after a day", async () => {
    const bench = new Bench();
    const { state, chip } = meter(bench);
    state.isSilent = true;
    const { samples } = open(bench, bench.rtu(chip, { timeoutMs: 20_000, retries: 0 }), { pollMs: 0 });
    await bench.pass(86_400_000);
    expect(new Set(samples)).toEqual(new Set([Quality.silent]));
    state.isSilent = false;
    await bench.pass(60_000);
    expect(samples.at(-1)).toBe(Quality.good);
    expect(bench.clock.pending).toBe(0);
  });

  it("that is closed in the middle of a question has it repeated for nobody", async () => {
    const bench = new Bench();
    const bus = bench.rtu({}, { retries: 5 });
    const { sdm, samples } = open(bench, bus, {});
    await bench.pass(100);
    sdm.close();
    await bench.pass(10_000);
    expect([bus.counters.requests, samples, bench.clock.pending]).toEqual([1, [], 0]);
    bus.close();
  });

  it("does not call two readings in ten minutes stuck: that takes twenty", async () => {
    const bench = new Bench();
    const { chip } = meter(bench);
    const { sdm, samples } = open(bench, bench.rtu(chip), { pollMs: 600_000 });
    await bench.pass(18 * 600_000);
    expect(new Set(samples)).toEqual(new Set([Quality.good]));
    await bench.pass(5 * 600_000);
    expect(sdm.counters.stuck).toBeGreaterThan(0);
  });
});
