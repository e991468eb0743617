import type { Source } from "./sources";

/** A quantity as it is at best, as a rule, and at worst; the unit is that of the field it stands in. */
export interface Range {
  low: number;
  typical: number;
  high: number;
}

export interface Figure extends Range {
  source: Source;
}

/** What nobody has published; to be read after "no published figure of". */
export interface Missing {
  missing: string;
}

export type Entry = Figure | Missing;

export function figure(low: number, typical: number, high: number, source: Source): Figure {
  if (!(low >= 0 && low <= typical && typical <= high && Number.isFinite(high)))
    throw new RangeError(`energy: ${low} to ${typical} to ${high} is no range`);
  return { low, typical, high, source };
}

/** A figure that is published as one number. */
export function exactly(value: number, source: Source): Figure {
  return figure(value, value, value, source);
}

/** A figure that is published as a range: the middle stands for what is typical. */
export function between(low: number, high: number, source: Source): Figure {
  return figure(low, (low + high) / 2, high, source);
}

export function missing(what: string): Missing {
  return { missing: what };
}

export function isKnown(entry: Entry): entry is Figure {
  return !("missing" in entry);
}

/** The figure's typical value. @throws Error that names what nobody has published. */
export function typicalOf(entry: Entry): number {
  if (isKnown(entry)) return entry.typical;
  throw new Error(`energy: no published figure of ${entry.missing}`);
}

export const nothing: Range = { low: 0, typical: 0, high: 0 };

export function scale({ low, typical, high }: Range, factor: number): Range {
  return { low: low * factor, typical: typical * factor, high: high * factor };
}

export function sum(ranges: Iterable<Range>): Range {
  let total = nothing;
  for (const { low, typical, high } of ranges)
    total = { low: total.low + low, typical: total.typical + typical, high: total.high + high };
  return total;
}
