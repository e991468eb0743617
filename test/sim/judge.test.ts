import { beforeAll, describe, expect, it } from "vitest";
import { parseRecording } from "../../hal-mocks/chips/p1-replay";
import type { DecodedRecord } from "../../tools/decode/records";
import { slots, telegrams } from "../../tools/sim/expectations";
import { householdsOf } from "../../tools/sim/household";
import { type Expectation, Judge, type Verdict } from "../../tools/sim/judge";
import { parseScenario, type Scenario, street } from "../../tools/sim/scenario";
import { simulate } from "../../tools/sim/simulation";
import { concat, telegram, textOf } from "../support/dsmr";

function scenarioOf(json: object): Scenario {
  const result = parseScenario(json);
  if ("problem" in result) throw new Error(result.problem);
  return result.scenario;
}

const DAYS = 0.1;
const scenario = scenarioOf({ ...street, days: DAYS });
/** What a whole street's subscriber has decoded, by device: each plant below spoils a copy of it. */
const decoded = new Map<string, DecodedRecord[]>();

beforeAll(async () => {
  const onRecord = (record: DecodedRecord) => {
    decoded.set(record.device, [...(decoded.get(record.device) ?? []), record]);
  };
  await simulate({ scenario, onRecord });
});

function judge(expectation: Expectation, records: readonly DecodedRecord[]): Verdict {
  const judge = new Judge(expectation);
  for (const record of records) judge.accept(record);
  return judge.verdict();
}

type Plant = (records: DecodedRecord[]) => DecodedRecord[];

/** The verdicts on the street after a plant. */
function verdictsOn(plant: Plant): Verdict[] {
  return householdsOf(scenario).map((household) =>
    judge(slots(household), plant(structuredClone(decoded.get(household.device)!))),
  );
}

const each =
  (change: (record: DecodedRecord) => Record<string, unknown>): Plant =>
  (records) =>
    records.map((record) => ({ ...record, ...change(record) }) as DecodedRecord);

/** Spoils one reading alone. */
const nth =
  (index: number, change: (record: DecodedRecord) => Record<string, unknown>): Plant =>
  (records) =>
    records.map((record, place) =>
      place === index ? ({ ...record, ...change(record) } as DecodedRecord) : record,
    );
const one = (change: (record: DecodedRecord) => Record<string, unknown>) => nth(7, change);

function later(time: string | null, ms: number): string {
  return new Date(Date.parse(time!) + ms).toISOString().replace(".000Z", "Z");
}

/** World values as a meter shows them: registers cut off, the rest rounded. */
function roundedAs(record: DecodedRecord, values: Record<string, number>): Record<string, number> {
  const shown = Object.entries(values).map(([name, value]) => {
    if (name.startsWith("e")) return [name, Math.floor(value)];
    return [name, name.startsWith("v") ? Math.round(value * 10) / 10 : Math.round(value)];
  });
  return Object.fromEntries(shown.filter(([name]) => name in record));
}

const add = (channel: string, difference: number) =>
  one((record) => ({ [channel]: Number(record[channel]) + difference }));
const without = (channel: string) => one(() => ({ [channel]: undefined }));
const DAY_MS = 86_400_000;

