import { truncateSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRecording } from "../../hal-mocks/chips/p1-replay";
import type { DecodedRecord } from "../../tools/decode/records";
import type { XsFiles } from "../../tools/sim/machine";
import { parseScenario, type Scenario, street } from "../../tools/sim/scenario";
import { type Report, type SimulationOptions, simulate } from "../../tools/sim/simulation";
import { hasRecordedTelegrams, recordedStream } from "../support/dsmr";
import {
  BUILD_TIMEOUT_MS,
  compileModule,
  describeImage,
  hasCompiler,
  Tree,
  terminalFiles,
} from "../support/target";

function scenarioOf(json: object): Scenario {
  const result = parseScenario(json);
  if ("problem" in result) throw new Error(result.problem);
  return result.scenario;
}

interface Outcome {
  report: Report;
  records: DecodedRecord[];
  lines: string[];
}

async function run(options: SimulationOptions): Promise<Outcome> {
  const records: DecodedRecord[] = [];
  const lines: string[] = [];
  const report = await simulate({
    ...options,
    onRecord: (record) => records.push(record),
    log: (line) => lines.push(line),
  });
  return { report, records, lines };
}

const sleeper = { device: "sleeper", config: { mode: "sleeper", batch: 7 }, house: { pvW: 4000 } };
const resident = {
  device: "resident",
  config: { mode: "resident", sampleMs: 10_000, sessionMs: 300_000, batch: 30 },
  house: { phases: 1 },
};

