import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShtChip, withCrc } from "../../hal-mocks/chips/sht";
import { ExpectedI2C, type I2CTransaction } from "../../hal-mocks/expected-i2c";
import { createI2C } from "../../hal-mocks/i2c";
import type { I2CConstructor } from "../../src/hal";
import { Quality } from "../../src/model/quality";
import type { ShtConfiguration, ShtOptions } from "../../src/sensors/sht";
import { Sht3x } from "../../src/sensors/sht3x";
import { Sht4x } from "../../src/sensors/sht4x";
import { collect, createWorld } from "../support/sensors";

const pins = { data: 21, clock: 22 };
const families = [
  ["sht3x", Sht3x, [0x24, 0x00], 17],
  ["sht4x", Sht4x, [0xfd], 10],
] as const;

describe.each(families)("an %s", (family, Driver, command, durationMs) => {
  function open(io: I2CConstructor, configuration: ShtConfiguration = {}, world = createWorld()) {
    const { clock, run } = world;
    const bench = collect((onSample) => new Driver({ sensor: { io, ...pins }, clock, onSample }));
    bench.driver.configure(configuration);
    return { ...bench, clock, run };
  }

  function createBench(air = { celsius: 21.5, humidity: 48 }) {
    const world = createWorld();
    const chip = new ShtChip({ clock: world.world, values: () => air, family });
    return { chip, air, ...open(createI2C(new Map([[0x44, chip]])), {}, world) };
  }

  async function answered(answer: readonly number[] | "nack") {
    const read: I2CTransaction = answer === "nack" ? { readBytes: 6, nack: true } : { read: answer };
    const list = new ExpectedI2C([{ write: command }, read]);
    const { driver, samples, run } = open(list.io);
    await run(500);
    driver.close();
    list.check();
    return { samples, counters: driver.counters, opened: list.opened };
  }

  it("is told to measure, and read when it is done, with no wait that holds others up", async () => {
    const { samples, opened } = await answered([0x66, 0x66, 0x93, 0x80, 0x00, 0xa2]);
    expect(opened).toEqual([{ ...pins, address: 0x44, hz: 100_000 }]);
    expect(samples).toHaveLength(1);
    const [{ quality, ticks, tc, rh }] = samples;
    expect([quality, ticks]).toEqual([Quality.good, durationMs]);
    expect(tc).toBeCloseTo(-45 + 175 * 0.4, 9);
    expect(rh).toBeCloseTo(family === "sht3x" ? 50 : 56.5, 2);
  });

  it("measures the air", async () => {
    const { air, samples, run } = createBench();
    await run(1500);
    air.celsius = -12.25;
    air.humidity = 99;
    await run(1000);
    expect(samples.map(({ quality }) => quality)).toEqual([0, 0, 0]);
    expect(samples[0].tc).toBeCloseTo(21.5, 1);
    expect(samples[0].rh).toBeCloseTo(48, 1);
    expect(samples[2].tc).toBeCloseTo(-12.25, 1);
    expect(samples[2].rh).toBeCloseTo(99, 1);
  });

  it("gives no humidity beyond 0 and 100 %", async () => {
    const raw = (percent: number) =>
      Math.round(((family === "sht3x" ? percent : percent + 6) / (family === "sht3x" ? 100 : 125)) * 65_535);
    // What the formula of SHT4x gives beyond the ends is noise of a dry or a wet sensor; SHT3x's ends there.
    const ends: [number, number][] =
      family === "sht3x"
        ? [[100, 100]]
        : [
            [-2, 0],
            [103, 100],
          ];
    for (const [percent, expected] of ends) {
      const { samples } = await answered([...withCrc(0x6666), ...withCrc(raw(percent))]);
      expect(samples[0]).toMatchObject({ quality: Quality.good, rh: expected });
    }
  });

  it("can be one of several probes", async () => {
    const { driver, samples, run } = createBench();
    driver.configure({ probe: 2 });
    await run(500);
    expect(Object.keys(samples[0])).toEqual(["quality", "ticks", "tc_p2", "rh_p2"]);
  });

  it("gives a bad sample for a bad CRC of either word, and does not drop it in silence", async () => {
    for (const answer of [
      [0x66, 0x66, 0x92, 0x80, 0x00, 0xa2],
      [0x66, 0x66, 0x93, 0x80, 0x00, 0xa3],
      [0x66, 0x64, 0x93, 0x80, 0x00, 0xa2],
    ]) {
      const { samples, counters } = await answered(answer);
      expect(samples).toEqual([{ quality: Quality.checksum, ticks: durationMs }]);
      expect(counters.checksum).toBe(1);
    }
  });

  it("that does not acknowledge is a fault of the bus", async () => {
    const { samples, counters } = await answered("nack");
    expect(samples).toEqual([{ quality: Quality.bus, ticks: durationMs }]);
    expect(counters.bus).toBe(1);
  });

  it("that gives all zeros or all ones is broken", async () => {
    for (const word of [0x0000, 0xffff]) {
      const { samples } = await answered([...withCrc(word), ...withCrc(word)]);
      expect(samples).toEqual([{ quality: Quality.implausible, ticks: durationMs }]);
    }
  });

  it("that never changes is stuck after 30 repeats", async () => {
    const { chip, driver, qualities, run } = createBench();
    chip.isNoisy = false;
    await run(31_500);
    expect(qualities()).toEqual([...new Array(30).fill(0), Quality.implausible, Quality.implausible]);
    expect(driver.counters.stuck).toBe(2);
    chip.isNoisy = true;
    await run(2000);
    expect(qualities().at(-1)).toBe(Quality.good);
  });

  it("that goes and comes back is read again", async () => {
    const { chip, qualities, run } = createBench();
    chip.connected = false;
    await run(1500);
    chip.connected = true;
    await run(1000);
    expect(qualities()).toEqual([Quality.bus, Quality.bus, Quality.good]);
  });

  it("names the field of an option that is wrong", () => {
    const { driver } = createBench();
    expect(() => driver.configure({ pollMs: 10 })).toThrow(`${family}: pollMs is 10`);
    expect(() => driver.configure({ probe: 128 })).toThrow(`${family}: probe is 128`);
    expect(() => new Driver({} as ShtOptions)).toThrow(`${family}: sensor.io`);
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

  it("takes any answers without a throw, and none with damage of one byte as good", async () => {
    const { chip, driver, samples, run } = createBench();
    driver.configure({ pollMs: 50 });
    const mutation = fc.tuple(fc.nat(0xffff), fc.nat(5), fc.integer({ min: 1, max: 255 }));
    for (const [word, at, flip] of fc.sample(mutation, { numRuns: 3000, seed: 13 })) {
      const answer = Uint8Array.of(...withCrc(word), ...withCrc(0x8000));
      answer[at] ^= flip;
      chip.planted.push(answer);
    }
    await run(150_000);
    expect(driver.counters.checksum).toBe(3000);
    await run(100);
    expect(samples.at(-1)!.quality).toBe(Quality.good);
  });
});

it("the chip's CRC is that of the data sheet: of BEEF it is 92", () => {
  expect(withCrc(0xbeef)).toEqual([0xbe, 0xef, 0x92]);
});
