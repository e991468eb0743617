import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Compared, compare, policiesOf, printComparison } from "../../tools/sim/compare";
import { policyNames } from "../../tools/sim/policies";
import { parseScenario, type Scenario } from "../../tools/sim/scenario";

const directory = mkdtempSync(join(tmpdir(), "gridmote-compare-"));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const parsed = parseScenario({
  start: "2026-06-01T00:00:00Z",
  days: 0.04,
  terminals: [{ device: "sleeper", config: { mode: "sleeper" }, house: { phases: 1 } }],
});
if ("problem" in parsed) throw new Error(parsed.problem);
const scenario: Scenario = parsed.scenario;

describe("one scenario under several policies", () => {
  let compared: Compared[];
  const own = [
    { name: "own", config: { sampleMs: 120_000 } },
    { name: "moved", deltas: { pi: 1 }, minimumMs: 60_000, config: { sessionMs: 3_600_000 } },
  ];
  const energyOf = (name: string) =>
    compared.find(({ policy }) => policy === name)!.report.terminals[0].energy;
  const typical = (name: string) => energyOf(name).mAhPerDay!.typical;

  beforeAll(async () => {
    const names = ["as-is", "each", "static", "key", "searched", "tls"];
    const path = fileOf("own.json", JSON.stringify(own));
    compared = await compare(scenario, [...policiesOf(names.join()), ...policiesOf(path)]);
  }, 60_000);

  it("delivers everything under each of them", () => {
    expect(compared.map(({ policy, report }) => [policy, report.ok])).toEqual(
      ["as-is", "each", "static", "key", "searched", "tls", "own", "moved"].map((name) => [name, true]),
    );
  });

  it("draws more the more it sends, searches and encrypts, and less the more it knows", () => {
    for (const name of ["each", "searched", "tls"])
      expect(typical(name), name).toBeGreaterThan(typical("as-is"));
    expect(energyOf("static").groups.join).toBeLessThan(energyOf("as-is").groups.join);
    expect(energyOf("key").groups.join).toBeLessThan(energyOf("as-is").groups.join);
    expect(energyOf("key").rows.some(({ state }) => state === "derive key")).toBe(false);
    // The first session searches in any case.
    expect(energyOf("searched").groups.join).toBeGreaterThan(1.5 * energyOf("as-is").groups.join);
  });

  it("takes policies of one's own, and sends when a value has moved", () => {
    expect(energyOf("own").boots).toBeLessThan(0.6 * energyOf("as-is").boots);
    expect(energyOf("moved").sessions).toBeGreaterThan(4 * energyOf("as-is").sessions);
  });

  it("prints them below each other in 80 columns, and T*", () => {
    const stdout = new PassThrough();
    printComparison(compared, stdout);
    const text = String(stdout.read());
    for (const line of text.split("\n").slice(0, -2)) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).toMatch(/sleeper +each +\d/);
    expect(text).toMatch(/T\* = \d/);
  });
});

describe("--compare", () => {
  it("knows all policies by name", () => {
    expect(policiesOf("all").map(({ name }) => name)).toEqual(policyNames);
  });

  it.each([
    ["each,slow", /no policy and no file "slow", expected all, or some of as-is/],
    [fileOf("bad.json", "{"), /not JSON/],
    [fileOf("object.json", "{}"), /the file is {}, expected a list of policies/],
    [fileOf("empty.json", "[]"), /the file is \[\], expected at least one policy/],
    [fileOf("channel.json", '[{"name":"a","deltas":{"pii":5}}]'), /\[0\]\.deltas\.pii is no channel/],
    [
      fileOf("delta.json", '[{"name":"a","deltas":{"pi":-5}}]'),
      /\[0\]\.deltas\.pi is -5, expected a number from 0/,
    ],
    [
      fileOf("hardware.json", '[{"name":"a","energy":{"chp":"x"}}]'),
      /\[0\]\.energy\.chp is not known; expected chip/,
    ],
    [fileOf("twice.json", '[{"name":"a"},{"name":"a"}]'), /\[1\]\.name is "a", as \[0\] is already/],
    [fileOf("comma.json", '[\n{"name":"a",}]'), /not JSON: .*(line 2, column 13|line 2 column 13)/],
    [fileOf("nameless.json", '[{"config":{}}]'), /\[0\]\.name is missing, expected text/],
  ])("says what is wrong with %s", (value, message) => {
    expect(() => policiesOf(value)).toThrow(message);
  });

  it("refuses a setting that is wrong before anything runs", async () => {
    const path = fileOf("setting.json", '[{"name":"slow","config":{"sampleMs":1}}]');
    await expect(compare(scenario, policiesOf(path))).rejects.toThrow(/slow: config\.sampleMs is 1/);
  });
});
