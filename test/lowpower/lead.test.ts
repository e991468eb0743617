import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Lead, type LeadState, newLead } from "../../src/lowpower/lead";

const SAMPLE_MS = 60_000;
const DAY = 1440;

/** A device that speaks each `period`, for `airMs`; a terminal that is there `lateMs` after it wished to be. */
interface Device {
  period: number;
  phase: number;
  airMs: number;
  lateMs: number;
  /** How much later, from 0 to this, each telegram may begin. */
  jitterMs?: number;
  /** How much later against the terminal's clock each minute. */
  driftMs?: number;
}

/** What `count` slots give: after how long from its slot each reading ended, and how long the device was listened to. */
function listen(device: Device, count: number, state: LeadState = newLead()) {
  const { period, phase, airMs, lateMs, jitterMs = 0, driftMs = 0 } = device;
  const lead = new Lead(state);
  const ends: number[] = [];
  const waits: number[] = [];
  for (let slot = 0; slot < count; slot++) {
    const opened = lead.ms + lateMs;
    const offset = (phase + Math.round(slot * driftMs)) % period;
    let begins = offset;
    while (begins < opened) begins += period;
    const ended = begins + ((slot * 7919) % (jitterMs + 1)) + airMs;
    ends.push(ended);
    waits.push(ended - opened);
    lead.learn(ended, ended - opened, SAMPLE_MS);
  }
  return { ends, waits };
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe("a stream of a device that speaks by itself", () => {
  it("is opened with its slot until it is known when that is", () => {
    expect(new Lead(newLead()).ms).toBe(0);
  });

  it.each([
    ["a meter each second, at 115,200 baud", { period: 1000, phase: 700, airMs: 75, lateMs: 0 }, 170],
    ["the same, to a terminal that boots late", { period: 1000, phase: 700, airMs: 75, lateMs: 70 }, 240],
    [
      "the same, of which no telegram comes in time",
      { period: 1000, phase: 600, airMs: 75, lateMs: 0, jitterMs: 40 },
      230,
    ],
    [
      "the same, with a clock of its own",
      { period: 1000, phase: 0, airMs: 75, lateMs: 0, driftMs: 1.2 },
      200,
    ],
    ["a meter each 10 seconds, at 9,600 baud", { period: 10_000, phase: 7000, airMs: 700, lateMs: 0 }, 1200],
  ] satisfies [string, Device, number][])(
    "waits little longer than it speaks: %s",
    (_name, device, atMost) => {
      const { waits } = listen(device, DAY);
      const unlearned = mean(listen(device, DAY, { ...newLead(), spare: Number.POSITIVE_INFINITY }).waits);
      expect(mean(waits.slice(DAY / 2))).toBeLessThan(atMost);
      expect(mean(waits)).toBeLessThan(unlearned / 1.8);
    },
  );

  it("has each reading of the slot's first telegram, or rarely of the second", () => {
    const device = fc.record({
      period: fc.constantFrom(1000, 10_000),
      phase: fc.nat(9999),
      airMs: fc.integer({ min: 20, max: 900 }),
      lateMs: fc.nat(150),
      jitterMs: fc.nat(80),
      driftMs: fc.double({ min: 0, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(device, (some) => {
        const { ends } = listen({ ...some, phase: some.phase % some.period }, DAY);
        const { period, airMs, lateMs, jitterMs, driftMs } = some;
        // What the clocks drift apart before the slot is looked at again.
        const first = period + lateMs + airMs + jitterMs + 61 * driftMs;
        expect(Math.max(...ends)).toBeLessThanOrEqual(first + period);
        expect(ends.filter((end) => end > first).length).toBeLessThan(DAY / 60);
      }),
    );
  });

  it("is opened with its slot again once the clock was set, or the device said nothing good", () => {
    const state = newLead();
    listen({ period: 1000, phase: 700, airMs: 75, lateMs: 0 }, 10, state);
    const lead = new Lead(state);
    const { ms } = lead;
    expect(ms).toBeGreaterThan(0);
    // Time servers are asked often while little is known of the clock, and mostly agree with it.
    for (const ahead of [0, 5, -5]) lead.follow(ahead);
    expect(lead.ms).toBe(ms);
    for (const spoil of [() => lead.forget(), () => lead.follow(Number.NaN), () => lead.follow(-300)]) {
      listen({ period: 1000, phase: 700, airMs: 75, lateMs: 0 }, 10, state);
      expect(lead.ms).toBeGreaterThan(0);
      spoil();
      expect(lead.ms).toBe(0);
    }
  });

  it("keeps whole milliseconds, and no more of them than half the time to the next reading", () => {
    const state = newLead();
    const lead = new Lead(state);
    for (let slot = 0; slot < 100; slot++) {
      lead.learn(45_000 + slot, 45_000, SAMPLE_MS);
      expect(Object.values(state).every(Number.isSafeInteger)).toBe(true);
      expect(lead.ms).toBeLessThanOrEqual(SAMPLE_MS / 2);
    }
  });
});
