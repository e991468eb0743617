import { createRequire } from "node:module";
import { brotliCompressSync, constants, deflateRawSync } from "node:zlib";
import { Encoder, FLOAT32_OPTIONS } from "cbor-x";
import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame, type FrameContent } from "../../src/comms/frame/encode";
import type { Column } from "../../src/model/profiles";
import type { Stream } from "./streams";

/** Some readings of a stream, as one frame has them. */
export interface Batch {
  stream: Stream;
  /** Number of the frame. */
  seq: number;
  rows: readonly (readonly number[])[];
}

/** One row of the table: what a batch takes, its envelope included. */
export interface Codec {
  name: string;
  /** Library and version, or what it is. */
  by: string;
  bytes(batch: Batch): number;
}

/** Two bytes, as a profile that is not built in has. */
const PROFILE = 200;
/** Five bytes, as a random epoch has. */
const BOOT = 3_575_348_104;
const BUFFER_BYTES = 1 << 17;

const target = new Uint8Array(BUFFER_BYTES);
const version = (name: string): string =>
  `${name} ${(createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version}`;

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

function scaled(value: number, { exponent }: Column): number {
  return exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent;
}

/** A reading as an object of its channels, in their units; the time apart. */
function objectOf(stream: Stream, row: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    stream.columns.slice(1).map((column, at) => [column.name, scaled(row[at + 1], column)]),
  );
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
    return [TASMOTA[column.name], column.name.startsWith("e") ? value / 1000 : value];
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

/** Differences to the row before as zigzag varints, column after column, behind the envelope. */
function deltaColumns({ stream, seq, rows }: Batch): Uint8Array {
  const bytes: number[] = [];
  const varint = (value: number) => {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    bytes.push(rest);
  };
  for (const value of [PROFILE, BOOT, seq, rows.length]) varint(value);
  for (let column = 0; column < stream.columns.length; column++) {
    rows.forEach((row, at) => {
      varint(row[column] - (at ? rows[at - 1][column] : 0));
    });
  }
  return Uint8Array.from(bytes);
}

function brotli(bytes: Uint8Array): number {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

export const codecs: readonly Codec[] = [
  {
    name: "JSON, Tasmota SENSOR",
    by: "as Tasmota's ENERGY sends it, a message a reading",
    bytes: (batch) => sum(batch, (row) => tasmota(batch.stream, row)),
  },
  {
    name: "JSON, Home Assistant state",
    by: "one state message a reading",
    bytes: (batch) => sum(batch, (row) => homeAssistant(batch.stream, row)),
  },
  { name: "cbor-x, maps", by: version("cbor-x"), bytes: (batch) => maps.encode(mapsOf(batch)).length },
  {
    name: "cbor-x, records",
    by: `${version("cbor-x")}, each frame with its structures`,
    bytes: (batch) =>
      new Encoder({ useRecords: true, structures: [], useFloat32 }).encode(mapsOf(batch)).length,
  },
  { name: "varint deltas in columns", by: "zigzag, base 128", bytes: (batch) => deltaColumns(batch).length },
  {
    name: "  deflate of them",
    by: "zlib of Node, raw, level 9",
    bytes: (batch) => deflateRawSync(deltaColumns(batch), { level: 9 }).length,
  },
  {
    name: "  brotli of them",
    by: "brotli of Node, quality 11",
    bytes: (batch) => brotli(deltaColumns(batch)),
  },
  { name: "plain body", by: "Gridmote", bytes: (batch) => encodeFrame(contentOf(batch), target).length },
  {
    name: "dense body",
    by: "Gridmote",
    bytes: (batch) => encodeDenseFrame(contentOf(batch), batch.stream.columns, target).length,
  },
];

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
