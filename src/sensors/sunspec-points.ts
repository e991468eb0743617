import { placeOf } from "./plausible";
import type { SunSpecTable } from "./sunspec-models";

/**
 * The points of a model that was found: where they stand in its data, and how they read. As columns, which take a tenth
 * of the RAM that an object a point does.
 */
export interface Points {
  channels: string[];
  /** In bytes, as `scaleAt`, which is -1 for none. */
  at: Int16Array;
  scaleAt: Int16Array;
  /** Which of `TYPES`. */
  types: Uint8Array;
  /** Divides the value; negative changes its sign. */
  divisors: Int16Array;
  added: Uint8Array;
  low: Float64Array;
  high: Float64Array;
}

/** A scale factor that is none: sunssf is -10 to 10. */
const MAX_SCALE = 10;
const NOT_IMPLEMENTED_16 = 0xffff;
const NOT_IMPLEMENTED_32 = 0xffff_ffff;
const NOT_IMPLEMENTED_SIGNED_16 = -0x8000;
const TWO_32 = 0x1_0000_0000;
const DIVISORS: Readonly<Record<string, number>> = { "-": -1, "%": 100, k: 1000 };
const TYPES = ["u16", "i16", "e16", "u32", "f32", "a32", "u64"] as const;
/** Registers of each of `TYPES`. */
const SIZES = [1, 1, 1, 2, 2, 2, 4] as const;

/** A row of a table, moved by `shift` registers, at the DC input that `port` names. */
interface Row {
  text: string;
  shift: number;
  port: string;
}

function partsOf({ text, shift }: Row) {
  const [channel, at, typed, scale] = text.split(" ");
  const prefix = /^[-%k+]/.exec(typed)?.[0] ?? "";
  const type = TYPES.indexOf(typed.slice(prefix.length) as (typeof TYPES)[number]);
  return {
    channel,
    prefix,
    type,
    at: 2 * (Number(at) + shift),
    scaleAt: scale === "-" ? -1 : 2 * Number(scale),
  };
}

/** Rows that end within `length` registers. */
function rowsOf({ rows, repeated }: SunSpecTable, length: number): Row[] {
  const all = rows ? rows.split("|").map((text): Row => ({ text, shift: 0, port: "" })) : [];
  if (repeated) {
    const groups = Math.floor((length - repeated.from) / repeated.length);
    for (let group = 0; group < groups; group++) {
      for (const text of repeated.rows.split("|"))
        all.push({ text, shift: group * repeated.length, port: `_p${group + 1}` });
    }
  }
  return all.filter((row) => {
    const { at, type, scaleAt } = partsOf(row);
    return at + 2 * SIZES[type] <= 2 * length && scaleAt + 2 <= 2 * length;
  });
}

/**
 * The points of a table that end within `length` registers.
 * @param maxA above twice as much, a current is implausible.
 */
export function pointsOf(table: SunSpecTable, length: number, maxA: number): Points {
  const rows = rowsOf(table, length);
  const count = rows.length;
  const points: Points = {
    channels: rows.map((row) => partsOf(row).channel + row.port),
    at: new Int16Array(count),
    scaleAt: new Int16Array(count),
    types: new Uint8Array(count),
    divisors: new Int16Array(count),
    added: new Uint8Array(count),
    low: new Float64Array(count),
    high: new Float64Array(count),
  };
  rows.forEach((row, index) => {
    const { prefix, type, at, scaleAt } = partsOf(row);
    points.at[index] = at;
    points.scaleAt[index] = scaleAt;
    points.types[index] = type;
    points.divisors[index] = DIVISORS[prefix] ?? 1;
    points.added[index] = prefix === "+" ? 1 : 0;
    const place = placeOf(points.channels[index], maxA);
    points.low[index] = place.low;
    points.high[index] = place.high;
  });
  return points;
}

/** The last register that the points need, and one. */
export function extentOf({ at, types, scaleAt }: Points): number {
  let extent = 0;
  for (let index = 0; index < at.length; index++)
    extent = Math.max(extent, at[index] / 2 + SIZES[types[index]], scaleAt[index] / 2 + 1);
  return extent;
}

/** What stands there, without its scale; NaN when it is not implemented. */
function rawOf(view: DataView, at: number, type: (typeof TYPES)[number]): number {
  if (type === "f32") return view.getFloat32(at);
  if (type === "i16") {
    const value = view.getInt16(at);
    return value === NOT_IMPLEMENTED_SIGNED_16 ? Number.NaN : value;
  }
  if (type === "u16" || type === "e16") {
    const value = view.getUint16(at);
    return value === NOT_IMPLEMENTED_16 ? Number.NaN : value;
  }
  const high = view.getUint32(at);
  if (type === "a32") return high === 0 || high === NOT_IMPLEMENTED_32 ? Number.NaN : high;
  if (type === "u32") return high === NOT_IMPLEMENTED_32 ? Number.NaN : high;
  const low = view.getUint32(at + 4);
  return high === NOT_IMPLEMENTED_32 && low === NOT_IMPLEMENTED_32 ? Number.NaN : high * TWO_32 + low;
}

/**
 * The value of a point in the unit of its channel; NaN when it, or its scale factor, is not implemented.
 * @param start where the model's data begins in `view`.
 */
export function pointValue(view: DataView, start: number, points: Points, index: number): number {
  let value = rawOf(view, start + points.at[index], TYPES[points.types[index]]);
  const scaleAt = points.scaleAt[index];
  if (scaleAt >= 0) {
    const scale = view.getInt16(start + scaleAt);
    if (scale < -MAX_SCALE || scale > MAX_SCALE) return Number.NaN;
    // Engines differ in the last bit of a power.
    let power = 1;
    for (let count = Math.abs(scale); count > 0; count--) power *= 10;
    value = scale < 0 ? value / power : value * power;
  }
  value = value / points.divisors[index] + points.added[index];
  // No negative zero.
  return (isMagnitude(points.channels[index]) ? Math.abs(value) : value) || (Number.isNaN(value) ? value : 0);
}

function isMagnitude(channel: string): boolean {
  const [quantity] = channel.split("_");
  return quantity === "i" || quantity === "s" || quantity === "pf";
}
