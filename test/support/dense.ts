import fc from "fast-check";
import type { FrameContent } from "../../src/comms/frame/encode";
import type { Column } from "../../src/model/profiles";

export const MAX = Number.MAX_SAFE_INTEGER;

/** Channels by quantity number and phase, whether or not the registry has the quantity yet. */
export function column(quantity: number, phase: number, exponent: number, index = 0): Column {
  return { channel: (quantity * 8 + phase) * 128 + index, name: `q${quantity}_${phase}`, exponent };
}

/** A single-phase point with everything that has a model: t, V, I, P, Q, f, import, export, temperature, tariff. */
export const METER: readonly Column[] = [
  column(0, 0, 0),
  column(2, 0, -1),
  column(3, 0, -3),
  column(14, 0, 0),
  column(15, 0, 0),
  column(8, 0, -2),
  column(9, 0, 0),
  column(10, 0, 0),
  column(37, 0, -1),
  column(13, 0, 0),
];

/** A frame's content from rows of integers, the time first; NaN is missing. */
export function contentOf(
  rows: readonly (readonly number[])[],
  more: Partial<FrameContent> = {},
): FrameContent {
  const count = rows.length;
  const columns = rows[0].length - 1;
  return {
    profile: 200,
    boot: 3_575_348_104,
    seq: 300,
    count,
    dated: true,
    times: rows.map(([time]) => time),
    qualities: new Uint8Array(count),
    values: Float64Array.from(
      { length: count * columns },
      (_, at) => rows[at % count][1 + Math.floor(at / count)],
    ),
    columns,
    ...more,
  };
}

// Minus zero is no integer of its own: a frame has one zero.
const integer = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -40, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: -10_000, max: 10_000 }) },
  fc.maxSafeInteger().map((value) => value + 0),
  fc.constantFrom(MAX, -MAX, MAX - 1, 2 ** 52, -(2 ** 52), 2 ** 32, 2 ** 31, 0),
);

/** Values that stay, wander, count up, are anything, or are missing now and then. */
function values(count: number): fc.Arbitrary<number[]> {
  const many = (one: fc.Arbitrary<number>) => fc.array(one, { minLength: count, maxLength: count });
  const steps = (step: fc.Arbitrary<number>) =>
    fc.tuple(fc.integer({ min: -100_000, max: 50_000_000 }), many(step)).map(([start, all]) => {
      let value = start;
      return all.map((difference) => {
        value += difference;
        return value;
      });
    });
  const missing = fc.constant(Number.NaN);
  return fc.oneof(
    integer.map((value) => new Array<number>(count).fill(value)),
    steps(fc.integer({ min: -30, max: 30 })),
    steps(fc.integer({ min: 0, max: 9 })),
    many(integer),
    many(fc.oneof({ weight: 3, arbitrary: integer }, missing)),
    many(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 2200, max: 2400 }) }, missing)),
    many(missing),
  );
}

const quantity = fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 37, 99, 2, 3, 14, 9);
const anyColumn = fc
  .tuple(
    quantity,
    fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 7),
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, -1) }, fc.integer({ min: -22, max: 22 })),
    fc.constantFrom(0, 0, 0, 1),
  )
  .map(([number, phase, exponent, index]) => column(number, phase, exponent, index));

const times = (count: number) =>
  fc.oneof(
    fc
      .tuple(fc.integer({ min: 0, max: 2_000_000_000 }), fc.integer({ min: 1, max: 900 }))
      .map(([start, step]) => Array.from({ length: count }, (_, row) => start + row * step)),
    fc
      .tuple(fc.nat(), fc.array(fc.integer({ min: -3, max: 90 }), { minLength: count, maxLength: count }))
      .map(([start, all]) => all.map((_, row) => all.slice(0, row).reduce((sum, step) => sum + step, start))),
    fc.array(integer, { minLength: count, maxLength: count }),
  );

export interface Case {
  columns: readonly Column[];
  content: FrameContent;
}

/** Any profile with any content that a frame can say. */
export const anyCase: fc.Arbitrary<Case> = fc
  .tuple(
    fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 1, max: 200 })),
    fc.oneof(
      fc.constant(METER),
      fc
        .tuple(fc.constantFrom(0, 0, -3), fc.array(anyColumn, { maxLength: 12 }))
        .map(([exponent, more]) => [column(0, 0, exponent), ...more]),
    ),
  )
  .chain(([count, columns]) =>
    fc
      .record({
        dated: fc.boolean(),
        times: times(count),
        qualities: fc.array(fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(7), fc.constant(MAX)), {
          minLength: count,
          maxLength: count,
        }),
        rows: fc.array(values(count), { minLength: columns.length - 1, maxLength: columns.length - 1 }),
      })
      .map(({ dated, times, qualities, rows }) => ({
        columns,
        content: {
          profile: 200,
          boot: 3_575_348_104,
          seq: 300,
          count,
          dated,
          times: dated ? times : times.map((time, row) => (row ? time : 0)),
          qualities,
          values: Float64Array.from(rows.flat()),
          columns: columns.length - 1,
        },
      })),
  );
