import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Line, type Segment } from "../../../hal-mocks/energy/line";

type State = "a" | "b" | "c";
const state = fc.constantFrom<State>("a", "b", "c");
/** Milliseconds until it happens, what happens, and for an occupation how long it takes. */
const step = fc.record({
  wait: fc.integer({ min: 0, max: 5000 }),
  state,
  ms: fc.option(fc.double({ min: 0, max: 300, noNaN: true })),
});

function live(steps: readonly { wait: number; state: State; ms: number | null }[]) {
  const segments: Segment<State>[] = [];
  const line = new Line<State>("a", 1000, (segment) => segments.push(segment));
  let now = 1000;
  for (const { wait, state, ms } of steps) {
    now += wait;
    if (ms === null) line.enter(state, now);
    else line.occupy(state, ms, now);
  }
  line.close(now + 10);
  return { line, segments, end: now + 10 };
}

describe("a line of states", () => {
  it("has no gap and no overlap, whatever happens when", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { line, segments, end } = live(steps);
        const ends = segments.map(({ to }) => to);
        expect(segments.map(({ from }) => from)).toEqual([line.begin, ...ends.slice(0, -1)]);
        expect(segments.every(({ from, to }) => to >= from)).toBe(true);
        expect(ends.at(-1)).toBeGreaterThanOrEqual(end * 1000);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps totals that are exactly the sums of its stretches", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { line, segments } = live(steps);
        const sums = new Map<State, number>();
        for (const { state, from, to } of segments) sums.set(state, (sums.get(state) ?? 0) + to - from);
        expect(new Map([...line.totals].map(([name, { us }]) => [name, us]))).toEqual(sums);
      }),
      { numRuns: 1000 },
    );
  });

  it("gives what occupies it its whole time, also when two do so at once", () => {
    const line = new Line<State>("a", 0);
    line.occupy("b", 30, 100);
    line.occupy("c", 20, 100);
    line.enter("b", 110);
    line.close(200);
    expect(line.totals.get("a")?.us).toBe(100_000);
    expect(line.totals.get("c")?.us).toBe(20_000);
    // 30 ms of its own, and 50 from the end of the other one on.
    expect(line.totals.get("b")?.us).toBe(80_000);
  });

  it("counts how often a state was entered, not its stretches", () => {
    const line = new Line<State>("a", 0);
    line.enter("b", 10);
    line.occupy("c", 5, 20);
    line.occupy("c", 5, 40);
    line.close(100);
    expect(line.totals.get("c")).toEqual({ us: 10_000, count: 2 });
    expect(line.totals.get("a")).toEqual({ us: 10_000, count: 1 });
  });

  it("refuses what comes after its end, and a time that is none", () => {
    const line = new Line<State>("a", 0);
    expect(() => line.occupy("b", -1, 5)).toThrow("b for -1 ms");
    expect(() => line.occupy("b", Number.NaN, 5)).toThrow("b for NaN ms");
    line.close(10);
    expect(() => line.enter("b", 20)).toThrow("closed");
    expect(() => line.close(20)).toThrow("closed");
  });
});
