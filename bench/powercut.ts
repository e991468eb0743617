import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { emptyTally, explore, type Tally } from "../test/powercut/cuts";

const CHILD = "--child";
const QUICK = "--quick";
/** Of the recovery's cuts, one in so many, with `--quick`. */
const QUICK_EVERY = 16;
const NAME = "test:powercut";

/** Each takes its share of the scenario's cuts, with all that follows from them. */
async function exploreAll(quick: boolean): Promise<{ tally: Tally; processes: number }> {
  const processes = availableParallelism();
  const tally = emptyTally();
  const shares = new Array<number>(processes).fill(0);
  const children = shares.map((_, index) => {
    const args = [CHILD, String(index), String(processes), ...(quick ? [QUICK] : [])];
    const child = fork(process.argv[1], args);
    child.on("message", (message: Tally | number) => {
      if (typeof message === "number") {
        shares[index] = message;
        showProgress(shares.reduce((sum, share) => sum + share, 0) / processes);
      } else add(tally, message);
    });
    return child;
  });
  for (const [code] of await Promise.all(children.map((child) => once(child, "exit"))))
    if (code !== 0) tally.faults.push(`a process ended with ${code}`);
  showProgress(undefined);
  return { tally, processes };
}

function add(sum: Tally, { faults, ...part }: Tally): void {
  sum.first += part.first;
  sum.second += part.second;
  sum.runs += part.runs;
  sum.mostOperations = Math.max(sum.mostOperations, part.mostOperations);
  sum.mostWakes = Math.max(sum.mostWakes, part.mostWakes);
  sum.faults.push(...faults);
}

function showProgress(share: number | undefined): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(share === undefined ? "\r\x1b[K" : `\r${Math.floor(100 * share)} %`);
}

async function exploreShare(index: number, processes: number, quick: boolean): Promise<void> {
  const tally = await explore({
    ...{ depth: 2, every: processes, offset: index, everySecond: quick ? QUICK_EVERY : 1 },
    onProgress: (share) => process.send!(share),
  });
  process.send!(tally);
  process.disconnect!();
}

async function main(quick: boolean): Promise<void> {
  const begun = performance.now();
  const { tally, processes } = await exploreAll(quick);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  const { first, second, runs, mostOperations, mostWakes, faults } = tally;
  for (const fault of faults) console.error(fault);
  console.log(
    `${first} cuts of the scenario and ${second} cuts of the recoveries from them` +
      `${quick ? ` (one in ${QUICK_EVERY})` : ""}: ${runs} differ, and were run in ${seconds} s by ${processes} processes\n` +
      `the longest recovery took ${mostOperations} operations and ${mostWakes} wakes\n` +
      (faults.length
        ? `${faults.length} faults`
        : "nothing stored was lost, changed, repeated or left unsaid"),
  );
  if (faults.length) process.exitCode = 1;
}

const args = process.argv.slice(2);
const quick = args.includes(QUICK);
if (args[0] === CHILD) await exploreShare(Number(args[1]), Number(args[2]), quick);
else {
  const unexpected = args.find((arg) => arg !== QUICK);
  if (unexpected === undefined) await main(quick);
  else {
    console.error(`${NAME}: unexpected argument "${unexpected}": there is ${QUICK}, and nothing else`);
    process.exitCode = 2;
  }
}
