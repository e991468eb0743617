import { encode } from "@msgpack/msgpack";
import { Encoder, FLOAT32_OPTIONS } from "cbor-x";
import protobufjs from "protobufjs";
import { type Batch, BOOT, objectOf, PROFILE, scaled } from "./batch";

/** What others send for a batch, in the smallest form that their rules allow. */

const DEVICE = "gm/house-1/0/";

/** A record of a pack; labels by their number in CBOR (RFC 8428 table 4). */
const LABELS = { bn: -2, bt: -3, bu: -4, bv: -5, v: 2, t: 6 } as const;
type SenmlRecord = Partial<Record<keyof typeof LABELS, number | string>>;

const UNITS: Readonly<Record<string, string>> = {
  v: "V",
  i: "A",
  p: "W",
  pi: "W",
  pe: "W",
  q: "var",
  f: "Hz",
  tc: "Cel",
  ei: "Wh",
  ee: "Wh",
  eqi: "varh",
  esi: "VAh",
};

/** Channel by channel: the base holds all that is common, so that a record is a time and a difference. */
function packOf({ stream, rows }: Batch): SenmlRecord[] {
  const start = rows[0][0];
  return stream.columns.slice(1).flatMap((column, index) => {
    const at = index + 1;
    const base = rows[0][at];
    return rows.map((row, number): SenmlRecord => {
      const v = scaled(row[at] - base, column);
      if (number) return { t: row[0] - start, v };
      const unit = UNITS[column.name.split("_")[0]];
      // A base value and a base time hold until they are set again, each for its own.
      return {
        bn: DEVICE + column.name,
        bu: unit ?? "/",
        bv: scaled(base, column),
        ...(index ? {} : { bt: start }),
        v,
      };
    });
  });
}

export function senmlJson(batch: Batch): number {
  return JSON.stringify(packOf(batch)).length;
}

const useFloat32 = FLOAT32_OPTIONS.DECIMAL_FIT;
const cbor = new Encoder({ useRecords: false, mapsAsObjects: false, useFloat32 });

export function senmlCbor(batch: Batch): number {
  const labelled = packOf(batch).map(
    (record) =>
      new Map(Object.entries(record).map(([label, value]) => [LABELS[label as keyof SenmlRecord], value])),
  );
  return cbor.encode(labelled).length;
}

const root = protobufjs.parse(`syntax = "proto2";
message Payload {
  message Metric {
    optional uint64 alias = 2; optional uint64 timestamp = 3; optional uint32 datatype = 4;
    oneof value { uint32 int_value = 10; uint64 long_value = 11; float float_value = 12; double double_value = 13; }
  }
  optional uint64 timestamp = 1; repeated Metric metrics = 2; optional uint64 seq = 3;
}
`).root;
const payload = root.lookupType("Payload");

/** A DDATA after a DBIRTH that has given names, types and aliases. */
export function sparkplug({ stream, seq, rows }: Batch): number {
  const metrics = rows.flatMap((row) => {
    const timestamp = row[0] * 1000;
    return stream.columns
      .slice(1)
      .map((column, alias) => ({ alias, timestamp, ...sparkplugValue(scaled(row[alias + 1], column)) }));
  });
  const message = { timestamp: rows[0][0] * 1000, metrics, seq: seq % 256 };
  return payload.encode(message).finish().length;
}

function sparkplugValue(value: number): object {
  if (!Number.isInteger(value)) return { floatValue: value };
  // Int32 and Int64 are two's complements.
  if (Math.abs(value) < 2 ** 31) return { intValue: value >>> 0 };
  return { longValue: value };
}

export function messagePack({ stream, rows }: Batch): number {
  const maps = rows.map((row) => ({ t: row[0], ...objectOf(stream, row) }));
  return encode(maps, { forceFloat32: true }).length;
}

/** A field for each column: no message around it, which would cost two bytes each. */
export function protobuf({ stream, seq, rows }: Batch): number {
  const message: Record<string, unknown> = { profile: PROFILE, boot: BOOT, seq };
  stream.columns.forEach((_, index) => {
    message[`c${index}`] = rows.map((row, at) => row[index] - (at ? rows[at - 1][index] : 0));
  });
  return frameType(stream.columns.length).encode(message).finish().length;
}

const FIRST_COLUMN = 4;
const frameTypes = new Map<number, protobufjs.Type>();

function frameType(columns: number): protobufjs.Type {
  const known = frameTypes.get(columns);
  if (known) return known;
  const fields = Array.from(
    { length: columns },
    (_, index) => `repeated sint64 c${index} = ${FIRST_COLUMN + index};`,
  );
  const type = protobufjs
    .parse(
      `syntax = "proto3"; message Frame { uint32 profile = 1; fixed32 boot = 2; uint32 seq = 3; ${fields.join(" ")} }`,
    )
    .root.lookupType("Frame");
  frameTypes.set(columns, type);
  return type;
}
