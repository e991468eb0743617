import { brotliCompressSync, constants, deflateRawSync } from "node:zlib";
import { Encoder, FLOAT32_OPTIONS } from "cbor-x";
import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame, type FrameContent } from "../../src/comms/frame/encode";
import { type Batch, BOOT, deltaColumns, objectOf, PROFILE, scaled, version } from "./batch";
import { messagePack, protobuf, senmlCbor, senmlJson, sparkplug } from "./peers";
import type { Stream } from "./streams";

/** One row of the table. */
export interface Codec {
  name: string;
  /** Library and version, or what it is. */
  by: string;
  /** What all batches take, each coded alone with its envelope. */
  bytes(batches: readonly Batch[]): number;
}

/** A codec of one batch. */
function each(name: string, by: string, bytes: (batch: Batch) => number): Codec {
  return { name, by, bytes: (batches) => batches.reduce((total, batch) => total + bytes(batch), 0) };
}

const BUFFER_BYTES = 1 << 17;

const target = new Uint8Array(BUFFER_BYTES);

export function contentOf({ stream, seq, rows }: Batch): FrameContent {
  const count = rows.length;
  const columns = stream.columns.length - 1;
  const values = new Float64Array(count * columns);
  rows.forEach((row, at) => {
    for (let column = 0; column < columns; column++) values[column * count + at] = row[column + 1];
  });
  return {
    profile: PROFILE,
    boot: BOOT,
    seq,
    count,
    dated: true,
    times: rows.map(([time]) => time),
    qualities: new Uint8Array(count),
    values,
    columns,
  };
}

function sum(batch: Batch, bytes: (row: readonly number[]) => number): number {
  return batch.rows.reduce((total, row) => total + bytes(row), 0);
}

const TASMOTA: Readonly<Record<string, string>> = {
  v: "Voltage",
  i: "Current",
  p: "Power",
  q: "ReactivePower",
  f: "Frequency",
  ei: "Total",
  ee: "ExportActive",
  eqi: "TotalReactive",
  esi: "TotalApparent",
  tc: "Temperature",
  flags: "Status",
};

/** tele/<device>/SENSOR: one message a reading, energies in kWh. */
function tasmota(stream: Stream, row: readonly number[]): number {
  const Time = new Date(row[0] * 1000).toISOString().slice(0, 19);
  const energies = stream.columns.slice(1).map((column, at) => {
    const value = scaled(row[at + 1], column);
    return [TASMOTA[column.name] ?? column.name, column.name.startsWith("e") ? value / 1000 : value];
  });
  return JSON.stringify({ Time, ENERGY: Object.fromEntries(energies) }).length;
}

/** One state message a reading, which templates of MQTT discovery take apart. */
function homeAssistant(stream: Stream, row: readonly number[]): number {
  return JSON.stringify({ time: row[0], ...objectOf(stream, row) }).length;
}

// A decimal takes four bytes where four are enough for it.
const useFloat32 = FLOAT32_OPTIONS.DECIMAL_FIT;
const maps = new Encoder({ useRecords: false, useFloat32 });

function mapsOf({ stream, rows }: Batch): unknown {
  return rows.map((row) => ({ t: row[0], ...objectOf(stream, row) }));
}

function brotli(bytes: Uint8Array): number {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

/** Each frame with its structures, as one that is read alone needs them. */
const records = (batch: Batch) =>
  new Encoder({ useRecords: true, structures: [], useFloat32 }).encode(mapsOf(batch)).length;

const ours: readonly Codec[] = [
  each("plain body", "Gridmote", (batch) => encodeFrame(contentOf(batch), target).length),
  each(
    "dense body",
    "Gridmote",
    (batch) => encodeDenseFrame(contentOf(batch), batch.stream.columns, target).length,
  ),
];

/** @param commands compressors that only run as commands. */
export function codecsWith(commands: readonly Codec[]): Codec[] {
  return [
    each("JSON, Tasmota SENSOR", "as Tasmota's ENERGY sends it, a message a reading", (batch) =>
      sum(batch, (row) => tasmota(batch.stream, row)),
    ),
    each("JSON, Home Assistant state", "one state message a reading", (batch) =>
      sum(batch, (row) => homeAssistant(batch.stream, row)),
    ),
    each("SenML, JSON", "RFC 8428, base name, unit, time and value for each channel", senmlJson),
    each("SenML, CBOR", `the same, ${version("cbor-x")}`, senmlCbor),
    each("Sparkplug B", `aliases, a metric a value, one payload; ${version("protobufjs")}`, sparkplug),
    each("MessagePack, maps", `${version("@msgpack/msgpack")}, decimals in four bytes`, messagePack),
    each("cbor-x, maps", version("cbor-x"), (batch) => maps.encode(mapsOf(batch)).length),
    each("cbor-x, records", `${version("cbor-x")}, each frame with its structures`, records),
    each("protobuf, packed deltas", `${version("protobufjs")}, sint64, a field a column`, protobuf),
    each("varint deltas in columns", "zigzag, base 128", (batch) => deltaColumns(batch).length),
    each(
      "  deflate of them",
      "zlib of Node, raw, level 9",
      (batch) => deflateRawSync(deltaColumns(batch), { level: 9 }).length,
    ),
    each("  brotli of them", "brotli of Node, quality 11", (batch) => brotli(deltaColumns(batch))),
    ...commands,
    ...ours,
  ];
}

/** Order-0 entropy of each column's differences over the whole stream, in bytes a reading: no codec, a yardstick. */
export function entropyOfDeltas({ columns, rows }: Stream): number {
  let bits = 0;
  columns.forEach((_, column) => {
    const counts = new Map<number, number>();
    rows.slice(1).forEach((row, at) => {
      const delta = row[column] - rows[at][column];
      counts.set(delta, (counts.get(delta) ?? 0) + 1);
    });
    for (const count of counts.values())
      bits -= (count / (rows.length - 1)) * Math.log2(count / (rows.length - 1));
  });
  return bits / 8;
}

/** The whole stream as one: what compressors could do if a receiver had all of it. */
export function brotliOfStream(stream: Stream): number {
  return brotli(deltaColumns({ stream, seq: 0, rows: stream.rows })) / stream.rows.length;
}
