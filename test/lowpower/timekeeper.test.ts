import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newTime, Timekeeper } from "../../src/lowpower/timekeeper";

const NOON = Date.UTC(2026, 5, 1, 12);
const MINUTE = 60_000;
const YEAR = 365 * 86_400_000;

/** An answer of a server that is right, but for `offMs`, with ticks that run as `slip` (ppm) says. */
function answer(ticks: number, slip = 0, offMs = 0, isConfirmed = false) {
  const time = NOON + Math.round(ticks * (1 + slip / 1_000_000)) + offMs;
  return { ticks, time, errorMs: 550, isConfirmed };
}

describe("a timekeeper", () => {
  it("knows no time before a server has said it, and counts slots by ticks", () => {
    const keeper = new Timekeeper(newTime());
    expect([keeper.isKnown, keeper.at(5), keeper.isDue(0)]).toEqual([false, undefined, true]);
    expect(keeper.slotAfter(61_000, MINUTE)).toBe(2 * MINUTE);
  });

  it("never says a time that is further off than the bound that it states", () => {
    const slip = fc.integer({ min: -99_000, max: 99_000 });
    const steps = fc.array(
      fc.record({ ms: fc.integer({ min: 1000, max: 86_400_000 }), off: fc.integer({ min: -550, max: 550 }) }),
      { minLength: 2, maxLength: 20 },
    );
    fc.assert(
      fc.property(slip, steps, (ppm, settings) => {
        const keeper = new Timekeeper(newTime(100_000));
        let ticks = 0;
        for (const { ms, off } of settings) {
          ticks += ms;
          const truth = NOON + Math.round(ticks * (1 + ppm / 1_000_000));
          const said = keeper.at(ticks);
          if (said !== undefined) {
            expect(Math.abs(said - truth)).toBeLessThanOrEqual(keeper.errorAt(ticks) + 1);
          }
          expect(keeper.accept(answer(ticks, ppm, off))).not.toBeUndefined();
        }
      }),
    );
  });

  it("learns the slip of a sleep clock, asks more and more seldom, and bounds it at a tenth", () => {
    const state = newTime();
    const keeper = new Timekeeper(state);
    let ticks = 0;
    const waits: number[] = [];
    for (let setting = 0; setting < 12; setting++) {
      keeper.accept(answer(ticks, 2_900, setting % 2 ? 300 : -300));
      waits.push(state.due - ticks);
      ticks = Math.max(state.due, ticks + 15 * MINUTE);
    }
    expect(Math.abs(state.slip - 2_900)).toBeLessThan(500);
    expect(Math.abs(state.slip - 2_900)).toBeLessThanOrEqual(state.slipError);
    expect(waits[11]).toBeGreaterThan(90 * MINUTE);
    expect(waits[1]).toBeLessThan(MINUTE * 60);
    const wild = newTime();
    const other = new Timekeeper(wild);
    other.accept(answer(0));
    other.accept({ ...answer(10 * MINUTE), time: NOON + 12 * MINUTE, isConfirmed: true });
    expect(Math.abs(wild.slip)).toBeLessThanOrEqual(100_000);
  });

  it("takes no answer that contradicts it before another one confirms that", () => {
    for (const off of [-YEAR, YEAR, -3_600_000, 3_600_000]) {
      const keeper = new Timekeeper(newTime(200));
      keeper.accept(answer(0));
      expect(keeper.accept(answer(20 * MINUTE, 0, off))).toBeUndefined();
      expect(keeper.at(20 * MINUTE)).toBe(NOON + 20 * MINUTE);
      expect(keeper.isDue(20 * MINUTE)).toBe(true);
      // The next session hears the same.
      expect(keeper.accept(answer(35 * MINUTE, 0, off))).toBe(off);
      expect(keeper.accept(answer(36 * MINUTE, 0, 0, true))).toBe(-off);
    }
  });

  it("finds the next slot neither early nor twice, whatever the slip", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -99_000, max: 99_000 }),
        fc.nat(86_400_000),
        fc.integer({ min: 1000, max: 86_400_000 }),
        fc.nat(86_400_000),
        (slip, ticks, period, phase) => {
          const keeper = new Timekeeper({ ...newTime(), ticks: 1000, time: NOON, slip });
          const due = keeper.slotAfter(ticks, period, phase);
          expect(due).toBeGreaterThanOrEqual(ticks);
          const past = (((keeper.at(due)! - phase) % period) + period) % period;
          // At the largest slip a tick is 1.1 ms, and both its ends are rounded.
          expect(past).toBeLessThanOrEqual(2);
          expect(keeper.slotAfter(due + 1 + Math.floor(period / 2), period, phase)).toBeGreaterThan(
            due + period / 2,
          );
        },
      ),
    );
  });
});
