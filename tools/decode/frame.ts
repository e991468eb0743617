import { MAX_READINGS } from "../../src/comms/frame/dense";
import { decodeDense } from "../../src/comms/frame/read-dense";
import { FIRST_FREE_NUMBER, type Profile, profileOf } from "../../src/model/profiles";
import { asInteger, checked, DecodeError } from "./checked";
import { readItem } from "./item-reader";

export interface DecodedReading {
  /** Unix milliseconds; undefined when the terminal did not know the time. */
  time: number | undefined;
  quality: number;
  /** In the registry's units, by the registry's names; a missing value is not there. */
  values: Record<string, number>;
}

export interface Frame {
  profile: number;
  boot: number;
  seq: number;
  /** By how much all its times may be off; undefined where the frame does not say. */
  errorMs?: number;
  readings: DecodedReading[];
}

export type FrameResult = { ok: true; frame: Frame } | { ok: false; error: string };

const MAX_UINT32 = 0xffff_ffff;

export type ProfileLookup = (number: number) => Profile | undefined;

/**
 * Decodes a frame. Never throws: what is wrong comes back as one line that names the place.
 * @param profiles the profile of a number, or undefined; by default the built-in ones.
 */
export function decodeFrame(payload: Uint8Array, profiles: ProfileLookup = profileOf): FrameResult {
  const result = checked(payload, (item) => frameOf(item, profiles), readItem);
  return result.ok ? { ok: true, frame: result.value } : result;
}

function frameOf(item: unknown, profiles: ProfileLookup): Frame {
  if (!Array.isArray(item)) throw new DecodeError("not a frame: expected an array");
  if (item.length < 6) throw new DecodeError(`the envelope has ${item.length} items, expected at least 6`);
  const number = integerAt(item[0], "profile", 0);
  const boot = integerAt(item[1], "boot", 0, MAX_UINT32);
  const seq = integerAt(item[2], "seq", 0);
  const t0 = item[3] === null ? undefined : integerAt(item[3], "t0");
  const count = integerAt(item[4], "count", 1, MAX_READINGS);
  const body = item[5];
  const profile = profiles(number);
  if (!profile) {
    const hint = number < FIRST_FREE_NUMBER ? "" : `, and no descriptor has come on …/d/${number}`;
    throw new DecodeError(`profile ${number} is not known${hint}`);
  }
  const head = { profile: number, boot, seq, ...errorOf(item[6]) };
  if (body instanceof Uint8Array) return { ...head, readings: denseReadings(profile, t0, count, body) };
  const expected = profile.columns.length + 1;
  if (!Array.isArray(body) || body.length !== expected) {
    throw new DecodeError(`the body is not an array of ${expected} items, as profile ${number} has them`);
  }
  return { ...head, readings: readingsOf(profile, t0, count, body) };
}

/** Of `ext`, whose first item says how far off all times may be. What a later version puts there is no error. */
function errorOf(ext: unknown): { errorMs?: number } {
  const errorMs = Array.isArray(ext) ? asInteger(ext[0], 0, Number.MAX_SAFE_INTEGER) : undefined;
  return errorMs === undefined ? {} : { errorMs };
}

function denseReadings(
  profile: Profile,
  t0: number | undefined,
  count: number,
  body: Uint8Array,
): DecodedReading[] {
  const result = decodeDense(body, profile.columns, t0 ?? 0, count);
  if (!result.ok) throw new DecodeError(result.error);
  const { times, qualities, values } = result.rows;
  return assembled(
    profile,
    Array.from(times, (time) => (t0 === undefined ? undefined : time)),
    qualities,
    profile.columns.slice(1).map((_, column) => values.subarray(column * count, (column + 1) * count)),
  );
}

function readingsOf(
  profile: Profile,
  t0: number | undefined,
  count: number,
  body: unknown[],
): DecodedReading[] {
  return assembled(
    profile,
    timesOf(body[0], t0, count),
    qualitiesOf(body[1], count),
    profile.columns
      .slice(1)
      .map(({ name }, index) => columnOf(body[2 + index], count, `column ${index + 1} (${name})`)),
  );
}

/** Readings in the registry's units, from integers; NaN is a missing one. */
function assembled(
  profile: Profile,
  times: readonly (number | undefined)[],
  qualities: ArrayLike<number>,
  values: readonly ArrayLike<number>[],
): DecodedReading[] {
  const [timeColumn, ...columns] = profile.columns;
  const readings = times.map(
    (time, row): DecodedReading => ({
      time: time === undefined ? undefined : scale(time, timeColumn.exponent + 3),
      quality: qualities[row],
      values: {},
    }),
  );
  columns.forEach(({ name, exponent }, index) => {
    readings.forEach((reading, row) => {
      const value = values[index][row];
      if (!Number.isNaN(value)) reading.values[name] = scale(value, exponent);
    });
  });
  return readings;
}

function timesOf(item: unknown, t0: number | undefined, count: number): (number | undefined)[] {
  const isArray = Array.isArray(item);
  if (isArray && item.length !== count - 1)
    throw new DecodeError(`times: ${item.length} steps, expected ${count - 1}`);
  const times: (number | undefined)[] = [t0];
  let time = t0 ?? 0;
  for (let row = 1; row < count; row++) {
    time = add(time, integerAt(isArray ? item[row - 1] : item, `times: step ${row}`), `times: step ${row}`);
    times.push(t0 === undefined ? undefined : time);
  }
  if (!isArray) integerAt(item, "times");
  return times;
}

function qualitiesOf(item: unknown, count: number): number[] {
  if (!Array.isArray(item)) return new Array<number>(count).fill(integerAt(item, "quality", 0));
  if (item.length !== count) throw new DecodeError(`quality: ${item.length} codes, expected ${count}`);
  return item.map((code, row) => integerAt(code, `quality: entry ${row + 1}`, 0));
}

function columnOf(item: unknown, count: number, place: string): number[] {
  if (item === null) return new Array<number>(count).fill(Number.NaN);
  if (!Array.isArray(item)) return new Array<number>(count).fill(integerAt(item, place));
  if (item.length !== count) throw new DecodeError(`${place}: ${item.length} entries, expected ${count}`);
  let previous = 0;
  return item.map((entry, row) => {
    if (entry === null) return Number.NaN;
    previous = add(previous, integerAt(entry, `${place}: entry ${row + 1}`), `${place}: entry ${row + 1}`);
    return previous;
  });
}

function integerAt(
  value: unknown,
  place: string,
  low = -Number.MAX_SAFE_INTEGER,
  high = Number.MAX_SAFE_INTEGER,
): number {
  const integer = asInteger(value, low, high);
  if (integer === undefined) throw new DecodeError(`${place}: not an integer within its range`);
  return integer;
}

function add(a: number, b: number, place: string): number {
  const sum = a + b;
  if (!Number.isSafeInteger(sum)) throw new DecodeError(`${place}: the sum is outside ±(2^53−1)`);
  return sum;
}

/** Integer times power of ten, rounded once: 2371 at −1 is 237.1. */
function scale(integer: number, exponent: number): number {
  return exponent < 0 ? integer / 10 ** -exponent : integer * 10 ** exponent;
}
