import { describe, expect, it } from "vitest";
import { type TriggerPlan, Triggers } from "../../src/lowpower/triggers";

/** What is said of one value of `p` after the other; each by a new instance, as after a deep sleep. */
function said(plan: TriggerPlan, values: readonly (number | undefined)[]) {
  const kept = Triggers.kept(plan);
  return values.map((p) => new Triggers(plan, kept).check({ quality: 0, p }));
}

describe("send on delta", () => {
  it("compares with what was sent last, not with what was read last", () => {
    const steps = said({ deltas: { p: 100 } }, [0, 60, 120, 180, 230, 119]);
    expect(steps).toEqual([undefined, undefined, "delta", undefined, "delta", "delta"]);
  });

  it("takes no missing value for a change", () => {
    expect(said({ deltas: { p: 1 } }, [undefined, 5, undefined, 5])).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("an alarm", () => {
  it("is said when a value leaves its limits and when it is back, once each", () => {
    const plan = { thresholds: { p: { above: 1000, below: -1000 } } };
    expect(said(plan, [0, 1001, 2000, 1000, 0, -1001, 0])).toEqual([
      undefined,
      "alarm",
      undefined,
      "alarm",
      undefined,
      "alarm",
      "alarm",
    ]);
  });

  it("is over only behind its hysteresis", () => {
    const plan = { thresholds: { p: { above: 1000, hysteresis: 50 } } };
    expect(said(plan, [1001, 990, 1001, 951, 950])).toEqual([
      "alarm",
      undefined,
      undefined,
      undefined,
      "alarm",
    ]);
  });

  it("is an alarm also where the value has moved by its delta", () => {
    expect(said({ deltas: { p: 1 }, thresholds: { p: { above: 10 } } }, [0, 11, 12.5])).toEqual([
      undefined,
      "alarm",
      "delta",
    ]);
  });
});
