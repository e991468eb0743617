import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BusEvent, eventLine, headLine, parseBusRecording } from "../../hal-mocks/chips/bus-recording";
import type { DecodedRecord } from "../../tools/decode/records";
import { parseScenario, type Scenario } from "../../tools/sim/scenario";
import { simulate } from "../../tools/sim/simulation";
import { gridmote } from "../tools/harness";

const START = "2026-06-01T12:00:00+02:00";

function scenarioOf(mode: string, sensors: string): Scenario {
  const terminals = [{ device: "site", config: { mode, sensors } }];
  const result = parseScenario({ start: START, days: 0.02, terminals });
  if ("problem" in result) throw new Error(result.problem);
  return result.scenario;
}

async function record(scenario: Scenario): Promise<{ records: DecodedRecord[]; text: string }> {
  const records: DecodedRecord[] = [];
  const lines: string[] = [];
  const report = await simulate({
    scenario,
    onRecord: (one) => records.push(one),
    onBus: (_device, _port, line) => lines.push(line),
  });
  expect(report.ok).toBe(true);
  return { records, text: lines.join("\n") };
}

/** What was measured, without what says when and by whom. */
const measured = (records: readonly DecodedRecord[]) =>
  records.map(({ device: _, boot: __, seq: ___, time: ____, errorMs: _____, ...rest }) => rest);

describe("a recorded bus", () => {
  it.each([
    ["sleeper", "sdm630 unit=3"],
    ["resident", "sdm630 unit=3; sunspec unit=4"],
    ["resident", "bl0942 profile=t,v,i@-3,p,f"],
    // What counts from 0 begins elsewhere in a replay.
    ["sleeper", "sml"],
    ["sleeper", "cse7766 profile=t,v,i@-3,p"],
    ["sleeper", "pzem004t; pzem017 unit=2; sdm120 unit=3; sdm230 unit=4"],
    ["sleeper", "p1; p1mbus"],
  ])("gives a %s with %s the same readings again", async (mode, sensors) => {
    const { records, text } = await record(scenarioOf(mode, sensors));
    expect(records.length).toBeGreaterThan(25);
    const again: DecodedRecord[] = [];
    const replay = parseBusRecording(text);
    const report = await simulate({
      scenario: scenarioOf(mode, sensors),
      replay,
      onRecord: (one) => again.push(one),
    });
    expect(report).toMatchObject({ ok: true, scenario: "recording", undecodable: 0 });
    expect(report.terminals[0]).toMatchObject({ lost: 0, duplicates: 0, bad: {} });
    // The recording ends with its last byte; readings that come while the last ones are sent may be one more or less.
    for (const point of new Set(records.map((one) => one.point))) {
      const [before, after] = [records, again].map((list) =>
        measured(list.filter((one) => one.point === point)),
      );
      expect(after.length).toBeGreaterThan(before.length - 4);
      expect(after.slice(0, 25)).toEqual(before.slice(0, 25));
    }
  });

  it.each([
    ["resident", 2000, 0.002, 150],
    // Nobody has listened between two readings, and twelve seconds of silence divide them evenly.
    ["sleeper", 60_000, 0.02, 25],
  ])(
    "of a P1 meter is judged telegram by telegram, as a %s has it each %i ms",
    async (mode, sampleMs, days, least) => {
      const folder = mkdtempSync(join(tmpdir(), "gridmote-record-"));
      try {
        const scenario = join(folder, "scenario.json");
        const terminals = [{ device: "site", config: { mode, sampleMs } }];
        writeFileSync(scenario, JSON.stringify({ start: START, days, terminals }));
        const first = await gridmote([
          "sim",
          "--scenario",
          scenario,
          "--record",
          join(folder, "bus"),
          "--json",
        ]);
        expect(first.code, first.stderr).toBe(0);
        expect(readdirSync(join(folder, "bus"))).toEqual(["site-1.bus"]);
        const second = await gridmote(["sim", "--replay", join(folder, "bus", "site-1.bus"), "--json"]);
        expect(second.code, second.stderr).toBe(0);
        const { terminals: replayed } = JSON.parse(second.stdout);
        expect(replayed[0].good).toBeGreaterThan(least);
        expect(replayed[0]).toMatchObject({ wrong: 0, lost: 0, bad: {} });
        const wrong = join(folder, "wrong.bus");
        const [head] = readFileSync(join(folder, "bus", "site-1.bus"), "utf8").split("\n");
        writeFileSync(wrong, `${head}\n5 < 0g\n`);
        const third = await gridmote(["sim", "--replay", wrong]);
        expect(third.code).toBe(2);
        expect(third.stderr).toContain(
          "wrong.bus: line 2: expected milliseconds that do not go back, < or >, and bytes",
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  it("is read as it was written, and anything else is refused", () => {
    const event = fc.record({
      at: fc.nat(1000),
      isAsked: fc.boolean(),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    });
    const head = { start: Date.parse(START), sensors: "sml", mode: "resident", sampleMs: 1000 } as const;
    fc.assert(
      fc.property(fc.array(event), (list) => {
        let at = 0;
        const events: BusEvent[] = list.map((one) => {
          at += one.at;
          return { ...one, at };
        });
        const text = [headLine(head), ...events.map(eventLine)].join("\n");
        expect(parseBusRecording(text)).toEqual({ ...head, events });
      }),
    );
    for (const text of [
      "",
      "{}",
      '{"start":"x"}',
      `${headLine(head)}\n2 < 00\n1 < 00`,
      `${headLine(head)}\n1 = 00`,
    ])
      expect(() => parseBusRecording(text)).toThrow(/^line \d: expected/);
  });
});
