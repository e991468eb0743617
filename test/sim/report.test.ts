import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { printReport } from "../../tools/sim/report";
import { parseScenario, street } from "../../tools/sim/scenario";
import { type Report, simulate } from "../../tools/sim/simulation";
import type { TerminalReport } from "../../tools/sim/site";

function printed(report: Report): string[] {
  const stdout = new PassThrough();
  printReport(report, 1000, stdout);
  return String(stdout.read()).split("\n");
}

it("says in a line of its own what is wrong at a terminal, and first where", async () => {
  const parsed = parseScenario({ ...street, days: 0.01 });
  if ("problem" in parsed) throw new Error(parsed.problem);
  const report = await simulate({ scenario: parsed.scenario });
  const [first, ...others] = report.terminals;
  const spoilt = (changes: Partial<TerminalReport>) =>
    printed({ ...report, ok: false, terminals: [{ ...first, ...changes }, ...others] });
  const time = "2026-06-01T00:00:00Z";
  const difference = { time, channel: "pi", decoded: 817, world: 317 };
  expect(spoilt({ wrong: 12, firstWrong: difference })).toContain(
    `house-1: 12 readings are wrong; in the first, of ${time}, pi is 817 and the meter had 317.`,
  );
  expect(spoilt({ wrong: 1, firstWrong: { ...difference, decoded: null } })).toContain(
    `house-1: 1 reading is wrong; in the first, of ${time}, pi is missing and the meter had 317.`,
  );
  expect(spoilt({ unexpected: 2 })).toContain(
    "house-1: 2 readings are undated, or of what nobody was to measure.",
  );
  expect(spoilt({ good: 0 })).toContain("house-1: there is no good reading.");
  expect(printed(report).filter((line) => line.startsWith("house-1: "))).toEqual([]);
});
