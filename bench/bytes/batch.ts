import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Column } from "../../src/model/profiles";
import type { Stream } from "./streams";

/** Some readings of a stream, as one frame has them. */
export interface Batch {
  stream: Stream;
  /** Number of the frame. */
  seq: number;
  rows: readonly (readonly number[])[];
}

/** Two bytes, as a profile that is not built in has. */
export const PROFILE = 200;
/** Five bytes, as a random epoch has. */
export const BOOT = 3_575_348_104;

export function batchesOf(stream: Stream): Batch[] {
  const batches: Batch[] = [];
  for (let from = 0; from < stream.rows.length; from += stream.perFrame) {
    batches.push({ stream, seq: batches.length, rows: stream.rows.slice(from, from + stream.perFrame) });
  }
  return batches;
}

/** A library with its version. Not all of them let their package.json be required. */
export function version(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  while (!folder.endsWith(join("node_modules", name))) folder = dirname(folder);
  return `${name} ${(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version}`;
}

/** In the unit of the column's channel. */
export function scaled(value: number, { exponent }: Column): number {
  return exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent;
}

/** A reading as an object of its channels, in their units; the time apart. */
export function objectOf(stream: Stream, row: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    stream.columns.slice(1).map((column, at) => [column.name, scaled(row[at + 1], column)]),
  );
}

/** Differences to the row before as zigzag varints, column after column, behind the envelope. */
export function deltaColumns({ stream, seq, rows }: Batch): Uint8Array {
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
