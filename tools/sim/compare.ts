import { existsSync } from "node:fs";
import { type Io, UsageError } from "../cli/command";
import { readJson } from "../cli/json";
import { table } from "../cli/table";
import { lifeOf, short } from "./energy-print";
import { appOf, namedPolicies, parsePolicies, policyNames, type SimPolicy, under } from "./policies";
import { parseScenario, type Scenario } from "./scenario";
import { type Report, simulate } from "./simulation";

/** One scenario under one policy. */
export interface Compared {
  policy: string;
  report: Report;
}

/** @param value names with commas between them, `all`, or a JSON file with a list of policies. */
export function policiesOf(value: string): SimPolicy[] {
  if (value === "all") return policiesOf(policyNames.join());
  if (!existsSync(value)) {
    const named = namedPolicies(value.split(","));
    if ("policies" in named) return named.policies;
    throw new UsageError(
      `--compare: there is no policy and no file "${named.unknown}", expected all, or some of ${policyNames.join(", ")}`,
    );
  }
  const parsed = parsePolicies(readJson(value));
  if ("problem" in parsed) throw new UsageError(`${value}: ${parsed.problem}`);
  return parsed.policies;
}

/** Runs a scenario under each policy, one after the other, in a world that is the same. */
export async function compare(
  scenario: Scenario,
  policies: readonly SimPolicy[],
  onPolicy: (name: string) => void = () => {},
): Promise<Compared[]> {
  const scenarios = policies.map((policy) => checked(policy, scenario));
  const compared: Compared[] = [];
  for (const [index, policy] of policies.entries()) {
    onPolicy(policy.name);
    const app = appOf(policy);
    const report = await simulate({
      scenario: scenarios[index],
      ...(app && { apps: [app] }),
      searchesChannels: !policy.channel,
    });
    compared.push({ policy: policy.name, report });
  }
  return compared;
}

/** A policy's settings are checked as a scenario's are, before anything runs. */
function checked(policy: SimPolicy, scenario: Scenario): Scenario {
  const changed = under(policy, scenario);
  const [{ device }] = changed.terminals;
  const { start } = scenario;
  const result = parseScenario({ start, terminals: [{ device, config: policy.config }] });
  if ("problem" in result)
    throw new UsageError(`--compare: ${policy.name}: ${result.problem.replace("terminals[0].", "")}`);
  return changed;
}

const HEADER = ["terminal", "policy", "mAh/d", "low-high", "life", "up s", "sessions", "readings", "lost"];

/** All policies of a terminal below each other. */
export function printComparison(compared: readonly Compared[], stdout: Io["stdout"]): void {
  const [{ report }] = compared;
  const days = Math.round(report.days * 100) / 100;
  const cell = report.terminals[0].energy.cell;
  stdout.write(
    `${report.scenario}: ${days} d under ${compared.length} policies, charge in mAh a day, life of ${cell}\n\n`,
  );
  const rows = report.terminals.flatMap((_, index) =>
    compared.map(({ policy, report: { terminals } }) => rowOf(policy, terminals[index])),
  );
  stdout.write(table(HEADER, rows));
  const { breakEvenSeconds } = report.terminals[0].energy;
  if (breakEvenSeconds !== null)
    stdout.write(
      `\nSessions closer than T* = ${breakEvenSeconds.toFixed(1)} s are cheaper over a kept connection (${report.terminals[0].device}, ${compared[0].policy}).\n`,
    );
}

function rowOf(policy: string, { device, energy, readings, lost }: Report["terminals"][number]) {
  const { mAhPerDay, known, lifeDays, awakeSecondsPerDay, sessions, seconds } = energy;
  return [
    device,
    policy,
    mAhPerDay ? short(mAhPerDay.typical) : `>${short(known.typical)}`,
    mAhPerDay ? `${short(mAhPerDay.low)}-${short(mAhPerDay.high)}` : "-",
    lifeDays ? lifeOf(lifeDays.typical) : "-",
    awakeSecondsPerDay.toFixed(0),
    ((sessions * 86_400) / seconds).toFixed(0),
    readings,
    lost,
  ];
}
