import { performance } from "node:perf_hooks";
import { rtuFrame } from "../hal-mocks/chips/modbus-slave";
import { bytesOfHex } from "../hal-mocks/expected";
import type { Serial, SerialOptions } from "../src/hal";
import { decodeRtu, decodeTcp, ModbusBuffer, type ModbusRequest } from "../src/sensors/modbus";
import { blockOf } from "../src/sensors/modbus-sensor";
import { P1 } from "../src/sensors/p1";
import { sunSpecTable } from "../src/sensors/sunspec-models";
import { pointsOf, pointValue } from "../src/sensors/sunspec-points";
import { SunSpecScan } from "../src/sensors/sunspec-scan";

/**
 * Random and damaged bytes for the parsers of sensors: none may throw, loop or keep what it was given. As many inputs as
 * said, shared among the parsers; the same each time.
 */
const COUNT = Number(process.argv[2] ?? 1_000_000);
const SLOW_MS = 1000;
/** What all the parsers together may keep: they have buffers of their own, and no more. */
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

export interface Parser {
  name: string;
  /** Good inputs, to be damaged. */
  seeds: readonly Uint8Array[];
  /** True when the bytes were believed. Throws what it finds wrong, and nothing else may. */
  parse(bytes: Uint8Array): boolean;
}

let state = 0x9e37_79b9;
function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}

/** A good input with bits changed, cut off, behind noise, or run into another. */
function damaged(seeds: readonly Uint8Array[]): Uint8Array {
  const bytes = seeds[below(seeds.length)].slice();
  for (let count = below(4); count > 0; count--) bytes[below(bytes.length)] ^= 1 << below(8);
  const kind = below(5);
  if (kind === 0) return bytes.subarray(0, below(bytes.length));
  if (kind === 1) return Uint8Array.of(...noise(below(9)), ...bytes);
  if (kind === 2)
    return Uint8Array.of(...bytes.subarray(0, below(bytes.length)), ...seeds[below(seeds.length)]);
  return bytes;
}

function bufferOf(bytes: Uint8Array): ModbusBuffer {
  const buffer = new ModbusBuffer(576);
  buffer.bytes.set(bytes.subarray(0, buffer.bytes.length));
  buffer.length = Math.min(bytes.length, buffer.bytes.length);
  return buffer;
}

const read: ModbusRequest = { unit: 1, code: 4, address: 0, count: 10, data: new Uint8Array(20) };
const write: ModbusRequest = { unit: 1, code: 16, address: 5, count: 1, data: Uint8Array.of(1, 2) };
const answer = [1, 4, 20, ...new Array<number>(20).fill(7)];

function p1(): Parser {
  let feed: (bytes: Uint8Array) => void = () => {};
  class Port {
    format = "buffer" as const;
    #bytes = new Uint8Array(0);
    constructor({ onReadable }: SerialOptions) {
      feed = (bytes) => {
        this.#bytes = bytes.slice();
        onReadable?.(bytes.length);
      };
    }
    read(target: Uint8Array): number | undefined {
      const part = this.#bytes.subarray(0, target.length);
      target.set(part);
      this.#bytes = this.#bytes.subarray(part.length);
      return part.length || undefined;
    }
    write(): void {}
    close(): void {}
  }
  const driver = new P1({ sensor: { io: Port as unknown as new () => Serial, receive: 1 } });
  const text = "/TST5\r\n\r\n1-0:1.8.1(000001.234*kWh)\r\n1-0:1.7.0(00.230*kW)\r\n!";
  return {
    name: "p1",
    seeds: [`${text}\r\n`, `${text}1234\r\n`].map((each) => new TextEncoder().encode(each)),
    parse(bytes) {
      feed(bytes);
      const { quality, ...values } = driver.sample() ?? { quality: 1 };
      if (quality !== 0) return false;
      for (const value of Object.values(values)) if (!Number.isFinite(value)) throw new Error("no number");
      return true;
    },
  };
}

/** A driver's parser adds its row here. */
const parsers: readonly Parser[] = [
  p1(),
  {
    name: "modbus rtu",
    seeds: [rtuFrame(answer), rtuFrame([1, 0x84, 2]), rtuFrame([1, 16, 0, 5, 0, 1])],
    parse: (bytes) => [read, write].some((request) => decodeRtu(request, bufferOf(bytes)) === "answer"),
  },
  {
    name: "modbus tcp",
    seeds: [Uint8Array.of(0, 9, 0, 0, 0, 23, ...answer), bytesOfHex("0009 0000 0003 018402")],
    parse(bytes) {
      const buffer = bufferOf(bytes);
      for (let before = -1; buffer.length && buffer.length !== before; ) {
        before = buffer.length;
        const verdict = decodeTcp(read, 9, buffer);
        if (verdict === "answer") return true;
        if (verdict === "malformed") return false;
      }
      return false;
    },
  },
  {
    name: "sunspec scan",
    seeds: [bytesOfHex("53756e530001 0042 0067 0032 0067 0032 ffff"), bytesOfHex("53756e53007e 0040 ffff")],
    parse(bytes) {
      const scan = new SunSpecScan();
      let at = 0;
      for (let step = 0; step < 1000 && !scan.isDone; step++) {
        const { data } = scan.block;
        if (data.length + at > bytes.length) return false;
        data.set(bytes.subarray(at, at + data.length));
        at += data.length;
        if (scan.judge(below(20) ? null : "exception")) return false;
      }
      if (!scan.isDone) throw new Error("the scan does not end");
      return scan.device.models.length > 0;
    },
  },
  {
    name: "sunspec points",
    seeds: [Uint8Array.from({ length: 310 }, (_, index) => index)],
    parse(bytes) {
      const id = [101, 111, 160, 201, 701, 713, 802][below(7)];
      const { data, view } = blockOf(0, 160, 3);
      data.set(bytes.subarray(0, data.length));
      const length = Math.floor(Math.min(bytes.length, data.length) / 2);
      const points = pointsOf(sunSpecTable(id)!, length, 100);
      return points.channels.some((_, index) => Number.isFinite(pointValue(view, 0, points, index)));
    },
  },
];

const begun = performance.now();
let slowest = 0;
const heapBefore = process.memoryUsage().heapUsed;
for (const { name, seeds, parse } of parsers) {
  let believed = 0;
  const inputs = Math.ceil(COUNT / parsers.length);
  for (let count = 0; count < inputs; count++) {
    const bytes = below(6) ? damaged(seeds) : noise(below(300));
    const before = performance.now();
    try {
      if (parse(bytes)) believed++;
    } catch (error) {
      console.error(`${name}, input ${count}: ${Buffer.from(bytes).toString("hex")}`);
      throw error;
    }
    slowest = Math.max(slowest, performance.now() - before);
  }
  console.log(`${name}: ${inputs} inputs, ${believed} believed, none threw`);
}
const seconds = (performance.now() - begun) / 1000;
const growth = process.memoryUsage().heapUsed - heapBefore;
console.log(
  `${seconds.toFixed(0)} s; the slowest took ${slowest.toFixed(1)} ms; the heap grew by ${growth} bytes`,
);
if (slowest > SLOW_MS || growth > MAX_GROWTH_BYTES) process.exitCode = 1;
