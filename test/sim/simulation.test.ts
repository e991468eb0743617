import { readdirSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseRecording } from "../../hal-mocks/chips/p1-replay";
import type { DecodedRecord } from "../../tools/decode/records";
import { Broker } from "../../tools/sim/broker";
import { parseScenario, type Scenario, street } from "../../tools/sim/scenario";
import { type Report, type SimulationOptions, simulate } from "../../tools/sim/simulation";
import { concat, hasRecordedTelegrams, recordedStream, recordedTelegram } from "../support/dsmr";
import { hasMosquitto, Mosquitto } from "../support/mosquitto";

function scenarioOf(json: object): Scenario {
  const result = parseScenario(json);
  if ("problem" in result) throw new Error(result.problem);
  return result.scenario;
}

const month = scenarioOf(
  JSON.parse(readFileSync(new URL("../../scenarios/outage.json", import.meta.url), "utf8")),
);
const meters = { ...street, terminals: street.terminals.slice(0, 3) };
const outage = scenarioOf({
  ...meters,
  days: 1,
  events: [
    { at: "03:07", for: "155m", broker: "down" },
    { at: "09:00", for: "90m", device: "house-1", network: "down" },
    { at: "07:00", for: "9h", device: "house-2", wifi: "down" },
    { at: "12:00", for: "75m", device: "house-3", wifi: "down" },
    { at: "14:00", for: "5s", broker: "down" },
    { at: "17:00", for: "6h", broker: "down" },
  ],
});
/** Its houses whose readings carry a meter's clock. */
const sixHours = scenarioOf({ ...street, days: 0.25 });

async function run(options: SimulationOptions): Promise<{ report: Report; records: DecodedRecord[] }> {
  const records: DecodedRecord[] = [];
  const report = await simulate({ ...options, onRecord: (record) => records.push(record) });
  return { report, records };
}

/** Through sockets, to a broker that is not the simulation's own, which the scenario may stop all the same. */
async function runOverSockets(options: SimulationOptions): ReturnType<typeof run> {
  const broker = await Broker.open();
  try {
    const address = { host: "127.0.0.1", port: Number(new URL(broker.url).port) };
    return await run({ ...options, broker: address, brokerControl: broker });
  } finally {
    await broker.close();
  }
}

const ways = [
  ["over sockets", runOverSockets],
  ["without", run],
] as const;

function expectExact({ terminals, undecodable, ok }: Report): void {
  for (const terminal of terminals) {
    expect(terminal).toMatchObject({
      lost: 0,
      duplicates: 0,
      unexpected: 0,
      wrong: 0,
      waiting: 0,
      dropped: 0,
    });
    // A slot that comes while a start learns the time may have its reading before it.
    const points = terminal.points ?? [terminal];
    expect(terminal.expected + terminal.extra - terminal.readings).toBeLessThanOrEqual(points.length);
    for (const { import: imported, export: exported } of points) {
      expect(imported ?? exported).toBeDefined();
      expect(imported?.largestErrorWh ?? 0).toBeLessThan(1);
      expect(exported?.largestErrorWh ?? 0).toBeLessThan(1);
    }
  }
  expect(undecodable).toBe(0);
  expect(ok).toBe(true);
}

describe("the street", () => {
  it("arrives whole, once, and within 1 Wh of the world's registers", async () => {
    const { report, records } = await run({ scenario: sixHours });
    expectExact(report);
    const modes = ["sleeper", "sleeper", "resident", "resident", "resident"];
    expect(report.terminals.map(({ mode }) => mode)).toEqual(modes);
    const sensors = report.terminals.flatMap(({ points }) => points?.map(({ sensor }) => sensor) ?? []);
    expect(sensors).toEqual(["sunspec", "ina228", "sdm630", "bl0942"]);
    const [one, two, three] = report.terminals.map(({ good }) => good);
    // The moment at which a terminal learns the time may take a reading more.
    expect([one, two]).toEqual([360, 360]);
    expect([2160, 2161]).toContain(three);
    expect(records.length).toBeGreaterThanOrEqual(2880);
  });

  it("gives the same bytes for the same seed, over sockets and without, and others for another", async () => {
    const scenario = scenarioOf({ ...meters, days: 0.1 });
    const [first, again, other] = [
      await run({ scenario }),
      await runOverSockets({ scenario }),
      await run({ scenario: { ...scenario, seed: 2 } }),
    ];
    expect(again.report).toEqual({ ...first.report, broker: again.report.broker });
    const of = ({ records }: typeof first, device: string) =>
      records.filter((record) => record.device === device);
    for (const { device } of scenario.terminals) expect(of(again, device)).toEqual(of(first, device));
    expect(other.report.terminals[0].sha256).not.toBe(first.report.terminals[0].sha256);
  });
});

