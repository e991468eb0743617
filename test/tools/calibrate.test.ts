import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Quality } from "../../src/model/quality";
import { Calibration } from "../../src/sensors/calibration";
import { leastSquares } from "../../tools/calibrate/fit";
import { gridmote } from "./harness";

const directory = mkdtempSync(join(tmpdir(), "gridmote-calibrate-"));
afterAll(() => rmSync(directory, { recursive: true }));

const text = (lines: string) => new TextEncoder().encode(lines);

describe("gridmote calibrate", () => {
  it("prints the configuration, and what error it leaves", async () => {
    const path = join(directory, "pairs");
    writeFileSync(path, "# at the board\nv 229.0 230.0\nv, 100.0, 100.5\nv;50;50.3\np 1000 990\n");
    expect(await gridmote(["calibrate", path])).toEqual({
      code: 0,
      stderr: "",
      stdout: `{"v":{"gain":1.003904,"offset":0.1068305},"p":{"gain":0.99}}

In the setting sensors: v.gain=1.003904 v.offset=0.1068305 p.gain=0.99

channel  pairs  error left, rms  largest
v            3         0.002042  0.00277
p            1                0        0
`,
    });
  });

  it("of one channel, with a ratio and without an offset, as JSON from standard input", async () => {
    const args = ["calibrate", "-", "--channel", "i", "--ratio", "20", "--gain-only", "--json"];
    const { code, stdout } = await gridmote(args, text("1 20.2\n2 40.4\n4 80.8\n"));
    expect(code).toBe(0);
    const { calibration, residuals } = JSON.parse(stdout);
    expect(calibration).toEqual({ i: { ratio: 20, gain: 1.01 } });
    expect(residuals).toEqual([
      { channel: "i", pairs: 3, rms: expect.any(Number), largest: expect.any(Number) },
    ]);
    const sample = new Calibration(calibration).apply({ quality: Quality.good, i: 4 });
    expect(sample.i).toBeCloseTo(80.8, 9);
  });

  it.each([
    [[], "", 2, "where are the pairs?"],
    [["-"], "v 1\n", 2, 'line 1: "v 1", expected channel measured true'],
    [["-"], "\n\nw 1 2\n", 2, 'line 3: no channel is called "w"'],
    [["-"], "v 1 x\n", 2, 'line 1: "v 1 x"'],
    [["-", "--channel", "v"], "v 1 2\n", 2, "expected measured true"],
    [["-", "--channel", "volt"], "1 2\n", 2, '--channel: no channel is called "volt"'],
    [["-", "--ratio", "0"], "v 1 2\n", 2, "--ratio"],
    [["-"], "# nothing\n", 1, "there is no pair in it"],
    [["-"], "v 230 231\nv 230 232\n", 1, "cannot be told from one value"],
    [["-"], "v 0 1\n", 1, "values of 0"],
    [["-"], "i 1 20\n", 1, "the gain would be 20"],
    [["-"], "sw 1 1\n", 1, "sw is no measured value"],
    [["missing"], "", 2, 'there is no file "missing"'],
  ])("%j with %j ends with one line: %i, %s", async (args, input, code, message) => {
    const outcome = await gridmote(["calibrate", ...args], text(input));
    expect(outcome.code).toBe(code);
    expect(outcome.stdout).toBe("");
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("a fit", () => {
  const settings = { ratio: 1, gainOnly: false };

  it("finds the gain and offset that pairs were made with", () => {
    const gain = fc.double({ min: 0.6, max: 1.9, noNaN: true });
    const offset = fc.double({ min: -10, max: 10, noNaN: true });
    const measured = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(gain, offset, measured, (g, o, values) => {
        const pairs = values.map((value) => ({ measured: value, true: value * g + o }));
        const found = leastSquares("v", pairs, settings);
        expect(found.calibration.gain).toBeCloseTo(g, 4);
        expect(found.calibration.offset ?? 0).toBeCloseTo(o, 2);
        expect(found.largest).toBeLessThan(0.001);
      }),
    );
  });

  it("leaves no more error than any other gain and offset near it", () => {
    const pairs = [
      { measured: 10, true: 10.3 },
      { measured: 20, true: 19.8 },
      { measured: 30, true: 30.4 },
      { measured: 45, true: 44.9 },
    ];
    const { calibration, rms } = leastSquares("i", pairs, settings);
    for (const [dGain, dOffset] of [
      [0.001, 0],
      [-0.001, 0],
      [0, 0.01],
      [0, -0.01],
    ]) {
      const squares = pairs.map(
        (pair) =>
          (pair.measured * (calibration.gain! + dGain) + calibration.offset! + dOffset - pair.true) ** 2,
      );
      expect(Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / 4)).toBeGreaterThan(rms);
    }
  });
});
