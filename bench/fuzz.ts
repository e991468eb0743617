import { performance } from "node:perf_hooks";
import { crc32 } from "../src/crc32";
import { decodeFrame, type Frame } from "../tools/decode/frame";
import { inputCount } from "./arguments";
import { type Input, nextInput, PROFILES } from "./fuzz/inputs";
import { hasPython, SecondDecoder, type Verdict } from "./fuzz/second";

/**
 * Random and damaged frames for both decoders: each must answer, with readings or one line, and soon, and both must say
 * the same.
 */
const COUNT = inputCount("fuzz:frames", 1_000_000);
const BATCH = 500;
const SLOW_MS = 1000;

function verdictOf({ profile, bytes }: Input): Verdict {
  const known = PROFILES[profile];
  const result = decodeFrame(bytes, () => known);
  if (result.ok) return checksum(result.frame, profile);
  if (!/^\S.*$/.test(result.error)) throw new Error(`no line: ${result.error}`);
  return undefined;
}

/** Of all that is known of the readings, as doubles: the times, the quality codes, each column. */
function checksum({ readings }: Frame, profile: number): number {
  const columns = PROFILES[profile].columns.slice(1);
  const numbers = Float64Array.from([
    ...readings.map(({ time }) => time ?? Number.NaN),
    ...readings.map(({ quality }) => quality),
    ...columns.flatMap(({ name }) => readings.map(({ values }) => values[name] ?? Number.NaN)),
  ]);
  return crc32(new Uint8Array(numbers.buffer));
}

const second = hasPython() ? new SecondDecoder() : undefined;
if (!second) console.error("SKIPPED: the second decoder of frames, which needs python3");

let read = 0;
let slowest = 0;
const begun = performance.now();
for (let done = 0; done < COUNT; done += BATCH) {
  const inputs = Array.from({ length: Math.min(BATCH, COUNT - done) }, nextInput);
  second?.send(inputs);
  for (const input of inputs) {
    const hex = () => `profile ${input.profile}: ${Buffer.from(input.bytes).toString("hex")}`;
    const before = performance.now();
    let verdict: Verdict;
    try {
      verdict = verdictOf(input);
    } catch (error) {
      console.error(hex());
      throw error;
    }
    slowest = Math.max(slowest, performance.now() - before);
    if (verdict !== undefined) read++;
    if (second && (await second.verdict()) !== verdict) {
      console.error(hex());
      throw new Error(
        `the decoders differ: the first one has ${verdict === undefined ? "refused" : "read"} it`,
      );
    }
  }
}
second?.close();
const seconds = (performance.now() - begun) / 1000;
const both = second ? ", both decoders the same" : "";
console.log(
  `${COUNT} inputs in ${seconds.toFixed(0)} s: ${COUNT - read} refused with a line, ${read} read${both}, none threw; ` +
    `the slowest took ${slowest.toFixed(1)} ms`,
);
if (slowest > SLOW_MS) process.exitCode = 1;