describe("terminals that send dense frames", () => {
  it("deliver the same readings in fewer bytes", async () => {
    const scenario = scenarioOf({ ...meters, days: 0.1 });
    const terminals = scenario.terminals.map((terminal) => ({
      ...terminal,
      config: { ...terminal.config, frame: "dense" as const },
    }));
    const plain = await run({ scenario });
    const dense = await run({ scenario: { ...scenario, terminals } });
    expectExact(dense.report);
    expect(dense.records).toEqual(plain.records);
    dense.report.terminals.forEach(({ payloadBytesPerReading }, index) => {
      expect(payloadBytesPerReading).toBeLessThan(0.7 * plain.report.terminals[index].payloadBytesPerReading);
    });
  });
});

describe("the slots", () => {
  it.each([2000, 11_000, 13_000, 90_000, 100_000])(
    "are multiples of the period in Unix time, whatever the start: %d ms",
    async (sampleMs) => {
      const modes = ["sleeper", "resident"];
      for (const start of ["2026-06-01T00:00:00Z", "2026-06-01T00:00:01Z", "2026-06-01T11:17:43.777+05:30"]) {
        const terminals = modes.map((mode) => ({ device: mode, config: { mode, sampleMs } }));
        const { report } = await run({
          scenario: scenarioOf({ start, days: 0.05, terminals }),
        });
        expectExact(report);
      }
    },
  );
});

describe("outages", () => {
  it("of the broker, a network and two radios lose nothing and show nothing twice", async () => {
    const { report } = await run({ scenario: outage });
    expectExact(report);
    for (const { failedSessions } of report.terminals) expect(failedSessions).toBeGreaterThan(5);
  });

  it.each(ways)("of the broker alone are felt by all: %s", async (_way, runSo) => {
    const events = [
      { at: "01:00", broker: "down" },
      { at: "03:00", broker: "up" },
    ];
    const { report } = await runSo({ scenario: scenarioOf({ ...street, days: 0.25, events }) });
    expectExact(report);
    for (const { failedSessions } of report.terminals) expect(failedSessions).toBeGreaterThan(1);
  });

  it("longer than the outbox are dropped and stated as a gap, never as good", async () => {
    const config = { mode: "resident", sampleMs: 2000, batch: 20 };
    const scenario = scenarioOf({
      ...street,
      days: 0.25,
      terminals: [{ device: "small", config }],
      events: [{ at: "01:00", for: "4h", broker: "down" }],
    });
    const { report } = await run({ scenario, outboxBytes: 32_768 });
    const [{ dropped, lost, expected, readings, extra, gaps, duplicates }] = report.terminals;
    expect(dropped).toBeGreaterThan(0);
    expect({ lost, duplicates }).toEqual({ lost: 0, duplicates: 0 });
    expect(gaps.readings).toBeGreaterThan(1000);
    expect(Math.abs(gaps.readings + readings - extra - expected)).toBeLessThan(3);
    expect(gaps.tooLong).toBe(gaps.count);
    expect(report.ok).toBe(false);
  });

  it("of one broker are passed over where there is a second", async () => {
    const events = [
      { at: "01:00", for: "2h", broker: "down" },
      { at: "04:00", for: "1h", broker2: "down" },
    ];
    const scenario = scenarioOf({ ...street, days: 0.25, brokers: 2, events });
    const { report } = await run({ scenario });
    expectExact(report);
    for (const { mode, failedSessions } of report.terminals)
      if (mode === "sleeper") expect(failedSessions).toBe(0);
  });
});

