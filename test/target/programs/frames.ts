import { createRandom, type Random } from "../../../hal-mocks/random";
import { encodeDenseFrame } from "../../../src/comms/frame/dense";
import { encodeFrame } from "../../../src/comms/frame/encode";
import { emptyBatch, Recorder } from "../../../src/lowpower/recorder";
import { type Column, type Profile, profiles } from "../../../src/model/profiles";
import type { QualityCode } from "../../../src/model/quality";
import type { Sample } from "../../../src/model/reading";
import { hex } from "./hex";

const CASES = 150;
const BATCH_BYTES = 2048;
const FRAME_BYTES = 32_768;
const TWO_53 = 2 ** 53;

function integer(random: Random): number {
  const value = Math.floor(random.unit() * 2 ** random.below(53));
  return random.below(4) ? value : -value;
}

/** Columns that stand still, grow, jump, or have gaps. */
function column(random: Random, count: number): number[] {
  const kind = random.below(4);
  let value = integer(random);
  return Array.from({ length: count }, () => {
    if (kind === 1) value = Math.min(value + random.below(1000), TWO_53 - 1);
    else if (kind === 2) value = Math.floor(integer(random) / 4);
    else if (kind === 3 && random.below(3) === 0) return Number.NaN;
    return value;
  });
}

function randomFrame(random: Random, target: Uint8Array): string {
  const count = 1 + random.below(40);
  const columns = random.below(25);
  const step = 1 + random.below(1000);
  const regular = random.below(2) === 0;
  const start = Math.floor(random.unit() * 2 ** 40);
  const frame = {
    profile: random.below(2000),
    boot: random.uint32(),
    seq: random.below(100_000),
    count,
    dated: random.below(3) > 0,
    times: Array.from({ length: count }, (_, row) => start + row * step + (regular ? 0 : random.below(step))),
    qualities: Array.from({ length: count }, () => (random.below(20) ? 0 : random.below(8))),
    values: Array.from({ length: columns }, () => column(random, count)).flat(),
    columns,
  };
  try {
    return hex(encodeFrame(frame, target));
  } catch (error) {
    // A difference that no integer holds: said in the same words.
    return String(error);
  }
}

/** A sample of some of a profile's channels, with values as drivers give them. */
function randomSample(profile: Profile, random: Random): Sample {
  const sample: Sample = { quality: (random.below(10) ? 0 : random.below(8)) as QualityCode };
  for (const { name, exponent } of profile.columns.slice(1)) {
    if (random.below(8)) sample[name] = random.below(1_000_000) * 10 ** exponent + random.below(10) / 100;
  }
  return sample;
}

function timeAt(epoch: number | undefined): (ticks: number) => number | undefined {
  return (ticks) => (epoch === undefined ? undefined : epoch + ticks);
}

function recorded(random: Random, target: Uint8Array): string {
  const profile = random.below(2) ? profiles.meter1 : profiles.meter3;
  const batch = emptyBatch(profile, 256 + random.below(BATCH_BYTES));
  const recorder = new Recorder(profile, batch, 1 + random.below(30));
  const lines: string[] = [];
  let ticks = random.below(1_000_000);
  for (let reading = 0; reading < 40; reading++) {
    const fits = recorder.append(ticks, randomSample(profile, random));
    if (!fits) {
      const epoch = random.below(2) ? 1_780_000_000_000 + random.below(1_000_000) : undefined;
      lines.push(hex(batch.rows.subarray(0, batch.length)));
      lines.push(hex(encodeFrame(recorder.content(random.uint32(), reading, timeAt(epoch)), target)));
      recorder.clear();
    }
    ticks += random.below(10) ? 60_000 : random.below(1_000_000);
  }
  lines.push(`${batch.count} ${batch.length} ${batch.start} ${batch.end} ${Array.from(batch.last).join()}`);
  return lines.join("\n");
}

/** Quantities with a predictor of their own, and some without. */
const QUANTITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 37];

/** Columns that have to do with each other, at any resolution. */
function randomColumns(random: Random, count: number): Column[] {
  const exponent = () => (random.below(4) ? -random.below(2) : random.below(20) - 10);
  const columns = [{ channel: 0, name: "t", exponent: random.below(3) ? 0 : -3 }];
  for (let index = 0; index < count; index++) {
    const quantity = QUANTITIES[random.below(QUANTITIES.length)];
    const phase = random.below(2) ? 0 : random.below(4);
    columns.push({ channel: (quantity * 8 + phase) * 128, name: "x", exponent: exponent() });
  }
  return columns;
}

/** Values of a house, so that what is foreseen is often right, with gaps and jumps. */
function wander(random: Random, count: number, scale: number): number[] {
  let value = random.below(scale);
  return Array.from({ length: count }, () => {
    value += random.below(21) - 10;
    if (random.below(40) === 0) return Number.NaN;
    if (random.below(40) === 0) value = integer(random);
    return value;
  });
}

function denseFrame(random: Random, target: Uint8Array): string {
  const count = 1 + random.below(60);
  const columns = randomColumns(random, random.below(16));
  const step = 1 + random.below(100);
  const dated = random.below(3) > 0;
  const start = dated ? 1_700_000_000 + random.below(100_000_000) : 0;
  const regular = random.below(2) === 0;
  const frame = {
    profile: random.below(2000),
    boot: random.uint32(),
    seq: random.below(100_000),
    count,
    dated,
    times: Array.from(
      { length: count },
      (_, row) => start + row * step + (regular || !row ? 0 : random.below(3)),
    ),
    qualities: Array.from({ length: count }, () => (random.below(20) ? 0 : random.below(8))),
    values: columns
      .slice(1)
      .flatMap(() =>
        random.below(5) ? wander(random, count, 10 ** random.below(7)) : column(random, count),
      ),
    columns: columns.length - 1,
  };
  return hex(encodeDenseFrame(frame, columns, target));
}

/** Frames of random content, and what a recorder makes of random samples. */
export default function frames(): string {
  const random = createRandom("frames");
  const target = new Uint8Array(FRAME_BYTES);
  const lines: string[] = [];
  for (let index = 0; index < CASES; index++) lines.push(randomFrame(random, target));
  for (let index = 0; index < 2 * CASES; index++) lines.push(denseFrame(random, target));
  for (let index = 0; index < CASES; index++) lines.push(recorded(random, target));
  return lines.join("\n");
}