describe("the judge of a street", () => {
  it("finds nothing wrong with what is right", () => {
    for (const verdict of verdictsOn((records) => records)) {
      const { expected } = verdict;
      expect(verdict).toMatchObject({ good: expected, lost: 0, duplicates: 0, unexpected: 0, wrong: 0 });
      expect(verdict).toMatchObject({ bad: {}, ok: true });
      expect(verdict.import!.largestErrorWh).toBeLessThan(1);
    }
  });

  it.each<[string, Plant, string]>([
    ...["ei_t1", "ei_t2", "ee_t1", "ee_t2"].flatMap((channel): [string, Plant, string][] => [
      [`${channel} a Wh too high`, add(channel, 1), channel],
      [`${channel} a Wh too low`, add(channel, -1), channel],
      [`${channel} missing`, without(channel), channel],
    ]),
    ...["pi", "pe", "pi_l1", "pe_l1", "i_l1", "tariff"].flatMap((channel): [string, Plant, string][] => [
      [`${channel} off by one`, add(channel, 1), channel],
      [`${channel} missing`, without(channel), channel],
    ]),
    ["v_l1 off by 0.1", add("v_l1", 0.1), "v_l1"],
    ["v_l1 missing", without("v_l1"), "v_l1"],
    ["the clock missing", without("clock"), "clock"],
    ["the clock 4 s late", nth(100, ({ clock }) => ({ clock: Number(clock) + 4 })), "time"],
    ["the clock a year late", add("clock", 31_536_000), "clock"],
    ["the clock where no calendar is", add("clock", 1e15), "clock"],
    ["the time 20 s late", one(({ time }) => ({ time: later(time, 20_000) })), "time"],
    ["the time 5 s late, of all", each(({ time }) => ({ time: later(time, 5000) })), "time"],
    ["a channel that no meter sends", one(() => ({ ei: 5 })), "ei"],
    ["pi 500 W too high, of all", each(({ pi }) => ({ pi: Number(pi) + 500 })), "pi"],
    ["tariffs swapped, of all", each(({ tariff }) => ({ tariff: 3 - Number(tariff) })), "tariff"],
  ])("names the first wrong channel: %s", (_, plant, channel) => {
    for (const verdict of verdictsOn(plant)) {
      expect(verdict).toMatchObject({ ok: false, lost: 0, firstWrong: { channel } });
      expect(verdict.wrong).toBeGreaterThan(0);
    }
  });

  it.each<[string, Plant]>([
    ["one is the values of the one before", (all) => nth(7, ({ time }) => ({ ...all[6], time }))(all)],
    [
      "one in ten is the values of the one before",
      (all) => all.map((record, i) => (i % 10 === 9 ? { ...all[i - 1], time: record.time } : record)),
    ],
  ])("takes stale values for a telegram that is shown twice: %s", (_, plant) => {
    for (const { ok, duplicates, lost } of verdictsOn(plant)) {
      expect(ok).toBe(false);
      expect(duplicates).toBeGreaterThan(0);
      expect(lost).toBe(duplicates);
    }
  });

  it("takes as much of a time as the frame says that it may be off, and no more", () => {
    const off = (ms: number) => one(({ time }) => ({ time: later(time, ms), errorMs: 20_000 }));
    for (const verdict of verdictsOn(off(15_000))) expect(verdict).toMatchObject({ ok: true, wrong: 0 });
    for (const verdict of verdictsOn(off(25_000))) expect(verdict).toMatchObject({ ok: false, wrong: 1 });
  });

  it.each<[string, Plant, Partial<Verdict>]>([
    ["one is missing", (all) => all.slice(1), { lost: 1 }],
    ["one is there twice", (all) => [...all, { ...all[4], seq: 999 }], { duplicates: 1 }],
    ["one is there again, undated", (all) => [...all, { ...all[4], time: null }], { duplicates: 1 }],
    ["one is undated", one(() => ({ time: null })), { undated: 1, unexpected: 1, lost: 0 }],
    [
      "one is there again, a day before",
      (all) => [...all, { ...all[4], time: later(all[4].time, -DAY_MS) }],
      { duplicates: 1 },
    ],
    [
      "one is there again, a day later",
      (all) => [...all, { ...all[4], time: later(all[4].time, DAY_MS) }],
      { duplicates: 1 },
    ],
    [
      "one is there again, just behind the end",
      (all) => [...all, { ...all[4], time: later(street.start, (DAYS + 0.01) * DAY_MS) }],
      { duplicates: 1 },
    ],
    ["one is of another point", one(() => ({ point: 1 })), { unexpected: 1, lost: 1 }],
    ["one is bad", one(() => ({ quality: "checksum" })), { bad: { checksum: 1 }, lost: 0 }],
  ])("counts it where %s", (_, plant, expected) => {
    for (const verdict of verdictsOn(plant)) expect(verdict).toMatchObject({ ...expected, ok: false });
  });

  it("wants at least one good reading", () => {
    const all = each(() => ({ quality: "silent" }));
    for (const plant of [() => [], all])
      for (const verdict of verdictsOn(plant)) expect(verdict).toMatchObject({ good: 0, ok: false });
  });

  it("lets what was measured after the end be, but once and right", () => {
    const shorter = householdsOf({ ...scenario, days: 0.05 });
    const all = decoded.get("house-1")!;
    expect(judge(slots(shorter[0]), all)).toMatchObject({ ok: true, good: 72, expected: 72, readings: 72 });
    const twice = [...all, { ...all[all.length - 1], seq: 999 }];
    expect(judge(slots(shorter[0]), twice)).toMatchObject({ ok: false, duplicates: 1 });
  });

  describe("where the terminal says that readings are missing", () => {
    const BATCH_S = 60 * 60;
    const seconds = ({ clock }: DecodedRecord) => Number(clock);
    /** The verdict on the first house when it has lost its memory behind its first 20 readings. */
    const afterLoss = (
      missing: number,
      end: (before: DecodedRecord) => number | null,
      plant: Plant = (all) => all,
    ) => {
      const all = structuredClone(decoded.get("house-1")!);
      const before = all[19];
      const rest = all.slice(20 + missing).map((record) => ({ ...record, boot: before.boot + 1 }));
      const judge = new Judge(slots(householdsOf(scenario)[0]));
      for (const record of all.slice(0, 20)) judge.accept(record);
      const ends = [{ point: 0, end: end(before) }];
      const event = { kind: "new epoch", boot: before.boot + 1, before, ends } as const;
      judge.hear(event);
      judge.hear(structuredClone(event));
      for (const record of plant(rest)) judge.accept(record);
      return judge.verdict();
    };

    it.each<[string, (before: DecodedRecord) => number | null]>([
      ["by its end", seconds],
      ["without an end, behind what has come", () => null],
    ])("misses nothing there: %s", (_, end) => {
      const gaps = { count: 1, longestS: 16 * 60, readings: 15, tooLong: 0 };
      expect(afterLoss(15, end)).toMatchObject({ ok: true, lost: 0, gaps });
    });

    it("finds what is lost outside", () => {
      const verdict = afterLoss(15, seconds, (rest) => rest.filter((_, index) => index !== 3));
      expect(verdict).toMatchObject({ ok: false, lost: 1, gaps: { readings: 15 } });
      const late = afterLoss(15, (before) => seconds(before) + 5 * 60);
      expect(late).toMatchObject({ ok: false, lost: 4, gaps: { readings: 11 } });
    });

    it("finds a gap that is longer than a batch", () => {
      const gaps = { count: 1, tooLong: 1 };
      expect(afterLoss(70, seconds)).toMatchObject({ ok: false, lost: 0, gaps });
      expect(afterLoss(5, (before) => seconds(before) - BATCH_S)).toMatchObject({ ok: false, gaps });
    });

    it("lets what was read before the time was known be undated", () => {
      const all = structuredClone(decoded.get("house-1")!);
      const judge = new Judge(slots(householdsOf(scenario)[0]));
      for (const [index, record] of all.entries())
        judge.accept(index < 5 ? { ...record, boot: 1, time: null } : record);
      expect(judge.verdict()).toMatchObject({ ok: true, undated: 5, unexpected: 0, lost: 0 });
    });
  });

  it("lets dates be wrong while all servers lie, and no longer", () => {
    const [household] = householdsOf(scenario);
    const all = structuredClone(decoded.get("house-1")!);
    const lied = each(({ time }) => ({ time: later(time, 3_600_000) }))(all);
    const { start, end } = household;
    const lies = { ...household, lies: [{ from: start, to: end }] };
    expect(judge(slots(lies), lied)).toMatchObject({ ok: true, misdated: all.length, wrong: 0, lost: 0 });
    const behind = { ...household, lies: [{ from: end + 7_200_000, to: end + 7_300_000 }] };
    expect(judge(slots(behind), lied)).toMatchObject({
      ok: false,
      misdated: 0,
      firstWrong: { channel: "time" },
    });
  });

  it("lets a restart read a slot again, and nothing else", () => {
    const [household] = householdsOf(scenario);
    const all = structuredClone(decoded.get("house-1")!);
    const world = slots(household).look();
    /** What the meter has said 5 s behind a slot. */
    const again = all.slice(10, 14).map((record) => {
      const moved = { ...record, clock: Number(record.clock) + 5, time: later(record.time, 5000) };
      return { ...moved, ...roundedAs(record, world(moved).values()) };
    });
    const verdict = (restarts: number) => {
      const judge = new Judge(slots(household));
      for (let count = 0; count < restarts; count++) judge.restarted();
      for (const record of [...all, ...again]) judge.accept(record);
      return judge.verdict();
    };
    expect(verdict(1)).toMatchObject({ ok: true, extra: 4, unexpected: 0, duplicates: 0, wrong: 0 });
    expect(verdict(0)).toMatchObject({ ok: false, extra: 4, unexpected: 2 });
  });

  it("calls a register that is missing as wrong as can be", () => {
    const [{ import: imported }] = verdictsOn(without("ei_t1"));
    expect(imported!.largestErrorWh).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the judge of a recording", () => {
  const START = Date.parse("2026-01-15T12:00:00Z");
  const lines = (second: number, watts: string) => [
    ...["1-3:0.2.8(50)", `0-0:1.0.0(2601151300${String(second).padStart(2, "0")}W)`],
    ...["1-0:1.8.1(000012.345*kWh)", `1-0:1.7.0(${watts}*kW)`, "1-0:32.7.0(230.1*V)"],
    ...["1-0:31.7.0(1.28*A)", "1-0:14.7.0(50.00*Hz)"],
  ];
  const whole = [1, 2, 3, 4].map((second) => telegram(lines(second, `00.10${second}`)));
  const clockless = telegram(["1-0:1.8.1(000012.345*kWh)"]);

  function expectation(...parts: Uint8Array[]) {
    return telegrams(parseRecording(concat(...parts), 60, START), 115_200, 60);
  }

  /** What a subscriber has of the four whole telegrams. */
  const right = [1, 2, 3, 4].map(
    (second): DecodedRecord => ({
      ...{ device: "p1", point: 0, boot: 1, seq: 0, time: later("2026-01-15T12:00:00Z", second * 1000) },
      ...{ clock: START / 1000 + second, ei_t1: 12_345, pi: 100 + second, v_l1: 230.1, i_l1: 1.28 },
    }),
  );

  it("finds nothing wrong with what is right", () => {
    expect(judge(expectation(...whole), right)).toMatchObject({ ok: true, good: 4, expected: 4, lost: 0 });
  });

  it.each<[string, Plant, string]>([
    ["a watt too many", nth(2, () => ({ pi: 104 })), "pi"],
    ["a tenth of a volt too many", nth(2, () => ({ v_l1: 230.2 })), "v_l1"],
    ["a hundredth of an ampere too many", nth(2, () => ({ i_l1: 1.29 })), "i_l1"],
    ["a register missing", nth(2, () => ({ ei_t1: undefined })), "ei_t1"],
    ["a channel that it does not send", nth(2, () => ({ pe: 0 })), "pe"],
    ["a time that is not the telegram's", nth(2, ({ time }) => ({ time: later(time, 2000) })), "time"],
  ])("names the first wrong channel: %s", (_, plant, channel) => {
    const verdict = judge(expectation(...whole), plant([...right]));
    expect(verdict).toMatchObject({ ok: false, wrong: 1, lost: 0, firstWrong: { channel } });
  });

  it.each<[string, Plant, Partial<Verdict>]>([
    ["one is missing", (all) => all.slice(1), { lost: 1 }],
    ["one is there twice", (all) => [...all, { ...all[1], seq: 9 }], { duplicates: 1 }],
    ["one is there again, undated", (all) => [...all, { ...all[1], time: null }], { unexpected: 1 }],
    ["a clock is not one of its", nth(1, () => ({ clock: 5 })), { unexpected: 1, lost: 1 }],
  ])("counts it where %s", (_, plant, expected) => {
    expect(judge(expectation(...whole), plant([...right]))).toMatchObject({ ...expected, ok: false });
  });

  it("allows bad readings, which a meter's line may give, but not that all are", () => {
    const partial = { device: "p1", point: 0, boot: 1, seq: 0, time: right[0].time, quality: "partial" };
    const verdict = judge(expectation(...whole), [partial, ...right]);
    expect(verdict).toMatchObject({ ok: true, readings: 5, good: 4, bad: { partial: 1 } });
    expect(judge(expectation(...whole), [partial]).ok).toBe(false);
  });

  it("tells telegrams of one second, and those without a clock, apart by their order and time", () => {
    const same = [right[0], { ...right[0], pi: 999 }];
    const second = telegram(lines(1, "00.999"));
    expect(judge(expectation(whole[0], second), same)).toMatchObject({ ok: true, good: 2 });
    const { clock, pi, v_l1, i_l1, ...undatedByMeter } = right[0];
    const at = (ms: number) => ({ ...undatedByMeter, time: new Date(START + ms).toISOString() });
    const three = [at(0), at(10_000), at(20_000)];
    const expected = () => expectation(clockless, clockless, clockless);
    expect(judge(expected(), three)).toMatchObject({ ok: true, good: 3 });
    expect(judge(expected(), [three[0], three[2]])).toMatchObject({ ok: false, lost: 1, duplicates: 0 });
    expect(judge(expected(), [...three, three[1]])).toMatchObject({ ok: false, lost: 0, duplicates: 1 });
  });

  const damaged = (from: string, to: string) =>
    Uint8Array.from(Buffer.from(textOf(whole[1]).replace(from, to), "latin1"));

  it.each<[string, Uint8Array]>([
    ["a digit", damaged("012.345", "012.355")],
    ["its `!`", damaged("!", "?")],
    ["a slash within", damaged("1-0:1.8.1", "1/0:1.8.1")],
    ["its checksum", damaged("\r\n!", "\r\n!G")],
    [
      "no checksum where its version has one",
      Buffer.from(textOf(whole[1]).replace(/!.*\r/, "!\r"), "latin1"),
    ],
    ["its end missing", whole[1].subarray(0, 50)],
  ])("does not expect a telegram that is damaged in the file: %s", (_, second) => {
    const expected = expectation(whole[0], second, whole[2], whole[3]);
    expect(expected).toMatchObject({ count: 3, damaged: 1, endsInside: false });
    expect(judge(expected, [right[0], right[2], right[3]]).ok).toBe(true);
  });

  it.each([
    ["its value", "1.001*kWh", "1.0x1*kWh"],
    ["its unit", "kWh", "kVh"],
    ["its code", "1-0:1.8.1", "1-0:31.7.0"],
    ["its line's end", ")\r\n", ")\r!"],
  ])("does not expect one without a checksum where %s cannot be read", (_, from, to) => {
    const text = "/TST5\r\n\r\n1-0:1.8.1(1.001*kWh)\r\n0-0:96.13.1()\r\n!\r\n";
    const plain = [text, text.replace(from, to)].map((telegram) => Buffer.from(telegram, "latin1"));
    expect(expectation(...plain)).toMatchObject({ count: 1, damaged: 1 });
  });

  it("does not expect a last telegram that is cut off, wherever, and says so", () => {
    const last = whole[3];
    // Without its line end a telegram with a checksum is whole.
    for (let length = 1; length < last.length - 2; length++) {
      const expected = expectation(whole[0], last.subarray(0, length));
      expect(expected).toMatchObject({ count: 1, damaged: 0, endsInside: true });
    }
    const uncut = expectation(whole[0], last.subarray(0, last.length - 2));
    expect(uncut).toMatchObject({ count: 2, damaged: 0, endsInside: false });
  });

  it("has no negative length, whatever the clocks say", () => {
    const { start, end } = expectation(whole[3], whole[2], whole[1], whole[0]);
    expect(end - start).toBeGreaterThan(5000);
    expect(end - start).toBeLessThan(6000);
  });
});
