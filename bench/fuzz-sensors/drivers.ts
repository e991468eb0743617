import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { type DriverBench, driverBenches, type Tap } from "../../test/support/driver-benches";
import { StepClock } from "../../test/support/step-clock";
import { below } from "../noise";
import { mutated } from "./inputs";
import type { Fuzzed, Watch } from "./watch";

/** Virtual milliseconds between two looks at the time that the driver takes. */
const STEP_MS = 500;
/** In which a driver whose device is in order again must give a good sample. */
const PATIENCE_MS = 30_000;
/** Good answers of which the next damaged one may be made. */
const REMEMBERED = 4;

/** Damages a part of a device's answers, or leaves them out. */
class Damage {
  inputs = 0;
  answers = 0;
  /** One answer in so many is damaged; none. */
  oneIn = Number.POSITIVE_INFINITY;
  last: Uint8Array = new Uint8Array(0);
  readonly #seeds: Uint8Array[] = [];

  readonly tap: Tap = (bytes) => {
    this.answers++;
    if (this.#seeds.length === REMEMBERED) this.#seeds.shift();
    this.#seeds.push(bytes.slice());
    if (this.oneIn === Number.POSITIVE_INFINITY || below(this.oneIn)) return bytes;
    this.inputs++;
    if (!below(64)) return undefined;
    this.last = mutated(this.#seeds);
    return this.last;
  };
}

function check(sample: Sample): void {
  for (const [name, value] of Object.entries(sample))
    if (!Number.isFinite(value)) throw new Error(`${name} is ${value}`);
}

function run({ open }: DriverBench, inputs: number, watch: Watch): { inputs: number; believed: number } {
  const clock = new StepClock();
  const damage = new Damage();
  let good = 0;
  const driver = open(
    clock,
    () => {
      const sample = driver.sample();
      if (!sample) return;
      check(sample);
      if (sample.quality === Quality.good) good++;
    },
    damage.tap,
  );
  clock.pass(PATIENCE_MS);
  // Of the samples about every other one: where many answers make one, all of them are sound often enough.
  damage.oneIn = Math.max(2, Math.ceil(damage.answers / good));
  good = 0;
  while (damage.inputs < inputs)
    watch.time(
      () => clock.pass(STEP_MS),
      () => damage.last,
    );
  const believed = good;
  damage.oneIn = Number.POSITIVE_INFINITY;
  clock.pass(PATIENCE_MS);
  if (good === believed) throw new Error("it gives no good sample when its device is in order again");
  driver.close();
  return { inputs: damage.inputs, believed };
}

/** Each driver as a whole: its bus, its chip's answers damaged on the way, its clock. */
export const fuzzedDrivers: readonly Fuzzed[] = driverBenches.map((bench) => ({
  name: bench.name,
  run: (inputs: number, watch: Watch) => run(bench, inputs, watch),
}));
