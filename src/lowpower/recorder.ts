import type { FrameContent } from "../comms/frame/encode";
import type { Column, Profile } from "../model/profiles";
import type { Sample } from "../model/reading";
import { NUMBER_BYTES, NumberReader, writeNumber } from "./rows";

/** The powers of ten that are exact as doubles; a table, because pow() differs between C libraries. */
const POWERS_OF_TEN = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
  1e20, 1e21, 1e22,
];

/** 10^exponent, exactly; for 0 to 22. */
export function powerOfTen(exponent: number): number {
  return POWERS_OF_TEN[exponent];
}

/**
 * Turns an SI value into an integer of 10^exponent, half away from zero: the one place where a value is rounded.
 * NaN when there is no value, or when it is outside ±(2^53−1).
 */
export function quantise(value: number | undefined, exponent: number): number {
  if (value === undefined) return Number.NaN;
  const scaled = exponent < 0 ? value * POWERS_OF_TEN[-exponent] : value / POWERS_OF_TEN[exponent];
  // Without adding a half, which would itself round near 2^53.
  const size = scaled < 0 ? -scaled : scaled;
  let rounded = Math.floor(size);
  if (size - rounded >= 0.5) rounded++;
  if (!Number.isSafeInteger(rounded)) return Number.NaN;
  return scaled < 0 ? -rounded : rounded;
}

/** The bytes of a batch that survive deep sleep: `rows`, and the integers that the next row differs from. */
export interface Batch {
  count: number;
  /** How many bytes of `rows` are in use. */
  length: number;
  /** Ticks of the first row. */
  start: number;
  /** Ticks of the last row. */
  end: number;
  /** How many bytes `rows` may grow to. */
  capacity: number;
  rows: Uint8Array;
  last: Float64Array;
}

/** An empty batch of `bytes` bytes for a profile. */
export function emptyBatch(profile: Profile, bytes: number): Batch {
  return {
    count: 0,
    length: 0,
    start: 0,
    end: 0,
    capacity: bytes,
    rows: new Uint8Array(0),
    last: new Float64Array(profile.columns.length - 1),
  };
}

/** Keeps one stream's open batch: one point, one profile. */
export class Recorder {
  readonly profile: Profile;
  readonly batch: Batch;
  readonly #columns: readonly Column[];
  readonly #limit: number;
  /** The row under way: one buffer for all of them. */
  readonly #values: Float64Array;
  readonly #rowBytes: number;
  #hasGrown = false;

  /** What one row of a profile with `columns` columns, its time included, takes at most. */
  static rowBytes(columns: number): number {
    return (columns + 1) * NUMBER_BYTES;
  }

  /** `limit`: readings at which the batch is full. */
  constructor(profile: Profile, batch: Batch, limit: number) {
    for (const { exponent } of profile.columns) {
      if (Math.abs(exponent) >= POWERS_OF_TEN.length)
        throw new RangeError(`profile ${profile.number}: exponent ${exponent}`);
    }
    this.profile = profile;
    this.batch = batch;
    this.#columns = profile.columns.slice(1);
    this.#limit = limit;
    this.#values = new Float64Array(this.#columns.length);
    this.#rowBytes = Recorder.rowBytes(profile.columns.length);
  }

  /** True when the batch has to be closed before another reading is sure to fit. */
  get isFull(): boolean {
    const { count, length, capacity } = this.batch;
    return count >= this.#limit || capacity - length < this.#rowBytes;
  }

  /**
   * Adds a sample taken at `ticks`. False, and nothing has changed, when it does not fit behind the rows that are
   * there: close the batch, then append again, which an empty batch never refuses.
   */
  append(ticks: number, sample: Sample): boolean {
    const { batch } = this;
    if (this.isFull || ticks < batch.end) return false;
    const columns = this.#columns;
    const values = this.#values;
    const { last } = batch;
    const count = columns.length;
    for (let index = 0; index < count; index++) {
      const column = columns[index];
      const value = quantise(sample[column.name], column.exponent);
      values[index] = value;
      // A difference that is no integer cannot be stored; a missing value always can.
      if (!Number.isSafeInteger(value - last[index]) && !Number.isNaN(value)) return false;
    }

    this.#makeRoom();
    const { rows } = batch;
    const first = batch.count === 0;
    if (first) batch.start = ticks;
    let at = writeNumber(rows, batch.length, sample.quality);
    at = writeNumber(rows, at, first ? 0 : ticks - batch.end);
    for (let index = 0; index < count; index++) {
      const value = values[index];
      at = writeNumber(rows, at, value - last[index]);
      if (!Number.isNaN(value)) last[index] = value;
    }
    batch.end = ticks;
    batch.length = at;
    batch.count++;
    return true;
  }

  /** A wake adds one row as a rule; a resident adds one after the other. */
  #makeRoom(): void {
    const { batch } = this;
    if (batch.rows.length - batch.length >= this.#rowBytes) return;
    const growth = this.#hasGrown ? batch.length : 0;
    this.#hasGrown = true;
    const rows = new Uint8Array(Math.min(batch.capacity, batch.length + growth + this.#rowBytes));
    rows.set(batch.rows.subarray(0, batch.length));
    batch.rows = rows;
  }

  /** Forgets the rows, once they are stored elsewhere. */
  clear(): void {
    const { batch } = this;
    batch.count = 0;
    batch.length = 0;
    batch.end = 0;
    batch.last.fill(0);
  }

  /**
   * The rows as a frame's content.
   * @param timeAt Unix time in milliseconds at some ticks, or undefined while it is not known.
   */
  content(boot: number, seq: number, timeAt: (ticks: number) => number | undefined): FrameContent {
    const { batch } = this;
    const { count } = batch;
    const columns = this.#columns.length;
    const times = new Float64Array(count);
    const qualities = new Uint8Array(count);
    const values = new Float64Array(count * columns);
    const last = new Float64Array(columns);
    const reader = new NumberReader(batch.rows);
    // Column 0 counts 10^exponent seconds, ticks are milliseconds.
    const { exponent } = this.profile.columns[0];
    let ticks = batch.start;
    for (let row = 0; row < count; row++) {
      qualities[row] = reader.next();
      ticks += reader.next();
      times[row] = quantise((timeAt(ticks) ?? ticks - batch.start) / 1000, exponent);
      for (let column = 0, at = row; column < columns; column++, at += count) {
        const difference = reader.next();
        if (Number.isNaN(difference)) values[at] = Number.NaN;
        else values[at] = last[column] += difference;
      }
    }
    return {
      profile: this.profile.number,
      boot,
      seq,
      count,
      dated: timeAt(batch.start) !== undefined,
      times,
      qualities,
      values,
      columns,
    };
  }
}