describe("two days of the month in scenarios/outage.json", () => {
  it("lose nothing that was stored, show nothing twice, and state each gap, of a batch at most", async () => {
    const { report } = await run({ scenario: month });
    for (const { lost, duplicates, unexpected, wrong, gaps, waiting, dropped } of report.terminals) {
      expect({ lost, duplicates, unexpected, wrong, waiting, dropped }).toEqual({
        ...{ lost: 0, duplicates: 0, unexpected: 0, wrong: 0, waiting: 0, dropped: 0 },
      });
      expect(gaps.tooLong).toBe(0);
      expect(gaps.count).toBeGreaterThan(0);
    }
    expect(report.ok).toBe(true);
  });
});

describe("time servers", () => {
  const lie = (time: object) => [{ at: "02:00", for: "3h", time }];

  it("of which one lies mislead nobody", async () => {
    const events = lie({ server: "0.pool.ntp.org", offset: 7200 });
    const { report } = await run({
      scenario: scenarioOf({ ...meters, days: 0.5, events }),
    });
    for (const { misdated } of report.terminals) expect(misdated).toBe(0);
    expectExact(report);
  });

  it("that all lie give wrong dates for as long, and lose nothing", async () => {
    const events = lie({ offset: -5400 });
    const { report } = await run({
      scenario: scenarioOf({ ...meters, days: 0.5, events }),
    });
    for (const { mode, misdated } of report.terminals)
      if (mode === "sleeper") expect(misdated).toBeGreaterThan(100);
    for (const { lost, duplicates, wrong } of report.terminals)
      expect({ lost, duplicates, wrong }).toEqual({ lost: 0, duplicates: 0, wrong: 0 });
    expect(report.ok).toBe(true);
  });
});

describe.skipIf(!hasRecordedTelegrams())("a recorded meter (../shared/data/dsmr)", () => {
  it("gives each of 566 telegrams as one reading, and counts the partial one", async () => {
    const recording = parseRecording(recordedStream());
    const { report, records } = await run({ scenario: sixHours, recording });
    expectExact({
      ...report,
      terminals: report.terminals.map((terminal) => ({ ...terminal, readings: terminal.good })),
    });
    expect(report).toMatchObject({ restoredLineEnds: true, damagedTelegrams: 0, endsInsideTelegram: false });
    expect(report.terminals[0]).toMatchObject({ good: 566, bad: { partial: 1 }, expected: 566 });
    const good = records.filter(({ quality }) => !quality);
    const texts = recording.telegrams.map(({ bytes }) => Buffer.from(bytes).toString("latin1"));
    expect(good).toMatchObject(texts.map(said));
  });
});

/** What a telegram of this meter says, by plain pattern matching. */
function said(telegram: string): Record<string, number | string> {
  const value = (obis: string) => Number(new RegExp(`^${obis}\\(([0-9.]+)`, "m").exec(telegram)![1]);
  const watts = (obis: string) => Math.round(value(obis) * 1000);
  const [, ...parts] = /0-0:1\.0\.0\((\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)W\)/.exec(telegram)!;
  const [year, month, day, hour, minute, second] = parts.map(Number);
  const clock = Date.UTC(2000 + year, month - 1, day, hour - 1, minute, second);
  const phases = [1, 2, 3].flatMap((phase) => [
    [`v_l${phase}`, value(`1-0:${20 * phase + 12}.7.0`)],
    [`i_l${phase}`, value(`1-0:${20 * phase + 11}.7.0`)],
    [`pi_l${phase}`, watts(`1-0:${20 * phase + 1}.7.0`)],
    [`pe_l${phase}`, watts(`1-0:${20 * phase + 2}.7.0`)],
  ]);
  return {
    clock: clock / 1000,
    ei_t1: watts("1-0:1.8.1"),
    ei_t2: watts("1-0:1.8.2"),
    ee_t1: watts("1-0:2.8.1"),
    ee_t2: watts("1-0:2.8.2"),
    tariff: value("0-0:96.14.0"),
    pi: watts("1-0:1.7.0"),
    pe: watts("1-0:2.7.0"),
    ...Object.fromEntries(phases),
  };
}

