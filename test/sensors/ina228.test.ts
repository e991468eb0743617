import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ina228Chip } from "../../hal-mocks/chips/ina228";
import { ExpectedI2C } from "../../hal-mocks/expected-i2c";
import { createI2C } from "../../hal-mocks/i2c";
import type { I2CConstructor } from "../../src/hal";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import { Ina228, type Ina228Configuration, type Ina228Options } from "../../src/sensors/ina228";
import { collect, createWorld } from "../support/sensors";

const pins = { data: 21, clock: 22 };
const battery = { shuntOhms: 0.0005, maximumAmperes: 200 };

function open(io: I2CConstructor, configuration: Ina228Configuration = battery, world = createWorld()) {
  const { clock, run } = world;
  const bench = collect((onSample) => new Ina228({ sensor: { io, ...pins }, clock, onSample }));
  bench.driver.configure(configuration);
  return { ...bench, clock, run };
}

function createBench(flow = { volts: 51.2, amperes: 40 }) {
  const world = createWorld();
  const chip = new Ina228Chip({ clock: world.world, values: () => ({ ...flow }), shuntOhms: 0.0005 });
  const io = createI2C(new Map([[0x40, chip]]));
  return { chip, flow, ...open(io, battery, world) };
}

describe("an INA228", () => {
  it("is set up and read in exactly these transactions", async () => {
    // 0.5 mΩ, 200 A: 100 mV, so the wide range; SHUNT_CAL = 13107.2e6·(200/2^19)·0.0005 = 2500.
    const list = new ExpectedI2C([
      { write: [0x3e], read: [0x54, 0x49] },
      { write: [0x3f], read: [0x22, 0x81] },
      { write: [0x00, 0x00, 0x00] },
      { write: [0x02, 0x09, 0xc4] },
      { write: [0x01, 0xfb, 0x6b] },
      { write: [0x02], read: [0x09, 0xc4] },
      { write: [0x0b], read: [0x00, 0x03] },
      // 51.2 V = 262144 · 195.3125 µV
      { write: [0x05], read: [0x40, 0x00, 0x00] },
      // −40 A = −104858 · 200 A / 2^19, in the upper 20 of 24 bits
      { write: [0x07], read: [0xe6, 0x66, 0x60] },
      // 2048 W = 1677722 · 3.2 · 200 A / 2^19
      { write: [0x08], read: [0x19, 0x99, 0x9a] },
      { write: [0x09], read: [0x12, 0x34, 0x56, 0x78, 0x9a] },
      { write: [0x0a], read: [0xff, 0xff, 0xff, 0xff, 0xff] },
    ]);
    const { driver, samples, run } = open(list.io);
    await run(500);
    driver.close();
    list.check();
    expect(samples).toHaveLength(1);
    const [{ quality, ticks, ...values }] = samples;
    expect([quality, ticks]).toEqual([Quality.good, 206]);
    expect(Object.keys(values)).toEqual(["dcv", "dci", "dcp"]);
    expect(values.dcv).toBeCloseTo(51.2, 9);
    expect(values.dci).toBeCloseTo(-40, 3);
    expect(values.dcp).toBeCloseTo(-2048, 2);
  });

  it("uses the narrow range of its converter where it is enough", async () => {
    const list = new ExpectedI2C([
      { write: [0x3e], read: [0x54, 0x49] },
      { write: [0x3f], read: [0x22, 0x80] },
      { write: [0x00, 0x00, 0x10] },
      // 13107.2e6·(10/2^19)·0.004·4
      { write: [0x02, 0x0f, 0xa0] },
      { write: [0x01, 0xfb, 0x6b] },
    ]);
    const { driver, run } = open(list.io, { shuntOhms: 0.004, maximumAmperes: 10 });
    await run(100);
    driver.close();
    list.check();
  });

  it("counts charge and energy each way, as the physics has it", async () => {
    const { flow, samples, run } = createBench();
    await run(3_600_000);
    flow.amperes = -10;
    flow.volts = 50;
    await run(7_200_000);
    const { quality, ticks, ...values } = samples.at(-1)!;
    expect(quality).toBe(Quality.good);
    for (const name of Object.keys(values)) expect(() => channelNumber(name), name).not.toThrow();
    expect(Math.abs(values.ahi! - 40)).toBeLessThan(0.03);
    expect(Math.abs(values.ahe! - 20)).toBeLessThan(0.03);
    expect(Math.abs(values.dcei! - 2048)).toBeLessThan(1.5);
    expect(Math.abs(values.dcee! - 1000)).toBeLessThan(1.5);
    expect(samples[0]).not.toHaveProperty("ahi");
  });

  it("counts on over the ends of its 40 bits, charge and energy", async () => {
    const { chip, samples, run } = createBench();
    chip.preset(2 ** 39 - 10_000_000, 2 ** 40 - 1_000_000);
    await run(1_000_000);
    const last = samples.at(-1)!;
    expect(last.ahi).toBeCloseTo((40 * 999) / 3600, 1);
    expect(last.dcei).toBeCloseTo((2048 * 999) / 3600, 0);
    expect(last.ahe).toBe(0);
    const { chip: other, flow, samples: out, run: runOther } = createBench();
    flow.amperes = -40;
    other.preset(-(2 ** 39) + 10_000_000, 0);
    await runOther(1_000_000);
    expect(out.at(-1)!.ahe).toBeCloseTo((40 * 999) / 3600, 1);
    expect(out.at(-1)!.ahi).toBe(0);
  });

  it("reckons with the calibration that the chip has, which is a whole number", async () => {
    // 13107.2e6·0.00005·4·(0.25/2^19) is 1.25: the chip has 1, and a step of current is 0.8 of 0.25 A/2^19.
    const world = createWorld();
    const values = () => ({ volts: 50, amperes: 0.15 });
    const chip = new Ina228Chip({ clock: world.world, values, shuntOhms: 0.00005 });
    const io = createI2C(new Map([[0x40, chip]]));
    const { driver, samples, run } = open(io, { shuntOhms: 0.00005, maximumAmperes: 0.25 }, world);
    await run(2000);
    expect(samples.at(-1)!.dci! / 0.15).toBeCloseTo(1, 3);
    driver.close();
  });

  it("that lost its power is set up again, counts on, and says so", async () => {
    const { chip, driver, samples, run } = createBench();
    await run(600_500);
    const before = samples.at(-1)!;
    chip.reset();
    await run(60_000);
    const after = samples.at(-1)!;
    expect(driver.counters).toMatchObject({ resets: 1, bus: 0, silent: 0 });
    expect(after.dci).toBeCloseTo(40, 2);
    // One poll found the reset and one is the new beginning: a second or two of 60 are unknown.
    expect((after.ahi! - before.ahi!) * 3600).toBeGreaterThan(40 * 57);
    expect((after.ahi! - before.ahi!) * 3600).toBeLessThan(40 * 60);
  });

  it("that keeps no settings is malformed, and does not hold the driver up", async () => {
    const world = createWorld();
    const chip = new Ina228Chip({
      clock: world.world,
      values: () => ({ volts: 50, amperes: 1 }),
      shuntOhms: 0.0005,
    });
    const deaf = {
      read: (length: number) => chip.read(length),
      write: (b: Uint8Array) => chip.write(b.subarray(0, 1)),
    };
    const { driver, qualities, run } = open(createI2C(new Map([[0x40, deaf]])), battery, world);
    await run(2900);
    expect(qualities()).toEqual([Quality.malformed, Quality.malformed, Quality.malformed]);
    expect(driver.counters.malformed).toBe(driver.counters.polls);
    driver.close();
  });

  it("keeps its count over a failed bus", async () => {
    const { chip, driver, samples, run } = createBench();
    await run(100_500);
    chip.connected = false;
    await run(50_000);
    chip.connected = true;
    await run(50_000);
    expect(driver.counters.bus).toBe(50);
    expect(samples.at(-1)!.ahi).toBeCloseTo((40 * 200) / 3600, 2);
  });
});

