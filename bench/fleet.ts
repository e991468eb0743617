import { performance } from "node:perf_hooks";
import { type Outcome, runFleet } from "../test/fleet/fleet";

const NAME = "test:fleet";
const NODES = 200;

function row({ release, offered, confirmed, ended, stages, hours, haltedAt }: Outcome): string {
  const reasons = Object.entries(ended).map(([reason, count]) => `${reason} ${count}`);
  return [
    release.name.padEnd(36),
    String(offered).padStart(7),
    String(confirmed).padStart(9),
    stages
      .map((percent) => `${percent} %`)
      .join(", ")
      .padEnd(17),
    hours.toFixed(1).padStart(5),
    (haltedAt === undefined ? "-" : `${haltedAt} failures`).padEnd(11),
    reasons.join(", ") || "-",
  ].join("  ");
}

async function main(nodes: number): Promise<number> {
  const begun = performance.now();
  const result = await runFleet({ nodes, seed: 1, loss: 0.05, cuts: 0.3, stages: [5, 25, 100] });
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  const { outcomes, cuts, faults } = result;
  const head = `${"release".padEnd(36)}  offered  confirmed  ${"stages".padEnd(17)}  hours  halted at    reverted or refused`;
  console.log(`${nodes} sleepers, sessions each 15 minutes, 5 % of packets lost, ${cuts} losses of power\n`);
  console.log(`${head}\n${outcomes.map(row).join("\n")}\n`);
  for (const fault of faults) console.error(fault);
  const verdict = faults.length
    ? `${faults.length} faults`
    : "Each node ends on a good version, and each bad release was halted by itself";
  console.log(`${verdict} (${seconds} s).`);
  return faults.length ? 1 : 0;
}

const [argument = String(NODES), ...others] = process.argv.slice(2);
const nodes = Number(argument);
if (others.length || !(Number.isInteger(nodes) && nodes >= 1 && nodes <= 10_000)) {
  console.error(
    `${NAME}: unexpected argument "${process.argv.slice(2).join(" ")}": it takes a number of nodes, 1 to 10000`,
  );
  process.exitCode = 2;
} else process.exitCode = await main(nodes);
