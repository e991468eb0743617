import fc from "fast-check";
import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame, type FrameContent } from "../../src/comms/frame/encode";
import { type Column, columnsOf, type Profile, profiles } from "../../src/model/profiles";
import { below, noise } from "../noise";

const SAMPLES = 200;
const SEED = 1;

/** One with meters' registers and phases, and one with a model for each of its columns. */
export const PROFILES: readonly Profile[] = [
  profiles.meter1,
  {
    number: 3,
    columns: columnsOf("t@-3 v@-1 i@-3 p q f@-2 ei ee@1 p_l1 p_l2@0 clock@-3 tc@-1 tariff flags"),
  },
];

const target = new Uint8Array(1 << 17);

function contentOf({ number, columns }: Profile): fc.Arbitrary<FrameContent> {
  const others = columns.length - 1;
  return fc.integer({ min: 1, max: 60 }).chain((count) => {
    const many = (one: fc.Arbitrary<number>) => fc.array(one, { minLength: count, maxLength: count });
    const column = fc.oneof(
      many(fc.nat(300)),
      many(fc.integer({ min: -2000, max: 2400 })),
      fc.maxSafeInteger().map((value) => new Array<number>(count).fill(Math.floor(value / 2))),
      many(fc.oneof(fc.nat(3), fc.constant(Number.NaN))),
    );
    return fc
      .record({
        seq: fc.nat(),
        step: fc.nat(900),
        dated: fc.boolean(),
        qualities: many(fc.nat(7)),
        values: fc.array(column, { minLength: others, maxLength: others }),
      })
      .map(({ seq, step, dated, qualities, values }) => ({
        profile: number,
        boot: 7,
        seq,
        count,
        dated,
        times: qualities.map((_, row) => (dated ? 1_780_000_000 : 0) + row * step),
        qualities,
        values: values.flat(),
        columns: others,
      }));
  });
}

function encoded(content: FrameContent, columns: readonly Column[]): Uint8Array[] {
  const dense = encodeDenseFrame(content, columns, target).slice();
  return [dense, encodeFrame(content, target).slice()];
}

/** Good frames of each profile, dense and plain. */
const frames = PROFILES.map((profile) =>
  fc
    .sample(contentOf(profile), { numRuns: SAMPLES, seed: SEED })
    .flatMap((content) => encoded(content, profile.columns)),
);

/** An envelope around noise: count and profile are good now and then. */
function envelope(): Uint8Array {
  const length = below(60);
  const head = [0x86, 1 + below(3), below(24), below(24), 0x1a, 0x6a, below(256), 0, 0];
  const count = below(2) ? [0x19, 1 + below(3), below(256)] : [0x18, 24 + below(40)];
  return Uint8Array.of(...head, ...count, 0x58, length, ...noise(length));
}

/** A good frame with some bytes changed, cut off, added or swapped with another's. */
function damaged(good: readonly Uint8Array[]): Uint8Array {
  const bytes = good[below(good.length)].slice();
  for (let count = 1 + below(3); count > 0; count--) bytes[below(bytes.length)] ^= 1 << below(8);
  const kind = below(4);
  if (kind === 0) return bytes.subarray(0, below(bytes.length));
  if (kind === 1) return Uint8Array.of(...bytes, ...noise(below(9)));
  if (kind === 2) bytes.set(good[below(good.length)].subarray(0, below(bytes.length)), 0);
  return bytes;
}

export interface Input {
  /** Index of its profile. */
  profile: number;
  bytes: Uint8Array;
}

export function nextInput(): Input {
  const profile = below(PROFILES.length);
  const kind = below(8);
  if (kind === 0) return { profile, bytes: noise(below(200)) };
  return { profile, bytes: kind < 3 ? envelope() : damaged(frames[profile]) };
}