describe("an INA228's fault", () => {
  it("becomes a bad sample and a counter, and is over by itself", async () => {
    const { chip, driver, qualities, run } = createBench();
    chip.device = 0x2380;
    await run(500);
    chip.device = 0x2281;
    chip.status = 0;
    await run(1000);
    chip.status = 0x0201;
    await run(1000);
    chip.status = 1;
    await run(1000);
    chip.stop();
    await run(1000);
    const { malformed, implausible, good, silent } = Quality;
    expect(qualities()).toEqual([malformed, malformed, implausible, good, silent]);
    expect(driver.counters).toMatchObject({ malformed: 2, implausible: 1, silent: 1, good: 1 });
  });

  it("of a current beyond its range is implausible", async () => {
    const { flow, qualities, run } = createBench();
    flow.amperes = 400;
    await run(500);
    expect(qualities()).toEqual([Quality.implausible]);
  });
});

describe("an INA228 driver", () => {
  it("names the field of an option that is wrong", () => {
    const { driver } = createBench();
    const wrong: [Ina228Configuration, string][] = [
      [{ shuntOhms: 0 }, "shuntOhms is 0"],
      [
        { shuntOhms: 0.001, maximumAmperes: 200 },
        "maximumAmperes is 200, expected a number from 0.001 to 163.84",
      ],
      [{ averages: 2 }, "averages is 2"],
      [{ averages: 1024 }, "pollMs is 1000, expected an integer from 32"],
    ];
    for (const [options, message] of wrong) expect(() => driver.configure(options)).toThrow(message);
    expect(() => new Ina228({} as Ina228Options)).toThrow("ina228: sensor.io");
  });

  it("leaves no timer when closed, in any state, and calls nobody", async () => {
    for (const ms of [0, 5, 500, 1005]) {
      const { driver, samples, clock, run } = createBench();
      if (ms) await run(ms);
      const { length } = samples;
      driver.close();
      driver.close();
      expect(clock.pending).toBe(0);
      await run(5000);
      expect(samples).toHaveLength(length);
    }
  });

  it("takes any registers without a throw, and its counts never go back", async () => {
    const bytes = fc.sample(fc.uint8Array({ minLength: 24, maxLength: 24 }), { numRuns: 2000, seed: 5 });
    let at = 0;
    const io = class {
      write() {}
      writeRead([register]: Uint8Array, target: Uint8Array) {
        const random = bytes[at];
        const fixed: Record<number, number[]> = { 62: [0x54, 0x49], 63: [0x22, 0x81], 2: [0x09, 0xc4] };
        if (random[23] % 9 === 0) throw new Error("NACK");
        const source = random[22] % 13 ? fixed[register] : undefined;
        target.set(source ?? random.subarray(register, register + target.length));
      }
      close() {}
    } as unknown as I2CConstructor;
    const { driver, samples, run } = open(io, { ...battery, averages: 1, pollMs: 50 });
    for (; at < bytes.length; at++) await run(50);
    expect(driver.counters.good).toBeGreaterThan(50);
    let last = 0;
    for (const sample of samples) {
      for (const value of Object.values(sample)) expect(value).not.toBeNaN();
      if (sample.ahi === undefined) continue;
      expect(sample.ahi + sample.ahe!).toBeGreaterThanOrEqual(last);
      last = sample.ahi + sample.ahe!;
    }
  });
});
