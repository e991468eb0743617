import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ade7953Chip } from "../../hal-mocks/chips/ade7953";
import { ExpectedI2C, type I2CTransaction } from "../../hal-mocks/expected-i2c";
import { createI2C } from "../../hal-mocks/i2c";
import type { I2CConstructor } from "../../src/hal";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import {
  ADE7953_ENERGY_UNCERTAIN,
  Ade7953,
  type Ade7953Configuration,
  type Ade7953Options,
} from "../../src/sensors/ade7953";
import { Counts } from "../../src/sensors/counts";
import { collect, createWorld } from "../support/sensors";

const pins = { data: 21, clock: 22 };

function open(io: I2CConstructor, configuration: Ade7953Configuration = {}, world = createWorld()) {
  const { clock, run } = world;
  const bench = collect((onSample) => new Ade7953({ sensor: { io, ...pins }, clock, onSample }));
  bench.driver.configure(configuration);
  return { ...bench, clock, run };
}

function createBench(configuration?: Ade7953Configuration) {
  const world = createWorld();
  const mains = {
    ...{ volts: 230, hertz: 50 },
    a: { amperes: 10, watts: 2200, vars: 670 },
    b: { amperes: 5, watts: -1100, vars: -335 },
  };
  const chip = new Ade7953Chip({ clock: world.world, values: () => mains });
  return { chip, mains, ...open(createI2C(new Map([[0x38, chip]])), configuration, world) };
}

function register(address: number, ...value: number[]): I2CTransaction {
  return { write: [address >> 8, address & 255], read: value };
}

const setUp: I2CTransaction[] = [
  { write: [0x01, 0x02, 0x00, 0x04] },
  { write: [0x00, 0xfe, 0xad] },
  { write: [0x01, 0x20, 0x00, 0x30] },
  { write: [0x00, 0x04, 0x40] },
  register(0x32e, 0, 0x10, 0, 0),
  register(0x31e, 0, 1, 2, 3),
  register(0x331, 0, 0, 0, 0),
  register(0x31f, 0, 1, 2, 3),
];

describe("an ADE7953", () => {
  it("is unlocked, set up and read in exactly these transactions; PERIOD 4474 is 50.000 Hz", async () => {
    const list = new ExpectedI2C([
      ...setUp,
      register(0x102, 0x00, 0x04),
      register(0x31e, 0xff, 0xff, 0xff, 0x00),
      register(0x32e, 0, 0, 0, 0),
      register(0x31f, 0, 0, 0x10, 0),
      register(0x331, 0, 0, 0, 0),
      // 230 V over 991, of 0.35355 V at 9,032,007
      register(0x31c, 0x00, 0x5a, 0x78, 0x15),
      register(0x10e, 0x11, 0x7a),
      register(0x31a, 0x00, 0x2b, 0x43, 0x78),
      register(0x312, 0xff, 0xfe, 0x00, 0x00),
      register(0x314, 0x00, 0x00, 0x10, 0x00),
      register(0x31b, 0, 0, 0, 0),
      register(0x313, 0, 0, 0, 0),
      register(0x315, 0, 0, 0, 0),
    ]);
    const { driver, samples, run } = open(list.io);
    await run(500);
    driver.close();
    list.check();
    expect(samples).toHaveLength(1);
    expect(samples[0]).toMatchObject({ quality: Quality.good, ticks: 200, i_l2: 0, p_l2: 0, flags: 0 });
    expect(samples[0].f).toBe(50);
    expect(samples[0].v).toBeCloseTo(230, 1);
    expect(samples[0].p_l1).toBeLessThan(0);
    expect(samples[0].q_l1).toBeGreaterThan(0);
    expect(samples[0]).not.toHaveProperty("ei_l1");
  });

  it("measures two circuits, each with its sign, under names of the registry", async () => {
    const { chip, samples, run } = createBench();
    await run(1500);
    const { quality, ticks, ...values } = samples.at(-1)!;
    expect(quality).toBe(Quality.good);
    for (const name of Object.keys(values)) expect(() => channelNumber(name), name).not.toThrow();
    const expected = { v: 230, f: 50, i_l1: 10, p_l1: 2200, q_l1: 670, i_l2: 5, p_l2: -1100, q_l2: -335 };
    for (const [name, value] of Object.entries(expected))
      expect(Math.abs(values[name]! / value - 1), name).toBeLessThan(0.0001);
    expect(chip.written(0x120)).toBe(0x30);
  });

  it("adds its energies up each way, and loses no count", async () => {
    const { mains, samples, run } = createBench();
    await run(3_600_000);
    mains.b.watts = 1100;
    await run(3_600_000);
    const last = samples.at(-1)!;
    expect(Math.abs(last.ei_l1! / 4400 - 1)).toBeLessThan(0.001);
    expect(last.ee_l1).toBe(0);
    expect(Math.abs(last.ee_l2! / 1100 - 1)).toBeLessThan(0.001);
    expect(Math.abs(last.ei_l2! / 1100 - 1)).toBeLessThan(0.001);
  });

  it("can have its transformers the other way round, and other names", async () => {
    const { samples, run } = createBench({ reversedB: true, phaseA: 0, phaseB: 3 });
    await run(1500);
    expect(samples.at(-1)!.p).toBeCloseTo(2200, 0);
    expect(samples.at(-1)!.p_l3).toBeCloseTo(1100, 0);
    expect(samples.at(-1)!.ei_l3).toBeGreaterThan(0);
  });
});

