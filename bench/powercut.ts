import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { emptyTally, explore, type Tally } from "../test/powercut/cuts";
import { emptyUpdateTally, exploreUpdates, type UpdateTally } from "../test/powercut/updates";
import { updating } from "../test/powercut/updating";

const CHILD = "--child";
const QUICK = "--quick";
/** Of the recovery's cuts, one in so many, with `--quick`. */
const QUICK_EVERY = 16;
/** Of a whole node that takes updates, in so many, since it takes as long as all the rest. */
const QUICK_UPDATING_EVERY = 1024;
const NAME = "test:powercut";

/** What a process says: how far it is, or what it has found. */
type Message = number | { node: Tally } | { updating: Tally } | { updates: UpdateTally };

interface Found {
  node: Tally;
  updating: Tally;
  updates: UpdateTally;
  processes: number;
}

/** Each takes its share of the scenarios' cuts, with all that follows from them. */
async function exploreAll(quick: boolean): Promise<Found> {
  const processes = availableParallelism();
  const node = emptyTally();
  const whole = emptyTally();
  const updates = emptyUpdateTally();
  const shares = new Array<number>(processes).fill(0);
  const children = shares.map((_, index) => {
    const args = [CHILD, String(index), String(processes), ...(quick ? [QUICK] : [])];
    const child = fork(process.argv[1], args);
    child.on("message", (message: Message) => {
      if (typeof message === "number") {
        shares[index] = message;
        showProgress(shares.reduce((sum, share) => sum + share, 0) / processes);
      } else if ("node" in message) add(node, message.node);
      else if ("updating" in message) add(whole, message.updating);
      else addUpdates(updates, message.updates);
    });
    return child;
  });
  for (const [code] of await Promise.all(children.map((child) => once(child, "exit"))))
    if (code !== 0) node.faults.push(`a process ended with ${code}`);
  showProgress(undefined);
  return { node, updating: whole, updates, processes };
}

function add(sum: Tally, { faults, ...part }: Tally): void {
  sum.first += part.first;
  sum.second += part.second;
  sum.runs += part.runs;
  sum.mostOperations = Math.max(sum.mostOperations, part.mostOperations);
  sum.mostWakes = Math.max(sum.mostWakes, part.mostWakes);
  sum.faults.push(...faults);
}

function addUpdates(sum: UpdateTally, { faults, ...part }: UpdateTally): void {
  sum.first += part.first;
  sum.second += part.second;
  sum.runs += part.runs;
  sum.mostBoots = Math.max(sum.mostBoots, part.mostBoots);
  sum.faults.push(...faults);
}

function showProgress(share: number | undefined): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(share === undefined ? "\r\x1b[K" : `\r${Math.floor(100 * share)} %`);
}

async function exploreShare(index: number, processes: number, quick: boolean): Promise<void> {
  const share = { depth: 2, every: processes, offset: index, everySecond: quick ? QUICK_EVERY : 1 } as const;
  const say = (message: Message) => process.send!(message);
  say({ updates: exploreUpdates({ ...share, onProgress: (done) => say(done / 3) }) });
  const everySecond = quick ? QUICK_UPDATING_EVERY : 1;
  const whole = { ...share, world: updating, everySecond };
  say({ updating: await explore({ ...whole, onProgress: (done) => say((1 + done) / 3) }) });
  say({ node: await explore({ ...share, onProgress: (done) => say((2 + done) / 3) }) });
  process.disconnect!();
}

async function main(quick: boolean): Promise<void> {
  const begun = performance.now();
  const { node, updating: whole, updates, processes } = await exploreAll(quick);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  const faults = [...node.faults, ...whole.faults, ...updates.faults];
  for (const fault of faults) console.error(fault);
  console.log(
    `a node: ${countsOf(node, quick ? QUICK_EVERY : 1)}\n${longest(node)}\n` +
      `a node that takes updates: ${countsOf(whole, quick ? QUICK_UPDATING_EVERY : 1)}\n${longest(whole)}\n` +
      `updates by themselves: ${countsOf(updates, quick ? QUICK_EVERY : 1)}\n` +
      `the longest way took ${updates.mostBoots} boots\n` +
      (faults.length
        ? `${faults.length} faults`
        : "nothing stored was lost, changed, repeated or left unsaid; old or new image, whole and signed, runs after " +
          "each cut, and no floor has fallen") +
      ` (${seconds} s, ${processes} processes)`,
  );
  if (faults.length) process.exitCode = 1;
}

function longest({ mostOperations, mostWakes }: Tally): string {
  return `the longest recovery took ${mostOperations} operations and ${mostWakes} wakes`;
}

/** @param every of the recoveries' cuts, one in so many was made. */
function countsOf({ first, second, runs }: Tally | UpdateTally, every: number): string {
  const some = every > 1 ? ` (one in ${every})` : "";
  return `${first} cuts of the scenarios and ${second} cuts of the recoveries from them${some}, of which ${runs} differ`;
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
