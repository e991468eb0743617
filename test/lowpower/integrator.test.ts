import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Integrator } from "../../src/lowpower/integrator";
import { columnsOf } from "../../src/model/profiles";

const MINUTE = 60_000;
const circuit = { number: 2000, columns: columnsOf("t p ei@-3 ee@-3") };

function integrator(registers = Integrator.registers(circuit)) {
  return new Integrator(circuit, registers, MINUTE);
}

describe("registers that are integrated", () => {
  it("count 1 kW over an hour as a kilowatt-hour, each direction on its own", () => {
    const meter = integrator();
    let last = {};
    for (let minute = 0; minute <= 60; minute++) last = meter.add(minute * MINUTE, { quality: 0, p: 1000 });
    expect(last).toMatchObject({ ei: 1000, ee: 0 });
    for (let minute = 61; minute <= 121; minute++)
      last = meter.add(minute * MINUTE, { quality: 0, p: -2000 });
    // From +1000 W to −2000 W in a minute: the mean of −500 W is export.
    expect(last).toMatchObject({ ei: 1000, ee: 2008.333 });
  });

  it("lose nothing below their resolution, and never fall, over any samples", () => {
    const sample = fc.record({
      ms: fc.integer({ min: 1, max: 2 * MINUTE }),
      p: fc.integer({ min: -9000, max: 9000 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 2, maxLength: 200 }), (samples) => {
        const meter = integrator();
        let ticks = 0;
        let before: number | undefined;
        const truth = [0n, 0n];
        let last = { ei: 0, ee: 0 };
        for (const { ms, p } of samples) {
          ticks += ms;
          if (before !== undefined) {
            const area = BigInt(before + p) * BigInt(ms);
            truth[area < 0n ? 1 : 0] += area < 0n ? -area : area;
          }
          before = p;
          const next = meter.add(ticks, { quality: 0, p }) as unknown as typeof last;
          expect(next.ei).toBeGreaterThanOrEqual(last.ei);
          expect(next.ee).toBeGreaterThanOrEqual(last.ee);
          last = next;
        }
        // Doubled watt-milliseconds to whole thousandths of a watt-hour.
        const [ei, ee] = truth.map((area) => Number(area / 7_200n) / 1000);
        expect([last.ei, last.ee]).toEqual([ei, ee]);
      }),
    );
  });

  it("go on from what retained memory or flash has of them", () => {
    const registers = Integrator.registers(circuit);
    integrator(registers).add(0, { quality: 0, p: 600 });
    expect(integrator(registers).add(MINUTE, { quality: 0, p: 600 })).toMatchObject({ ei: 10 });
    const resumed = registers.slice();
    Integrator.resume(resumed);
    const after = integrator(resumed);
    // What flowed while the power was off nobody knows.
    expect(after.add(5, { quality: 0, p: 600 })).toMatchObject({ ei: 10 });
    expect(after.add(5 + MINUTE, { quality: 0, p: 600 })).toMatchObject({ ei: 20 });
  });

  it("leave out a gap in which nobody has measured, and bad samples", () => {
    const meter = integrator();
    meter.add(0, { quality: 0, p: 60 });
    meter.add(MINUTE, { quality: 3 });
    expect(meter.add(2 * MINUTE, { quality: 0, p: 60 })).toMatchObject({ ei: 2 });
    expect(meter.add(10 * MINUTE, { quality: 0, p: 60 })).toMatchObject({ ei: 2 });
  });

  it("are the device's own where it sends them", () => {
    const meter = integrator();
    meter.add(0, { quality: 0, p: 1000, ei: 77 });
    expect(meter.add(MINUTE, { quality: 0, p: 1000, ei: 77 })).toMatchObject({ ei: 77 });
  });

  it("are none in a profile that has no columns for them", () => {
    expect(Integrator.registers({ number: 1, columns: columnsOf("t p ei") })).toHaveLength(0);
    expect(Integrator.registers({ number: 1, columns: columnsOf("t pi pe ei ee") })).toHaveLength(12);
  });
});
