import { describe, expect, it } from "vitest";
import { leastSquares, predict } from "../../../hal-mocks/energy/fit";
import { measured } from "../../../hal-mocks/energy/measured";

const fitted = measured.filter(({ use }) => use === "fit");
const predicted = measured.filter(({ use }) => use === "predict");
const parameters = leastSquares(fitted);

describe("the fit to measured events", () => {
  it("takes four events and leaves three", () => {
    // The S3's boot is one event of two numbers.
    expect(fitted.length).toBe(4 + 1);
    expect(predicted.map(({ name }) => name)).toEqual([
      "Wi-Fi, static IP, MQTT publish",
      "Wi-Fi, DHCP",
      "Wi-Fi, DHCP, HTTP POST",
    ]);
  });

  it("predicts each of the three within 15 %, and comes as near to the four", () => {
    for (const event of measured) {
      const error = Math.abs(predict(event, parameters) / event.mC - 1);
      expect(error, event.name).toBeLessThan(0.15);
    }
  });

  it("uses no more time than was measured", () => {
    for (const { name, ms, phases } of measured)
      expect(
        phases.reduce((sum, [, phase]) => sum + phase, 0),
        name,
      ).toBeCloseTo(ms, 9);
  });

  it("does not depend on what is predicted, and follows what it is fitted to", () => {
    const other = fitted.map((event) =>
      event.name === "Wi-Fi, static IP" ? { ...event, mC: event.mC * 1.2 } : event,
    );
    expect(leastSquares(other).joinShare).toBeGreaterThan(parameters.joinShare * 1.2);
    expect(leastSquares(other).bootShare).toBeCloseTo(parameters.bootShare, 6);
  });

  it("finds the parameters again from events that were made with them", () => {
    const truth = { bootShare: 0.21, joinShare: 0.34 };
    const made = fitted.map((event) => ({ ...event, mC: predict(event, truth) }));
    expect(leastSquares(made).bootShare).toBeCloseTo(truth.bootShare, 9);
    expect(leastSquares(made).joinShare).toBeCloseTo(truth.joinShare, 9);
  });
});
