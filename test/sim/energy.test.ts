import { PassThrough } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import type { AnySegment } from "../../hal-mocks/energy/account";
import { chargeOf } from "../../hal-mocks/energy/charges";
import { energySettings } from "../../tools/sim/energy-settings";
import { drawTimeline, type Stretch } from "../../tools/sim/energy-svg";
import { printReport } from "../../tools/sim/report";
import { parseScenario, type Scenario } from "../../tools/sim/scenario";
import { type Report, simulate } from "../../tools/sim/simulation";

function scenarioOf(json: object): Scenario {
  const result = parseScenario({ start: "2026-06-01T00:00:00Z", days: 0.1, ...json });
  if ("problem" in result) throw new Error(result.problem);
  return result.scenario;
}

const sleeper = { device: "sleeper", config: { mode: "sleeper" } };
const resident = {
  device: "resident",
  config: { mode: "resident", sampleMs: 10_000, sessionMs: 300_000, batch: 30 },
};

interface Run {
  report: Report;
  segments: AnySegment[];
}

async function run(json: object): Promise<Run> {
  const segments: AnySegment[] = [];
  const onSegment = (_device: string, segment: AnySegment) => segments.push(segment);
  return {
    report: await simulate({ scenario: scenarioOf(json), onSegment }),
    segments,
  };
}

const energyOf = ({ report }: Run, index = 0) => report.terminals[index].energy;
const stateOf = (ran: Run, state: string) => energyOf(ran).rows.find((row) => row.state === state);

