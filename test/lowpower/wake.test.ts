import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoff, devicePhase, nextSlot } from "../../src/lowpower/wake";

describe("a slot", () => {
  it("is at a multiple of the period and a phase, at or after now, less than a period away", () => {
    const number = fc.integer({ min: 0, max: 2 ** 45 });
    fc.assert(
      fc.property(
        number,
        fc.integer({ min: 1, max: 86_400_000 }),
        fc.nat(86_400_000),
        (now, period, phase) => {
          const slot = nextSlot(now, period, phase);
          expect(slot).toBeGreaterThanOrEqual(now);
          expect(slot).toBeLessThan(now + period);
          expect(Math.abs((slot - phase) % period)).toBe(0);
        },
      ),
    );
  });

  it("is now, when now is one", () => {
    expect(nextSlot(61_000, 60_000)).toBe(120_000);
    expect(nextSlot(60_000, 60_000)).toBe(60_000);
  });
});

describe("a device's phase", () => {
  it("is its own, the same each time, and spreads a fleet over the period", () => {
    const phases = Array.from({ length: 200 }, (_, index) => devicePhase(`house-${index}`, 900_000));
    expect(devicePhase("house-7", 900_000)).toBe(phases[7]);
    for (const tenth of Array.from({ length: 10 }, (_, index) => index * 90_000)) {
      const inTenth = phases.filter((phase) => phase >= tenth && phase < tenth + 90_000).length;
      expect(inTenth).toBeGreaterThan(8);
      expect(inTenth).toBeLessThan(40);
    }
  });
});

describe("backoff", () => {
  it("is a random share of a bound that doubles up to the maximum, and repeats", () => {
    for (let attempt = 1; attempt < 40; attempt++) {
      const wait = backoff("house-1", attempt, 30_000, 3_600_000);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThan(Math.min(30_000 * 2 ** (attempt - 1), 3_600_000));
      expect(backoff("house-1", attempt, 30_000, 3_600_000)).toBe(wait);
    }
  });

  it("differs between devices and attempts", () => {
    const waits = new Set(
      ["a", "b", "c"].flatMap((device) => [9, 10, 11].map((n) => backoff(device, n, 1000, 1e9))),
    );
    expect(waits.size).toBe(9);
  });
});
