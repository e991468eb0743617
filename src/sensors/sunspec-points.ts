import { type Place, placeOf } from "./plausible";
import type { SunSpecTable } from "./sunspec-models";

/** A point of a model that was found: where it stands in the model's data, and how it reads. */
export interface Point extends Place {
  /** In bytes, as `scaleAt`, which is -1 for none. */
  at: number;
  type: string;
  scaleAt: number;
  /** Divides the value; negative changes its sign. */
  divisor: number;
  added: number;
  isMagnitude: boolean;
}

/** A scale factor that is none: sunssf is -10 to 10. */
const MAX_SCALE = 10;
const NOT_IMPLEMENTED_16 = 0xffff;
const NOT_IMPLEMENTED_32 = 0xffff_ffff;
const NOT_IMPLEMENTED_SIGNED_16 = -0x8000;
const TWO_32 = 0x1_0000_0000;
const DIVISORS: Readonly<Record<string, number>> = { "-": -1, "%": 100, k: 1000 };
/** Registers of each type. */
const SIZES: Readonly<Record<string, number>> = { u64: 4, u32: 2, f32: 2, a32: 2 };

function pointOf(row: string, shift: number, port: string, maxA: number): Point {
  const [channel, at, typed, scale] = row.split(" ");
  const prefix = /^[-%k+]/.exec(typed)?.[0] ?? "";
  const [quantity] = channel.split("_");
  return {
    ...placeOf(channel + port, maxA),
    at: 2 * (Number(at) + shift),
    type: typed.slice(prefix.length),
    scaleAt: scale === "-" ? -1 : 2 * Number(scale),
    divisor: DIVISORS[prefix] ?? 1,
    added: prefix === "+" ? 1 : 0,
    isMagnitude: quantity === "i" || quantity === "s" || quantity === "pf",
  };
}

/**
 * The points of a table that end within `length` registers.
 * @param maxA above twice as much, a current is implausible.
 */
export function pointsOf({ rows, repeated }: SunSpecTable, length: number, maxA: number): Point[] {
  const points = rows ? rows.split("|").map((row) => pointOf(row, 0, "", maxA)) : [];
  if (repeated) {
    const groups = Math.floor((length - repeated.from) / repeated.length);
    for (let group = 0; group < groups; group++) {
      for (const row of repeated.rows.split("|"))
        points.push(pointOf(row, group * repeated.length, `_p${group + 1}`, maxA));
    }
  }
  return points.filter(
    ({ at, type, scaleAt }) => at + 2 * (SIZES[type] ?? 1) <= 2 * length && scaleAt + 2 <= 2 * length,
  );
}

/** The last register that the points need, and one. */
export function extentOf(points: readonly Point[]): number {
  return points.reduce(
    (extent, { at, type, scaleAt }) => Math.max(extent, at / 2 + (SIZES[type] ?? 1), scaleAt / 2 + 1),
    0,
  );
}

/** What stands there, without its scale; NaN when it is not implemented. */
function rawOf(view: DataView, at: number, type: string): number {
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
export function pointValue(view: DataView, start: number, point: Point): number {
  let value = rawOf(view, start + point.at, point.type);
  if (point.scaleAt >= 0) {
    const scale = view.getInt16(start + point.scaleAt);
    if (scale < -MAX_SCALE || scale > MAX_SCALE) return Number.NaN;
    // Engines differ in the last bit of a power.
    let power = 1;
    for (let count = Math.abs(scale); count > 0; count--) power *= 10;
    value = scale < 0 ? value / power : value * power;
  }
  value = value / point.divisor + point.added;
  // No negative zero.
  return (point.isMagnitude ? Math.abs(value) : value) || (Number.isNaN(value) ? value : 0);
}
