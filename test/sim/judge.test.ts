import { describe, expect, it } from "vitest";
import type { HouseSettings } from "../../hal-mocks/world/house";
import { House } from "../../hal-mocks/world/house";
import type { DecodedRecord } from "../../tools/decode/records";
import { slots } from "../../tools/sim/expectations";
import { Judge } from "../../tools/sim/judge";

const START = Date.UTC(2026, 5, 1);
const settings: HouseSettings = { seed: 1, start: START, phases: 3, baseW: 300, pvW: 3000, utcOffset: 60 };

function records(): DecodedRecord[] {
  const house = new House(settings);
  return Array.from({ length: 10 }, (_, index) => {
    const time = START + index * 60_000 + 2_000;
    const { importWh, exportWh } = house.at(time);
    return {
      device: "d",
      point: 0,
      boot: 1,
      seq: 0,
      time: new Date(time).toISOString(),
      clock: time / 1000,
      ei_t1: Math.floor(importWh[0]),
      ei_t2: Math.floor(importWh[1]),
      ee_t1: Math.floor(exportWh[0]),
      ee_t2: Math.floor(exportWh[1]),
    };
  });
}

function judge(given: DecodedRecord[]) {
  const judge = new Judge(slots(settings, START, START + 600_000, 60_000));
  for (const record of given) judge.accept(record);
  return judge.verdict();
}

describe("the judge", () => {
  it("finds nothing wrong with what is right", () => {
    const verdict = judge(records());
    expect(verdict).toMatchObject({ good: 10, lost: 0, duplicates: 0, expected: 10 });
    expect(verdict.import!.largestErrorWh).toBeLessThan(1);
  });

  it("finds a reading that is missing, one that is there twice, and one at a wrong time", () => {
    const all = records();
    expect(judge(all.slice(1))).toMatchObject({ lost: 1, duplicates: 0 });
    expect(judge([...all, all[4]])).toMatchObject({ lost: 0, duplicates: 1 });
    const late = { ...all[3], time: new Date(START + 4 * 60_000).toISOString() };
    expect(judge([...all.slice(0, 3), late, ...all.slice(4)])).toMatchObject({ lost: 1, duplicates: 1 });
  });

  it("finds one register of one reading that is off by more than 1 Wh or missing", () => {
    const all = records();
    const off = all.map((record, index) =>
      index === 5 ? { ...record, ee_t2: Number(record.ee_t2) - 2 } : record,
    );
    expect(judge(off).export!.largestErrorWh).toBeGreaterThan(1);
    const missing = all.map((record, index) => (index === 5 ? { ...record, ei_t1: undefined } : record));
    expect(judge(missing).import!.largestErrorWh).toBe(Number.POSITIVE_INFINITY);
  });

  it("counts bad readings by their cause, and does not call them lost", () => {
    const [first, ...rest] = records();
    const silent = { device: "d", point: 0, boot: 1, seq: 0, time: first.time, quality: "silent" };
    expect(judge([silent, ...rest])).toMatchObject({ good: 9, bad: { silent: 1 }, lost: 0 });
  });
});
