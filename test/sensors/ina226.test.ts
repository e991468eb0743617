import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ina226Chip } from "../../hal-mocks/chips/ina226";
import { ExpectedI2C, type I2CTransaction } from "../../hal-mocks/expected-i2c";
import { createI2C } from "../../hal-mocks/i2c";
import type { I2CConstructor } from "../../src/hal";
import { Quality } from "../../src/model/quality";
import { Ina226, type Ina226Configuration, type Ina226Options } from "../../src/sensors/ina226";
import { collect, createWorld } from "../support/sensors";

const pins = { data: 21, clock: 22 };
const maker: I2CTransaction = { write: [0xfe], read: [0x54, 0x49] };
/** 16 conversions of 1.1 ms each of shunt and bus, triggered. */
const trigger: I2CTransaction = { write: [0x00, 0x45, 0x23] };
const ready: I2CTransaction = { write: [0x06], read: [0x00, 0x08] };

function results(shunt: number, bus: number): I2CTransaction[] {
  return [
    { write: [0x01], read: [shunt >> 8, shunt & 255] },
    { write: [0x02], read: [bus >> 8, bus & 255] },
  ];
}

function open(io: I2CConstructor, configuration: Ina226Configuration = {}, world = createWorld()) {
  const { clock, run } = world;
  const bench = collect((onSample) => new Ina226({ sensor: { io, ...pins }, clock, onSample }));
  bench.driver.configure(configuration);
  return { ...bench, clock, run };
}

function createBench(values = () => ({ volts: 52.4 / 2, amperes: -3.2 })) {
  const world = createWorld();
  const chip = new Ina226Chip({ clock: world.world, values, shuntOhms: 0.002 });
  const io = createI2C(new Map([[0x40, chip]]));
  return { chip, ...open(io, { shuntOhms: 0.002 }, world) };
}

describe("an INA226", () => {
  it("is asked for one measurement a poll, and gives the example of its data sheet: 10 A, 11.98 V", async () => {
    const list = new ExpectedI2C([maker, trigger, ready, ...results(0x1f40, 0x2570)]);
    const { driver, samples, run } = open(list.io, { shuntOhms: 0.002 });
    await run(500);
    driver.close();
    list.check();
    expect(list.opened).toEqual([{ ...pins, address: 0x40, hz: 400_000 }]);
    expect(list.closed).toBe(1);
    expect(samples).toHaveLength(1);
    const [{ quality, dcv, dci, dcp }] = samples;
    expect(quality).toBe(Quality.good);
    expect(dci).toBeCloseTo(10, 9);
    expect(dcv).toBeCloseTo(11.98, 9);
    expect(dcp).toBeCloseTo(119.8, 9);
  });

  it("chip computes current 2710 and power 12B8 of that example", () => {
    const chip = new Ina226Chip({
      ...{ clock: { now: 0 }, shuntOhms: 0.002 },
      values: () => ({ volts: 0, amperes: 0 }),
    });
    chip.write(Uint8Array.of(0x05, 0x0a, 0x00));
    chip.convert(0x1f40, 0x2570);
    chip.write(Uint8Array.of(0x04));
    expect([...chip.read(2)]).toEqual([0x27, 0x10]);
    chip.write(Uint8Array.of(0x03));
    expect([...chip.read(2)]).toEqual([0x12, 0xb8]);
  });

  it("measures what flows either way", async () => {
    const { samples, run } = createBench();
    await run(2500);
    expect(samples).toHaveLength(3);
    expect(samples[2].dcv).toBeCloseTo(26.2, 2);
    expect(samples[2].dci).toBeCloseTo(-3.2, 2);
    expect(samples[2].dcp).toBeCloseTo(-83.84, 0);
  });
});

describe("an INA226's fault", () => {
  it("of the bus, of another chip or of no end becomes a bad sample and a counter, and is over by itself", async () => {
    const { chip, driver, qualities, run } = createBench();
    chip.connected = false;
    await run(500);
    chip.connected = true;
    chip.manufacturer = 0;
    await run(1000);
    chip.manufacturer = 0x5449;
    chip.isStuck = true;
    await run(1000);
    chip.isStuck = false;
    await run(1000);
    expect(qualities()).toEqual([Quality.bus, Quality.malformed, Quality.silent, Quality.good]);
    expect(driver.counters).toEqual({ polls: 4, bus: 1, malformed: 1, silent: 1, good: 1, implausible: 0 });
  });

  it.each([
    ["a saturated shunt", 0x7fff, 0x2570],
    ["a shunt that is all ones the other way", 0x8000, 0x2570],
    ["more than 36 V", 1, 0x7fff],
  ])("of %s is implausible", async (_what, shunt, bus) => {
    const list = new ExpectedI2C([maker, trigger, ready, ...results(shunt, bus)]);
    const { qualities, run } = open(list.io);
    await run(500);
    list.check();
    expect(qualities()).toEqual([Quality.implausible]);
  });

  it("in the middle of a reading is the bus's", async () => {
    const list = new ExpectedI2C([maker, trigger, ready, { write: [0x01], nack: true }]);
    const { qualities, run } = open(list.io);
    await run(500);
    list.check();
    expect(qualities()).toEqual([Quality.bus]);
  });
});

describe("an INA226 driver", () => {
  it("names the field of an option that is wrong", () => {
    const { driver } = createBench();
    const wrong: [Ina226Configuration, string][] = [
      [{ shuntOhms: 0 }, "shuntOhms is 0"],
      [{ averages: 3 }, "averages is 3"],
      [{ pollMs: 39 }, "pollMs is 39, expected an integer from 40"],
      [{ averages: 1024 }, "pollMs is 1000, expected an integer from 2480"],
    ];
    for (const [options, message] of wrong) expect(() => driver.configure(options)).toThrow(message);
    expect(() => new Ina226({} as Ina226Options)).toThrow(
      "ina226: sensor.io is missing, expected an I2C class",
    );
  });

  it("leaves no timer and no bus when closed, in any state, and calls nobody", async () => {
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

  it("gives no value that cannot be, of any registers", async () => {
    const word = fc.nat(0xffff);
    const all = fc.sample(fc.tuple(word, word, word, word), { numRuns: 2000, seed: 3 });
    let at = 0;
    const io = class {
      write() {
        if (all[at][3] % 7 === 0) throw new Error("NACK");
      }
      writeRead([register]: Uint8Array, target: Uint8Array) {
        const value = register === 0xfe && all[at][3] % 5 ? 0x5449 : all[at][register % 3];
        target[0] = value >> 8;
        target[1] = value & 255;
        if (register === 0x02) at++;
      }
      close() {}
    } as unknown as I2CConstructor;
    const { driver, samples, run } = open(io, { pollMs: 40, shuntOhms: 0.1 });
    for (; at < all.length - 1; at++) await run(40);
    expect(driver.counters.good).toBeGreaterThan(100);
    for (const { quality, dcv, dci } of samples) {
      if (quality !== Quality.good) continue;
      expect(dcv).toBeLessThanOrEqual(36);
      expect(Math.abs(dci!)).toBeLessThan(0.82);
    }
  });
});
