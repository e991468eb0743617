import { driverBenches } from "../../test/support/driver-benches";
import { StepClock } from "../../test/support/step-clock";

/** In which each driver has found its device, and what it makes once is made. */
const WARM_MS = 20_000;
const STEP_MS = 10;

const clock = new StepClock();
let samples = 0;

function open(name: string): void {
  const { open } = driverBenches.find((bench) => bench.name === name)!;
  const driver = open(clock, () => {
    if (driver.sample()?.quality === 0) samples++;
  });
  clock.pass(WARM_MS);
  if (!samples) throw new Error(`${name} gives no good sample`);
}

/** All that comes until the driver has given its next sample: a telegram, a poll, an answer. */
function sample(): void {
  const before = samples;
  while (samples === before) clock.pass(STEP_MS);
}

/** `open NAME`, then `sample`. */
export default function onEvent(text: string): unknown {
  const [event, name] = text.split(" ");
  return event === "open" ? open(name) : sample();
}