it.skipIf(!hasRecordedTelegrams())(
  "takes recorded telegrams of many meters and years, one after the other",
  async () => {
    const names = readdirSync(new URL("../../../shared/data/dsmr/telegrams/", import.meta.url));
    const recording = parseRecording(concat(...names.map(recordedTelegram)), 60, Date.UTC(2026, 0, 1));
    const { report } = await run({ scenario: sixHours, recording });
    expect(report.days).toBeLessThan(0.01);
    expect(report).toMatchObject({ ok: true, damagedTelegrams: 0, endsInsideTelegram: false });
    expect(report.terminals[0]).toMatchObject({ good: names.length, expected: names.length, bad: {} });
  },
);

it("ends in one line where a terminal has no room for all the sensors that it is to read", async () => {
  const sensors = Array.from({ length: 8 }, (_, index) => `sdm630 unit=${index + 1}`).join("; ");
  const scenario = scenarioOf({
    ...street,
    days: 0.05,
    terminals: [{ device: "full", config: { sensors } }],
  });
  await expect(simulate({ scenario })).rejects.toMatchObject({
    name: "Failure",
    message: "full: the app's plan: its 8 streams need more retained memory than there is",
  });
});

describe("a broker that somebody else uses, too", () => {
  let broker: Broker;
  // A simulation that ends early may leave messages behind.
  beforeEach(async () => {
    broker = await Broker.open();
  });
  afterEach(() => broker.close());
  const address = () => ({ host: "127.0.0.1", port: Number(new URL(broker.url).port) });

  it("ends in one line when another simulation runs there", async () => {
    const scenarios = [sixHours, { ...sixHours, seed: 2 }];
    const ends = await Promise.allSettled(
      scenarios.map((scenario) => simulate({ scenario, broker: address() })),
    );
    const reasons = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    expect(reasons.length).toBeGreaterThan(0);
    for (const { name, message } of reasons) {
      expect(name).toBe("Failure");
      expect(message).toMatch(
        /^the broker at 127.0.0.1:\d+ has frames of "(house|plug)-\d" that are not this simulation's/,
      );
    }
    for (const end of ends) if (end.status === "fulfilled") expect(end.value.ok).toBe(true);
  });

  it("does not mind frames of other terminals", async () => {
    const other = scenarioOf({ ...street, days: 0.05, terminals: [{ device: "house-6" }] });
    const scenarios = [scenarioOf({ ...street, days: 0.05 }), other];
    const reports = await Promise.all(scenarios.map((scenario) => simulate({ scenario, broker: address() })));
    for (const report of reports) expectExact(report);
  });
});

describe.skipIf(!hasMosquitto())("Mosquitto", () => {
  let mosquitto: Mosquitto;
  beforeAll(async () => {
    mosquitto = await Mosquitto.open();
  });
  afterAll(() => mosquitto.close());
  const broker = () => ({ host: "127.0.0.1", port: mosquitto.port });

  it("delivers the street whole, with the same bytes as the built-in broker", async () => {
    const scenario = scenarioOf({ ...street, days: 0.1 });
    const { report } = await run({ scenario, broker: broker() });
    expectExact(report);
    const { report: builtIn } = await run({ scenario });
    expect({ ...report, broker: "" }).toEqual({ ...builtIn, broker: "" });
  });

  it("killed and restarted while the street runs loses nothing", async () => {
    const { report } = await run({ scenario: outage, broker: broker(), brokerControl: mosquitto });
    expectExact(report);
    for (const { failedSessions } of report.terminals) expect(failedSessions).toBeGreaterThan(5);
  });

  it.skipIf(!hasRecordedTelegrams())("delivers a recorded meter whole", async () => {
    const { report } = await run({
      scenario: sixHours,
      recording: parseRecording(recordedStream()),
      broker: broker(),
    });
    expect(report.ok).toBe(true);
    expect(report.terminals[0].good).toBe(566);
  });
});
