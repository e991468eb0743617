import { performance } from "node:perf_hooks";
import fc from "fast-check";
import { encodeDenseFrame } from "../src/comms/frame/dense";
import { encodeFrame, type FrameContent } from "../src/comms/frame/encode";
import { profiles } from "../src/model/profiles";
import { decodeFrame } from "../tools/decode/frame";

/** Random and damaged frames for the decoder: it must answer each, with readings or one line, and soon. */
const COUNT = Number(process.argv[2] ?? 1_000_000);
const SLOW_MS = 1000;
const SAMPLES = 200;

const { number, columns } = profiles.meter1;
const target = new Uint8Array(1 << 17);

const content: fc.Arbitrary<FrameContent> = fc.integer({ min: 1, max: 60 }).chain((count) => {
  const many = (one: fc.Arbitrary<number>) => fc.array(one, { minLength: count, maxLength: count });
  const column = fc.oneof(
    many(fc.nat(300)),
    fc.maxSafeInteger().map((value) => new Array<number>(count).fill(Math.floor(value / 2))),
    many(fc.oneof(fc.nat(3), fc.constant(Number.NaN))),
  );
  return fc
    .record({
      seq: fc.nat(),
      step: fc.nat(900),
      qualities: many(fc.nat(7)),
      values: fc.array(column, { minLength: columns.length - 1, maxLength: columns.length - 1 }),
    })
    .map(({ seq, step, qualities, values }) => ({
      profile: number,
      boot: 7,
      seq,
      count,
      dated: true,
      times: qualities.map((_, row) => 1_780_000_000 + row * step),
      qualities,
      values: values.flat(),
      columns: columns.length - 1,
    }));
});

/** Good frames, dense and plain. */
const frames = fc
  .sample(content, SAMPLES)
  .flatMap((each) => [encodeDenseFrame(each, columns, target).slice(), encodeFrame(each, target).slice()]);

// Its own generator: fast-check's are made to be shrunk, and slow.
let state = 0x9e37_79b9;
function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}

/** An envelope around noise: count and profile are good now and then. */
function envelope(): Uint8Array {
  const length = below(60);
  const head = [0x86, 1 + below(3), below(24), below(24), 0x1a, 0x6a, below(256), 0, 0];
  return Uint8Array.of(...head, 0x19, below(8), below(256), 0x58, length, ...noise(length));
}

/** A good frame with some bytes changed, cut off, added or swapped with another's. */
function damaged(): Uint8Array {
  const bytes = frames[below(frames.length)].slice();
  for (let count = 1 + below(3); count > 0; count--) bytes[below(bytes.length)] ^= 1 << below(8);
  const kind = below(4);
  if (kind === 0) return bytes.subarray(0, below(bytes.length));
  if (kind === 1) return Uint8Array.of(...bytes, ...noise(below(9)));
  if (kind === 2) bytes.set(frames[below(frames.length)].subarray(0, below(bytes.length)), 0);
  return bytes;
}

function input(): Uint8Array {
  const kind = below(8);
  if (kind === 0) return noise(below(200));
  return kind < 3 ? envelope() : damaged();
}

let refused = 0;
let slowest = 0;
const begun = performance.now();
for (let count = 0; count < COUNT; count++) {
  const bytes = input();
  const before = performance.now();
  try {
    const result = decodeFrame(bytes);
    if (!result.ok) refused++;
    if (!result.ok && !/^\S.*$/.test(result.error)) throw new Error(`no line: ${result.error}`);
  } catch (error) {
    console.error(`input ${count}: ${Buffer.from(bytes).toString("hex")}`);
    throw error;
  }
  slowest = Math.max(slowest, performance.now() - before);
}
const seconds = (performance.now() - begun) / 1000;
console.log(
  `${COUNT} inputs in ${seconds.toFixed(0)} s: ${refused} refused with a line, ${COUNT - refused} read, none threw; ` +
    `the slowest took ${slowest.toFixed(1)} ms`,
);
if (slowest > SLOW_MS) process.exitCode = 1;
