import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseScenario } from "../tools/sim/scenario";
import { simulate } from "../tools/sim/simulation";
import { runBench } from "./arguments";
import { benchP1 } from "./p1";

/** The goal of the first version: 1,000 sleeper-days a minute. */
const GOAL_PER_MINUTE = 1000;
const TERMINALS = 20;
const DAYS = 5;
const SLEEPER_DAYS = TERMINALS * DAYS;
const CHILD = "--child";

/** Seconds that 100 sleeper-days (1-minute samples, 15-minute sessions) take in one process. */
async function simulateStreet(seed: number): Promise<number> {
  const parsed = parseScenario({
    name: "bench",
    start: "2026-06-01T00:00:00Z",
    days: DAYS,
    seed,
    terminals: Array.from({ length: TERMINALS }, (_, index) => ({
      device: `house-${index}`,
      config: { mode: "sleeper", sampleMs: 60_000, sessionMs: 900_000 },
      house: { pvW: index % 3 ? 0 : 4000 },
    })),
  });
  if ("problem" in parsed) throw new Error(parsed.problem);
  const begun = performance.now();
  const report = await simulate({ scenario: parsed.scenario });
  if (!report.ok) throw new Error("the simulation lost or changed readings: its speed says nothing");
  return (performance.now() - begun) / 1000;
}

/** Seconds that one such street in each of `count` processes takes, from the first start to the last end. */
async function simulateStreets(count: number): Promise<number> {
  const begun = performance.now();
  const children = Array.from({ length: count }, (_, index) =>
    fork(process.argv[1], [CHILD, String(index + 1)]),
  );
  for (const [code] of await Promise.all(children.map((child) => once(child, "exit")))) {
    if (code !== 0) throw new Error("a simulation failed");
  }
  return (performance.now() - begun) / 1000;
}

async function main(asJson: boolean): Promise<number> {
  const seconds = await simulateStreet(1);
  const processes = availableParallelism();
  const allSeconds = await simulateStreets(processes);
  const p1 = benchP1();
  const perMinute = Math.round((SLEEPER_DAYS / seconds) * 60);
  const result = {
    sleeperDays: SLEEPER_DAYS,
    seconds: round(seconds),
    terminalDaysPerSecond: round(SLEEPER_DAYS / seconds),
    terminalDaysPerMinute: perMinute,
    goalPerMinute: GOAL_PER_MINUTE,
    processes,
    terminalDaysPerMinuteOfAllProcesses: Math.round(((processes * SLEEPER_DAYS) / allSeconds) * 60),
    p1BytesPerSecond: Math.round(p1.bytesPerSecond),
    p1TelegramsPerSecond: Math.round(p1.telegramsPerSecond),
  };
  if (asJson) console.log(JSON.stringify(result, null, 2));
  else print(result);
  return 0;
}

function print(result: Record<string, number>): void {
  console.log(
    `simulator: ${result.terminalDaysPerSecond} sleeper-days a second (1-minute samples, 15-minute sessions)\n` +
      `           ${result.terminalDaysPerMinute} a minute in one process, ` +
      `${result.terminalDaysPerMinuteOfAllProcesses} in ${result.processes} (goal ${GOAL_PER_MINUTE})\n` +
      `P1 driver: ${(result.p1BytesPerSecond / 1e6).toFixed(1)} MB/s, ${result.p1TelegramsPerSecond} telegrams/s`,
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const child = process.argv.indexOf(CHILD);
if (child < 0) await runBench("bench:sim", main);
else await simulateStreet(Number(process.argv[child + 1]));
