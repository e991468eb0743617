import { rtuFrame } from "../../hal-mocks/chips/modbus-slave";
import { bytesOfHex } from "../../hal-mocks/expected";
import { decodeRtu, decodeTcp, ModbusBuffer, type ModbusRequest } from "../../src/sensors/modbus";
import { blockOf } from "../../src/sensors/modbus-sensor";
import { sunSpecTable } from "../../src/sensors/sunspec-models";
import { pointsOf, pointValue } from "../../src/sensors/sunspec-points";
import { SunSpecScan } from "../../src/sensors/sunspec-scan";
import { below } from "../noise";
import { mutated } from "./inputs";
import type { Fuzzed, Watch } from "./watch";

interface Codec {
  name: string;
  /** Good inputs, to be damaged. */
  seeds: readonly Uint8Array[];
  /** True when the bytes were believed. Throws what it finds wrong, and nothing else may. */
  parse(bytes: Uint8Array): boolean;
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

const registers = blockOf(0, 160, 3);
const found = new Map<number, ReturnType<typeof pointsOf>>();

/** A driver looks for them once, when it has found a model. */
function pointsIn(id: number, length: number): ReturnType<typeof pointsOf> {
  const key = id * 1000 + length;
  const points = found.get(key) ?? pointsOf(sunSpecTable(id)!, length, 100);
  found.set(key, points);
  return points;
}

const codecs: readonly Codec[] = [
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
      const { data, view } = registers;
      data.set(bytes.subarray(0, data.length));
      const points = pointsIn(id, 8 * Math.floor(Math.min(bytes.length, data.length) / 16));
      return points.channels.some((_, index) => Number.isFinite(pointValue(view, 0, points, index)));
    },
  },
];

/** Pure codecs, each by itself. */
export const fuzzedCodecs: readonly Fuzzed[] = codecs.map(({ name, seeds, parse }) => ({
  name,
  run(inputs: number, watch: Watch) {
    let believed = 0;
    for (let count = 0; count < inputs; count++) {
      const bytes = mutated(seeds);
      watch.time(
        () => {
          if (parse(bytes)) believed++;
        },
        () => bytes,
      );
    }
    return { inputs, believed };
  },
}));
