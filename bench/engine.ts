import { runBench } from "./arguments";
import { BuildFailure, buildFiles } from "./engine/files";
import { measureOperations } from "./engine/operations";
import { type Run, reportOf, textOf } from "./engine/report";
import { measureWakes } from "./engine/wakes";

/** Figures of an engine do not depend on the machine that it runs on: they are the same each time. */
const RUNS = 3;

async function main(asJson: boolean): Promise<number> {
  const files = buildFiles();
  const runs: Run[] = [];
  while (runs.length < RUNS) {
    const { sample, session } = await measureWakes(files);
    const { sample: ofIna226 } = await measureWakes(files, "ina226");
    runs.push({
      "wake that samples": { cost: sample },
      "wake that samples an INA226": { cost: ofIna226 },
      "wake that sends 10 frames": { cost: session },
      ...(await measureOperations(files)),
    });
  }
  const report = reportOf(runs, files.modules);
  if (asJson) console.log(JSON.stringify({ runs: RUNS, ...report }, null, 2));
  else process.stdout.write(textOf(report, RUNS));
  return report.unequal.length ? 1 : 0;
}

try {
  await runBench("bench:engine", main);
} catch (error) {
  if (!(error instanceof BuildFailure)) throw error;
  process.exitCode = error.exitCode;
}
