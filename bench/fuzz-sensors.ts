import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { fuzzedCodecs } from "./fuzz-sensors/codecs";
import { fuzzedDrivers } from "./fuzz-sensors/drivers";
import { Watch } from "./fuzz-sensors/watch";

/**
 * Mutated bytes for the parsers of sensors and for every driver with its device: none may throw, hang or keep what it was
 * given, and each driver must come back. As many inputs each as the first argument says; a second one names one of them.
 */
const COUNT = Number(process.argv[2] ?? 1_000_000);
const ONLY = process.argv[3];
/** Of wall time: other processes may hold this one up. */
const SLOW_MS = 5000;
/** What any of them may keep, with all that V8 has compiled: they have buffers of their own, and no more. */
const MAX_GROWTH_BYTES = 4 * 1024 * 1024;

const all = [...fuzzedCodecs, ...fuzzedDrivers];
const rows = all.filter(({ name }) => ONLY === undefined || name === ONLY);
if (!(COUNT > 0) || !rows.length) {
  const names = all.map(({ name }) => name).join(", ");
  console.error(`fuzz:sensors: expected a count, and perhaps one of ${names}`);
  process.exit(2);
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

for (const { name, run } of rows) {
  const watch = new Watch();
  const before = heapUsed();
  const begun = performance.now();
  const { inputs, believed } = run(COUNT, watch);
  const seconds = (performance.now() - begun) / 1000;
  const growth = heapUsed() - before;
  console.log(
    `${name}: ${inputs} inputs in ${seconds.toFixed(0)} s, ${believed} believed, none threw; ` +
      `the slowest took ${watch.slowestMs.toFixed(1)} ms, the heap grew by ${growth} bytes`,
  );
  if (watch.slowestMs > SLOW_MS || growth > MAX_GROWTH_BYTES) process.exitCode = 1;
}
