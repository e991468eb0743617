import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { drivers } from "../../src/sensors/drivers";
import { parseScenario } from "../../tools/sim/scenario";
import { simulate } from "../../tools/sim/simulation";

const FILE = join(import.meta.dirname, "../../scenarios/sensors.json");
const every = JSON.parse(readFileSync(FILE, "utf8")) as { terminals: { config: { sensors: string } }[] };

function problemOf(sensors: string, mode = "resident"): string {
  const terminals = [{ device: "site", config: { mode, sensors } }];
  const result = parseScenario({ start: "2026-06-01T00:00:00+01:00", terminals });
  return "problem" in result ? result.problem : "";
}

describe("a scenario", () => {
  it("can have every driver, each with what its chip makes of the world", async () => {
    const named = every.terminals.flatMap(({ config }) => config.sensors.split("; "));
    expect(named.map((text) => text.split(" ")[0]).sort()).toEqual(Object.keys(drivers).sort());
    // At the end of the day, when the sun shines still, and the battery gives what is missing; `gridmote sim --scenario` runs
    // the whole of it.
    const parsed = parseScenario({ ...every, start: "2026-06-01T19:40:00+01:00", days: 0.05 });
    if ("problem" in parsed) throw new Error(parsed.problem);
    const report = await simulate({ scenario: parsed.scenario });
    for (const { device, good, wrong, lost, bad, firstWrong, points } of report.terminals) {
      expect({ device, wrong, lost, bad, firstWrong }).toEqual({ device, wrong: 0, lost: 0, bad: {} });
      expect(good, device).toBeGreaterThanOrEqual(70 * points!.length);
    }
    expect(report.ok).toBe(true);
  });

  it.each([
    ["ina226", "ina226 with shuntOhms=0.1, expected at most 0.0018: the battery here gives 45 A"],
    ["ina228", "ina228 with maximumAmperes=10, expected at least 45: the battery here gives 45 A"],
    ["ina228 maximumAmperes=50 shuntOhms=0.003276", ""],
    ["cse7766 shuntMilliohms=2", "cse7766 with shuntMilliohms, which its chip here has not: leave it out"],
    [
      "hlw8012 power=4 second=5 select=18 inverted=true",
      "hlw8012 with inverted, which its chip here has not",
    ],
    ["p1mbus channel=2", "p1mbus with channel=2, expected 1: a house here has one gas meter"],
    ["ade7953 phaseA=3", "ade7953 with phaseA, which its chip here has not"],
    ["sht3x probe=1", "sht3x with probe, which its chip here has not"],
    ["sunspec part=meter", "sunspec with part, which its chip here has not"],
    ["bl0942 reversed=true", "bl0942 with reversed, which its chip here has not"],
    ["sht3x sampleMs=1500", "has sampleMs=1500, expected a whole number of seconds"],
  ])("says where a sensor cannot measure its world: %s", (sensors, message) => {
    const problem = problemOf(sensors);
    if (!message) expect(problem).toBe("");
    else expect(problem).toContain(`terminals[0].config.sensors has ${message.replace(/^has /, "")}`);
  });

  it("says where settings are good each by itself, and not together", () => {
    expect(problemOf("ade7953", "sleeper")).toContain(
      'terminals[0].config.sensors is "ade7953": ade7953: sampleMs is 60000, expected at most 40544',
    );
    expect(problemOf("ade7953 maximumWatts=3680", "sleeper")).toBe("");
  });
});