describe.runIf(hasCompiler())("a simulation on XS", () => {
  let xs: XsFiles;
  beforeAll(() => {
    xs = terminalFiles();
  }, BUILD_TIMEOUT_MS);

  /** Readings of terminals that speak at the same moment come in any order. */
  const ofDevice = ({ records }: Outcome, { device }: { device: string }) =>
    records.filter((record) => record.device === device);

  async function expectSame(options: SimulationOptions): Promise<Outcome> {
    const onNode = await run(options);
    const onXs = await run({ ...options, xs });
    expect(onXs.report).toEqual(onNode.report);
    for (const terminal of onNode.report.terminals)
      expect(ofDevice(onXs, terminal)).toEqual(ofDevice(onNode, terminal));
    return onXs;
  }

  it("gives the frames of Node, byte for byte", async () => {
    const { report } = await expectSame({
      scenario: scenarioOf({ ...street, days: 0.03 }),
    });
    expect(report.ok).toBe(true);
    for (const { delivered } of report.terminals) expect(delivered).toBeGreaterThan(1);
  });

  it("lives through outages as Node does, to the same backoff and the same bytes", async () => {
    const scenario = scenarioOf({
      start: "2026-06-01T00:00:00Z",
      days: 0.06,
      seed: 7,
      terminals: [sleeper, resident],
      events: [
        { at: "00:10", broker: "down" },
        { at: "00:31", broker: "up" },
        { at: "00:40", device: "sleeper", wifi: "down" },
        { at: "00:43", device: "resident", network: "down" },
        { at: "00:55", device: "resident", network: "up" },
        { at: "01:05", device: "sleeper", wifi: "up" },
      ],
    });
    const { report } = await expectSame({ scenario });
    expect(report.ok).toBe(true);
    for (const { failedSessions } of report.terminals) expect(failedSessions).toBeGreaterThan(0);
  });

  it("sends the dense frames of Node, byte for byte", async () => {
    const dense = ({ config, ...rest }: typeof sleeper | typeof resident) => ({
      ...rest,
      config: { ...config, frame: "dense" },
    });
    const terminals = [dense(sleeper), dense(resident)];
    const { report } = await expectSame({
      scenario: scenarioOf({ start: "2026-06-01T00:00:00Z", days: 0.03, terminals }),
    });
    expect(report.ok).toBe(true);
  });

  it("drops the same frames as Node when its outbox is full, and states them", async () => {
    const durable = { durable: "reading", backoffMs: 600_000 };
    const scenario = scenarioOf({
      start: "2026-06-01T00:00:00Z",
      days: 0.06,
      terminals: [
        { device: "sleeper", config: { ...durable, mode: "sleeper", sampleMs: 30_000 } },
        { device: "resident", config: { ...durable, mode: "resident", sampleMs: 20_000 } },
      ],
      events: [
        { at: "00:05", broker: "down" },
        { at: "01:00", broker: "up" },
      ],
    });
    const { report } = await expectSame({ scenario, outboxBytes: 16_384 });
    for (const { dropped, lost, waiting } of report.terminals) {
      expect(dropped).toBeGreaterThan(0);
      // What was dropped is stated.
      expect([lost, waiting]).toEqual([0, 0]);
    }
  });

  it.runIf(hasRecordedTelegrams())("reads a recorded meter as Node does", async () => {
    const recording = parseRecording(recordedStream().subarray(0, 40_000));
    await expectSame({ scenario: scenarioOf(street), recording });
  });

  describe("with an app as a second image", () => {
    const tree = new Tree({});
    afterAll(() => tree.remove());
    const scenario = scenarioOf({ start: "2026-06-01T00:00:00Z", days: 0.01, terminals: [sleeper] });
    const app = (source: string) => compileModule(tree, describeImage().compile, "app", source);
    const fallbacks: string[] = [];
    const onFallback = (device: string, why: string) => fallbacks.push(`${device}: ${why}`);
    const withApp = (source: string) => {
      fallbacks.length = 0;
      return run({ scenario, xs: { ...xs, app: app(source) }, onFallback });
    };
    const planOf = (plan: string) =>
      `streams: [{ point: 0, sensor: "p1", profile: 2, sampleMs: ${plan}, timeoutMs: 15000, batch: 5 }]`;

    it("runs that app, and not the one that the base brings", async () => {
      const { records, lines } = await withApp(
        `export default () => ({ plan: { ${planOf("30_000")}, sessionMs: 300_000 } });`,
      );
      const times = records.map(({ clock }) => Number(clock));
      expect(times.length).toBeGreaterThan(20);
      const steps = times.slice(1).map((time, index) => time - times[index]);
      // The moment at which it learns the time may take a reading more; it is known to a second.
      expect(steps.slice(2).every((step) => Math.abs(step - 30) <= 1)).toBe(true);
      expect(lines).toContain("sleeper: gridmote: the installed app is loaded");
      expect(fallbacks).toEqual([]);
    });

    it.each([
      [
        "throws as it loads",
        'throw new Error("made for another base");',
        "does not load \\(Error: made for another base\\)",
      ],
      [
        "throws when it is called",
        'export default () => { throw new RangeError("no"); };',
        "does not work here.*RangeError: no",
      ],
      ["has no default export", "export const app = 1;", "does not work here"],
    ])("runs the built-in app when the installed one %s", async (_what, source, line) => {
      const { report, lines } = await withApp(source);
      expect(report.ok).toBe(true);
      expect(lines.join("\n")).toMatch(new RegExp(line));
      // Once, although each boot has tried it.
      expect(fallbacks).toEqual([expect.stringMatching(new RegExp(`^sleeper: .*${line}`))]);
    });

    it("says which terminal has never come up when its app loads for ever", async () => {
      const stuck = run({
        scenario,
        xs: { ...xs, app: app("await new Promise(() => {}); export default 1;") },
      });
      await expect(stuck).rejects.toThrow("sleeper has never come up: does its app ever finish loading?");
    });

    it("says that an app is truncated, or something else", async () => {
      const truncated = app("export default 1;");
      truncateSync(truncated, 60);
      const start = (file: string) => run({ scenario, xs: { ...xs, app: file } });
      await expect(start(truncated)).rejects.toThrow(
        /^sleeper: engine: .* is truncated: \d+ of \d+ bytes are there$/,
      );
      const other = tree.write("other", "something else that is longer than a header");
      await expect(start(other)).rejects.toThrow(`sleeper: engine: ${other} is no archive of this engine`);
    });
  });
});
