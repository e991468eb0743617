import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextSlot } from "../../src/lowpower/wake";
import { Counts } from "../../src/sensors/counts";

// Errors that other projects had, and one test each would have found. Most of these tests stand with their drivers:
// - reactive power as S − P (ESPHome, CSE7766): "q = √(S²−P²)" in cse7766, bl0942 and hlw8012.test.ts;
// - a reverse register read without its phase's offset (ESPHome, ATM90E32): "of three phases gives each phase's registers,
//   and none for another" in sdm.test.ts, "adds its energies up each way" in ade7953.test.ts;
// - the sign of power dropped (Tasmota, BL0942): "recorded answer … power out of the circuit" in bl0942.test.ts;
// - a wait that blocks, and a reading dropped in silence on a bad CRC (SDK, SHT3x): sht.test.ts, by just these words;
// - a timer used and not imported (SDK, PZEM-004T): test/architecture.test.ts, and tsc.
// What no driver has by itself stands here.

describe("energy that is added up", () => {
  it("loses nothing of small parts beside a large total, as float32 does (ESPHome, total_daily_energy)", () => {
    const shape = { raw: 0, totals: 1 };
    const counts = new Counts("test", shape, Float64Array.of(20_000_000 * 1e6));
    // A watt for a day, each second: float32 does not see 0.0003 Wh beside 20 MWh at all.
    for (let second = 0; second < 86_400; second++) counts.add(0, 1 / 3600);
    expect(counts.total(0) - 20_000_000).toBeCloseTo(24, 5);
    expect(Math.fround(20_000_000 + Math.fround(1 / 3600))).toBe(20_000_000);
  });
});

describe("a day's end", () => {
  const DAY_MS = 86_400_000;

  it("is not missed when nobody is awake in that second (Tasmota)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 10_800_000 }), { minLength: 1, maxLength: 60 }),
        (gaps) => {
          let now = 0;
          let due = nextSlot(now + 1, DAY_MS);
          let days = 0;
          for (const gap of gaps) {
            now += gap;
            if (now < due) continue;
            days++;
            due = nextSlot(now + 1, DAY_MS);
          }
          expect(days).toBe(Math.floor(now / DAY_MS));
        },
      ),
      { numRuns: 500 },
    );
  });
});