describe("energy that the chip gave and the bus lost", () => {
  it("is counted as uncertain, said in the next sample, and costs the other channel nothing", async () => {
    const { chip, driver, samples, run } = createBench();
    await run(10_100);
    const before = samples.at(-1)!;
    await run(50);
    // CONFIG is read well, then the chip resets its register, and the answer does not arrive.
    let reads = 0;
    const read = chip.read.bind(chip);
    chip.read = (byteLength) => {
      reads++;
      if (reads === 2) chip.failAfter = 1;
      return read(byteLength);
    };
    await run(1100);
    expect(driver.counters).toMatchObject({ uncertain: 1, bus: 1 });
    expect(samples.at(-1)!.quality).toBe(Quality.bus);
    await run(1000);
    const after = samples.at(-1)!;
    expect(after).toMatchObject({ quality: Quality.good, flags: ADE7953_ENERGY_UNCERTAIN });
    const seconds = (after.ticks! - before.ticks!) / 1000;
    expect(after.ee_l2! - before.ee_l2!).toBeCloseTo((1100 * seconds) / 3600, 1);
    expect(after.ei_l1! - before.ei_l1!).toBeCloseTo((2200 * (seconds - 1)) / 3600, 1);
    await run(1000);
    expect(samples.at(-1)!.flags).toBe(0);
  });

  it("stays with the chip while the bus fails before it: nothing is lost or uncertain", async () => {
    const { chip, driver, samples, run } = createBench();
    await run(10_100);
    chip.connected = false;
    await run(10_000);
    chip.connected = true;
    await run(10_000);
    expect(driver.counters).toMatchObject({ uncertain: 0, bus: 10 });
    // It was set up, and its registers emptied, at 0.
    const seconds = samples.at(-1)!.ticks! / 1000;
    expect(samples.at(-1)!.ei_l1).toBeCloseTo((2200 * seconds) / 3600, 1);
  });

  it("is uncertain when a register has overflowed", async () => {
    const { chip, mains, driver, run } = createBench();
    mains.a.watts = 11_000;
    mains.a.amperes = 48;
    await run(1500);
    chip.connected = false;
    await run(60_000);
    chip.connected = true;
    await run(2000);
    expect(driver.counters.uncertain).toBe(1);
  });

  it("stays uncertain for the next driver, when this one had no good sample to say so", async () => {
    const world = createWorld();
    const mains = {
      ...{ volts: 230, hertz: 50 },
      a: { amperes: 48, watts: 11_000, vars: 0 },
      b: { amperes: 0, watts: 0, vars: 0 },
    };
    const chip = new Ade7953Chip({ clock: world.world, values: () => mains });
    const io = createI2C(new Map([[0x38, chip]]));
    const counts = Counts.create(Ade7953.counts);
    async function wake(ms: number) {
      const bench = collect(
        (onSample) => new Ade7953({ sensor: { io, ...pins }, clock: world.clock, counts, onSample }),
      );
      await world.run(ms);
      bench.driver.close();
      return bench.samples.at(-1)!;
    }
    expect(await wake(1500)).toMatchObject({ quality: Quality.good, flags: 0 });
    await world.run(60_000);
    // The overflow is read, and the reading is no good.
    mains.hertz = 400;
    expect((await wake(500)).quality).toBe(Quality.implausible);
    mains.hertz = 50;
    expect(await wake(500)).toMatchObject({ quality: Quality.good, flags: ADE7953_ENERGY_UNCERTAIN });
    expect(await wake(500)).toMatchObject({ quality: Quality.good, flags: 0 });
    // After a loss of the terminal's power the chip's count since then is unknown.
    Counts.resume(counts, Ade7953.counts);
    expect(await wake(500)).toMatchObject({ quality: Quality.good, flags: ADE7953_ENERGY_UNCERTAIN });
  });

  it("never passes as right when a register may have overflowed, whatever flowed and however long", async () => {
    const turn = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: -11_000, max: 11_000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 5 }), async (turns) => {
        const { chip, mains, samples, run } = createBench();
        await run(1500);
        for (const [seconds, watts] of turns) {
          Object.assign(mains.a, { watts, amperes: Math.abs(watts) / 230 });
          const before = samples.at(-1)!;
          chip.connected = false;
          await run(seconds * 1000);
          chip.connected = true;
          const { length } = samples;
          await run(1000);
          const after = samples.slice(length).find(({ quality }) => quality === Quality.good)!;
          const counted = after.ei_l1! - after.ee_l1! - ((before.ei_l1 ?? 0) - (before.ee_l1 ?? 0));
          const flowed = (watts * (after.ticks! - before.ticks!)) / 3_600_000;
          // Of the second in which the load changed nobody knows which half.
          const isRight = Math.abs(counted - flowed) < 22_000 / 3600 + Math.abs(flowed) * 0.01;
          if (!isRight) expect(after.flags).toBe(ADE7953_ENERGY_UNCERTAIN);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("overflows in 40 s at full scale, and later where less flows", () => {
    expect(Ade7953.overflowMs({})).toBe(40_544);
    expect(Ade7953.overflowMs({ maximumWatts: 1e6 })).toBe(40_544);
    expect(Ade7953.overflowMs({ maximumWatts: 11_160.47 / 2 })).toBeCloseTo(81_088, -2);
    // A transformer of twice the volts has half the range.
    expect(Ade7953.overflowMs({ voltsByAmpereB: 0.0222, maximumWatts: 11_160.47 / 2 })).toBe(40_544);
  });

  it("is uncertain when the chip lost its power, and the chip is set up again", async () => {
    const { chip, driver, samples, run } = createBench();
    await run(10_100);
    chip.reset();
    await run(2000);
    expect(driver.counters).toMatchObject({ resets: 1, uncertain: 1, bus: 0 });
    expect(chip.written(0x102)).toBe(4);
    expect(samples.at(-1)!.quality).toBe(Quality.good);
  });
});

describe("an ADE7953's fault", () => {
  it.each([
    ["no voltage", { volts: 0 }],
    ["a frequency that mains never have", { hertz: 400 }],
    ["more power than V·I", { a: { amperes: 1, watts: 5000, vars: 0 } }],
  ])("of %s is implausible", async (_what, change) => {
    const { mains, qualities, run } = createBench();
    Object.assign(mains, change);
    await run(500);
    expect(qualities()).toEqual([Quality.implausible]);
  });

  it("of a bus without the chip is the bus's, again and again", async () => {
    const { driver, qualities, run } = open(createI2C(new Map()));
    await run(2500);
    expect(qualities()).toEqual([Quality.bus, Quality.bus, Quality.bus]);
    expect(driver.counters).toMatchObject({ bus: 3, uncertain: 0 });
  });
});

describe("an ADE7953 driver", () => {
  it("names the field of an option that is wrong", () => {
    const { driver } = createBench();
    const wrong: [Ade7953Configuration, string][] = [
      [{ pollMs: 100 }, "pollMs is 100"],
      [{ pollMs: 60_000 }, "pollMs is 60000"],
      [{ divider: 0 }, "divider is 0"],
      [{ voltsByAmpereA: 0 }, "voltsByAmpereA is 0"],
      [{ voltsByAmpereB: 11 }, "voltsByAmpereB is 11"],
      [{ phaseA: 4 }, "phaseA is 4"],
      [{ phaseB: 1 }, "phaseB is 1, expected another than phaseA"],
      [{ reversedB: 0 as unknown as boolean }, "reversedB is 0"],
      [{ minimumVolts: -1 }, "minimumVolts is -1"],
    ];
    for (const [options, message] of wrong) expect(() => driver.configure(options)).toThrow(message);
    expect(() => new Ade7953({} as Ade7953Options)).toThrow("ade7953: sensor.io");
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

  it("takes any registers without a throw, and its energies never go back", async () => {
    const bytes = fc.sample(fc.uint8Array({ minLength: 64, maxLength: 64 }), { numRuns: 3000, seed: 17 });
    let at = 0;
    const io = class {
      write() {}
      writeRead([high, low]: Uint8Array, target: Uint8Array) {
        const random = bytes[at];
        if (random[63] % 11 === 0 && low % 5 === random[62] % 5) throw new Error("NACK");
        if (high === 1 && low === 2 && random[61] % 13) target.set([0, 4]);
        else if (low === 0x1c) target.set([0, 0x5a, random[1], random[2]]);
        else if (low === 0x0e) target.set([0x11, random[3]]);
        else if (random[60] % 2 && low >= 0x12 && low <= 0x15) target.fill(0);
        else target.set(random.subarray(low % 59, (low % 59) + target.length));
      }
      close() {}
    } as unknown as I2CConstructor;
    const { driver, samples, run } = open(io, { pollMs: 200 });
    for (; at < bytes.length; at++) await run(200);
    expect(driver.counters.polls).toBeGreaterThan(2000);
    let last = 0;
    for (const sample of samples) {
      for (const value of Object.values(sample)) expect(value).not.toBeNaN();
      if (sample.ei_l1 === undefined) continue;
      expect(sample.ei_l1).toBeGreaterThanOrEqual(last);
      last = sample.ei_l1;
    }
  });
});
