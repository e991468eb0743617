import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Quality } from "../../src/model/quality";
import { Calibration, type CalibrationConfiguration } from "../../src/sensors/calibration";

const good = () => ({ quality: Quality.good, ticks: 5, v: 230, i: 4.9, p: -1000, ei: 100, q: 3 });

describe("a calibration", () => {
  it("gives value·ratio·gain + offset, by channel, and leaves the others", () => {
    const calibration = new Calibration({
      ...{
        v: { gain: 1.01, offset: -0.5 },
        i: { ratio: 20, gain: 0.99 },
        p: { ratio: -20 },
        ei: { ratio: 20 },
      },
    });
    const sample = calibration.apply(good());
    expect(sample.v).toBeCloseTo(231.8, 9);
    expect(sample.i).toBeCloseTo(97.02, 9);
    expect(sample).toMatchObject({ quality: 0, ticks: 5, p: 20_000, ei: 2000, q: 3 });
  });

  it("does not touch a sample that is not good, nor add a channel", () => {
    const calibration = new Calibration({ v: { offset: 5 }, f: { gain: 1.1 } });
    const bad = { quality: Quality.checksum, v: 1 };
    expect(calibration.apply(bad)).toEqual({ quality: Quality.checksum, v: 1 });
    expect(calibration.apply({ quality: Quality.good })).toEqual({ quality: Quality.good });
  });

  it("gives no negative value to a quantity without a sign", () => {
    const calibration = new Calibration({ v: { offset: -1 }, p: { offset: -1 } });
    expect(calibration.apply({ quality: Quality.good, v: 0.5, p: 0.5 })).toMatchObject({ v: 0, p: -0.5 });
  });

  it("without any gives the sample itself", () => {
    const sample = good();
    expect(new Calibration({}).apply(sample)).toBe(sample);
    expect(sample).toEqual(good());
  });

  it("keeps registers growing", () => {
    const number = fc.double({ min: 0, max: 1e9, noNaN: true });
    const gain = fc.double({ min: 0.5, max: 2, noNaN: true });
    fc.assert(
      fc.property(number, number, gain, (first, more, factor) => {
        const calibration = new Calibration({ ei: { gain: factor, offset: -12 } });
        const before = calibration.apply({ quality: Quality.good, ei: first }).ei!;
        return calibration.apply({ quality: Quality.good, ei: first + more }).ei! >= before;
      }),
    );
  });

  const wrong: [CalibrationConfiguration, string][] = [
    [{ w: { gain: 1 } }, 'no channel is called "w"'],
    [{ v: { gain: 3 } }, "v.gain is 3, expected a number from 0.5 to 2"],
    [{ v: { gain: Number.NaN } }, "v.gain is NaN"],
    [{ i: { ratio: 0 } }, "i.ratio is 0"],
    [{ ei: { ratio: -1 } }, "ei.ratio is -1"],
    [{ p: { offset: Number.POSITIVE_INFINITY } }, "p.offset is Infinity"],
    [{ p: { offset: "1" as unknown as number } }, "p.offset is 1"],
    [{ sw: { gain: 1 } }, "sw is no measured value"],
    [{ flags: { gain: 1 } }, "flags is no measured value"],
    [{ clock: { offset: 1 } }, "clock is no measured value"],
  ];
  it.each(wrong)("%j is refused: %s", (configuration, message) => {
    expect(() => new Calibration(configuration)).toThrow(message);
    expect(() => new Calibration(configuration)).toThrow(RangeError);
  });
});