describe("the charge of a simulated terminal", () => {
  let plain: Run;
  beforeAll(async () => {
    plain = await run({ terminals: [sleeper] });
  }, 60_000);

  it("is what its timeline adds up to", () => {
    const { mAhPerDay, seconds } = energyOf(plain);
    const settings = energySettings();
    const mC = plain.segments.reduce((sum, segment) => sum + chargeOf(segment, settings)!.typical, 0);
    expect((mC / 3600) * (86_400 / seconds)).toBeCloseTo(mAhPerDay!.typical, 3);
  });

  it("follows what the firmware did: a boot a reading and a session, one join a session", () => {
    const { boots, sessions, rows } = energyOf(plain);
    const [{ taken }] = plain.report.terminals;
    // A session that is due has nothing to send once: the reading before the time was known has gone with the first.
    expect(boots - taken - sessions).toBeGreaterThanOrEqual(0);
    expect(boots - taken - sessions).toBeLessThanOrEqual(1);
    const times = (state: string) => rows.find((row) => row.state === state)?.times;
    expect(times("join")).toBe(sessions);
    expect(times("radio start")).toBe(sessions);
    expect(times("connect")).toBe(sessions);
    expect(rows.some(({ state }) => state === "tls" || state === "associated")).toBe(false);
  });

  it("has an address that is asked for only where none is set, and a handshake only with TLS", async () => {
    const config = { address: "192.0.2.17", mask: "255.255.255.0", gateway: "192.0.2.1" };
    const fixed = await run({
      energy: { tls: "full" },
      terminals: [{ ...sleeper, config: { ...sleeper.config, ...config } }],
    });
    expect(stateOf(plain, "address")!.times).toBe(energyOf(plain).sessions);
    expect(stateOf(fixed, "address")).toBeUndefined();
    const tls = stateOf(fixed, "tls")!;
    expect(tls.seconds / tls.times).toBeCloseTo(1.45, 1);
  });

  it("finds nothing to send in an hour without Wi-Fi, and charges the search for it", async () => {
    const dark = await run({
      terminals: [sleeper],
      events: [{ at: "00:20", for: "1h", device: "sleeper", wifi: "down" }],
    });
    expect(stateOf(dark, "join")!.seconds).toBeGreaterThan(stateOf(plain, "join")!.seconds);
    expect(dark.report.ok).toBe(true);
  });

  it("survives resets, each with a boot of its own", async () => {
    const reset = await run({
      terminals: [sleeper],
      events: [{ at: "00:30:20", every: "20m", device: "sleeper", reset: "keep" }],
    });
    expect(energyOf(reset).boots).toBeGreaterThan(energyOf(plain).boots);
    expect(reset.report.ok).toBe(true);
  });

  it("has no sum where a figure is missing, and prints why", async () => {
    const report = (await run({ days: 0.02, energy: { chip: "esp32c6" }, terminals: [resident] })).report;
    const { mAhPerDay, lifeDays, missing, known } = report.terminals[0].energy;
    expect([mAhPerDay, lifeDays]).toEqual([null, null]);
    expect(missing).toContain("the current of an associated esp32c6");
    expect(known.typical).toBeGreaterThan(0);
    const stdout = new PassThrough();
    printReport(report, 1000, stdout, true);
    const text = String(stdout.read());
    expect(text).toContain("resident: no published figure of the current of an associated esp32c6");
    expect(text).toContain("Stay associated or reconnect: no published figure");
  });

  it("is printed within 80 columns, with its sources when asked for", async () => {
    const report = { ...plain.report, terminals: [plain.report.terminals[0]] };
    const printed = (hasLedgers: boolean) => {
      const stdout = new PassThrough();
      printReport(report, 1000, stdout, hasLedgers);
      return String(stdout.read()).split("\n");
    };
    const lines = printed(false);
    const caption = lines.findIndex((line) => line.startsWith("Charge "));
    expect(caption).toBeGreaterThan(0);
    for (const line of lines.slice(caption)) expect(line.length).toBeLessThanOrEqual(80);
    expect(printed(false).join("\n")).not.toContain("ESP32 Series Datasheet");
    const ledger = printed(true).join("\n");
    expect(ledger).toContain("esp32: ESP32 Series Datasheet v5.2");
    expect(ledger).toMatch(/boot +\d+ +\d+(\.\d+)? +31\.4/);
  });

  it("takes a board of its own, a cell of its own, and refuses what it does not know", async () => {
    const cell = { name: "bank", capacityMah: 10_000, usable: 0.8, cutOffV: 3.4, selfDischarge: 0.02 };
    const own = await run({
      days: 0.02,
      energy: { board: { led: 2 }, cell },
      terminals: [sleeper],
    });
    expect(energyOf(own).cell).toBe("bank");
    const led = energyOf(own).rows.find(({ consumer }) => consumer === "board")!;
    expect(led.mAhPerDay!.typical).toBeCloseTo(48, 0);
    const problem = (energy: object) => {
      const result = parseScenario({ start: "2026-06-01T00:00:00Z", terminals: [sleeper], energy });
      return "problem" in result ? result.problem : undefined;
    };
    expect(problem({ chip: "esp8266" })).toContain('energy.chip is "esp8266", expected one of "esp32"');
    expect(problem({ board: { led: -1 } })).toContain("energy.board");
    expect(problem({ dtim: 2 })).toContain("energy.dtim is 2, expected 1, 3 or 10");
    expect(problem({ cell: "AA" })).toContain('energy.cell is "AA"');
  });
});

describe("the picture of a day", () => {
  const day = (stretches: Stretch[]) => ({ begin: 0, end: 86_400_000_000, stretches });

  it("is a picture with its scales, and the wake in the middle with its parts", async () => {
    const { report } = await run({ days: 0.02, terminals: [sleeper] });
    const s = 1_000_000;
    const wake = (at: number): Stretch[] => [
      { state: "boot", from: at, to: at + 70_000, mA: 31.4 },
      { state: "join", from: at + 70_000, to: at + 734_000, mA: 132 },
      { state: "transmit", from: at + 734_000, to: at + 736_000, mA: 382 },
      { state: "deep sleep", from: at + 736_000, to: at + 900 * s, mA: 0.01 },
    ];
    const text = drawTimeline(
      "a<b",
      day(Array.from({ length: 96 }, (_, index) => wake(index * 900 * s)).flat()),
      report.terminals[0].energy,
    );
    expect(text).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>\n$/);
    expect(text).toContain("a&lt;b: ESP32");
    for (const label of [">join<", ">664.0<", ">together<", ">736.0<", ">12:00<"])
      expect(text).toContain(label);
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("can be drawn of nothing", async () => {
    const { report } = await run({ days: 0.02, terminals: [sleeper] });
    expect(drawTimeline("x", day([]), report.terminals[0].energy)).not.toMatch(/NaN|Infinity|undefined/);
  });
});
