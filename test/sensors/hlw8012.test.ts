import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Hlw8012Chip } from "../../hal-mocks/chips/hlw8012";
import { createDigital, createPulseCount } from "../../hal-mocks/pulse-count";
import type { DigitalConstructor, PulseCountConstructor } from "../../src/hal";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import { Hlw8012, type Hlw8012Configuration, type Hlw8012Options } from "../../src/sensors/hlw8012";
import { collect, createWorld } from "../support/sensors";

const CF = 5;
const CF1 = 14;
const SEL = 12;

function createBench(model: "hlw8012" | "bl0937" = "hlw8012", configuration: Hlw8012Configuration = {}) {
  const world = createWorld();
  const load = { volts: 230, amperes: 4, watts: 805 };
  const chip = new Hlw8012Chip({ clock: world.world, values: () => load, model });
  const Pulses = createPulseCount(
    new Map([
      [CF, chip.cf],
      [CF1, chip.cf1],
    ]),
  );
  // A transistor before the pin turns its level round.
  const transistor = { onWrite: (value: number) => chip.sel.onWrite(1 - value) };
  const Digital = createDigital(new Map([[SEL, configuration.inverted ? transistor : chip.sel]]));
  const { clock, run } = world;
  const options = (onSample?: () => void): Hlw8012Options => ({
    ...{ sensor: { io: Pulses, power: CF, second: CF1 }, select: { io: Digital, pin: SEL }, clock },
    ...(onSample && { onSample }),
  });
  const bench = collect((onSample) => new Hlw8012(options(onSample)));
  bench.driver.configure({ model, ...configuration });
  return { chip, load, options, ...bench, clock, run };
}

describe.each(["hlw8012", "bl0937"] as const)("a chip that pulses, %s", (model) => {
  it("gives its first sample when it has been asked for voltage and for current", async () => {
    const { samples, run } = createBench(model);
    await run(3999);
    expect(samples).toEqual([]);
    await run(1);
    expect(samples).toHaveLength(1);
    expect(samples[0].quality).toBe(Quality.good);
    expect(samples[0].ticks).toBe(4000);
  });

  it("measures a circuit's physics, under names of the registry, with q = √(S²−P²)", async () => {
    const { samples, run } = createBench(model);
    await run(60_000);
    const { quality, ticks, ...values } = samples.at(-1)!;
    expect([quality, ticks]).toEqual([Quality.good, 60_000]);
    for (const name of Object.keys(values)) expect(() => channelNumber(name), name).not.toThrow();
    expect(Math.abs(values.v! / 230 - 1)).toBeLessThan(0.002);
    expect(Math.abs(values.i! / 4 - 1)).toBeLessThan(0.007);
    expect(Math.abs(values.p! / 805 - 1)).toBeLessThan(0.01);
    expect(values.q).toBeCloseTo(Math.sqrt(values.s! ** 2 - values.p! ** 2), 6);
  });

  it("adds its pulses up to the energy that flowed, over the counter's end", async () => {
    const { samples, run } = createBench(model);
    await run(3_600_000);
    expect(samples.at(-1)!.ei).toBeGreaterThan(803);
    expect(samples.at(-1)!.ei).toBeLessThanOrEqual(805);
  });
});

describe("a chip that pulses", () => {
  it("follows a load that comes and goes, down to a few pulses in ten seconds", async () => {
    const { load, samples, run } = createBench();
    await run(8000);
    Object.assign(load, { amperes: 0.03, watts: 5 });
    await run(40_000);
    expect(samples.at(-1)!.p).toBeGreaterThan(3);
    expect(samples.at(-1)!.p).toBeLessThan(7);
    Object.assign(load, { amperes: 0, watts: 0 });
    await run(30_000);
    expect(samples.at(-1)).toMatchObject({ quality: Quality.good, i: 0, p: 0, s: 0, q: 0 });
    expect(samples.at(-1)).not.toHaveProperty("pf");
  });

  it("has voltage at the low level of SEL behind a transistor, if told so", async () => {
    const { samples, run } = createBench("hlw8012", { inverted: true });
    await run(4000);
    expect(Math.abs(samples[0].v! / 230 - 1)).toBeLessThan(0.002);
    expect(Math.abs(samples[0].i! / 4 - 1)).toBeLessThan(0.007);
  });

  it("that goes dead is silent, and good again when it comes back", async () => {
    const { chip, driver, qualities, run } = createBench();
    await run(6000);
    chip.isDead = true;
    await run(8000);
    chip.isDead = false;
    await run(6000);
    expect(qualities().slice(0, 2)).toEqual([0, 0]);
    expect(qualities()).toContain(Quality.silent);
    expect(qualities().at(-1)).toBe(Quality.good);
    expect(driver.counters.silent).toBeGreaterThan(1);
    expect(driver.counters.polls).toBeGreaterThan(driver.counters.good);
  });

  it("at a voltage on which it cannot live is implausible", async () => {
    const { load, qualities, run } = createBench();
    load.volts = 20;
    await run(4000);
    expect(qualities()).toEqual([Quality.implausible]);
  });

  it("with more power than V·I is implausible, but not while a load has just gone", async () => {
    const { load, qualities, run } = createBench();
    load.watts = 2000;
    await run(4000);
    expect(qualities()).toEqual([Quality.implausible]);
    load.watts = 900;
    await run(20_000);
    load.watts = 0;
    load.amperes = 0;
    const { length } = qualities();
    await run(30_000);
    expect(qualities().slice(length)).toEqual(new Array(qualities().length - length).fill(Quality.good));
  });

  it("whose pins fail is a fault of the bus", async () => {
    const { clock, run } = createWorld();
    const Pulses = class {
      read() {
        throw new Error("gone");
      }
      close() {}
    } as unknown as PulseCountConstructor;
    const Output = class {
      static readonly Output = 1;
      write() {}
      close() {}
    } as unknown as DigitalConstructor;
    const sensor = { io: Pulses, power: 1, second: 2 };
    const { qualities, driver } = collect(
      (onSample) => new Hlw8012({ sensor, select: { io: Output, pin: 3 }, clock, onSample }),
    );
    await run(3000);
    expect(qualities()).toEqual([Quality.bus, Quality.bus]);
    driver.close();
    expect(clock.pending).toBe(0);
  });
});

describe("a driver of a chip that pulses", () => {
  it("names the field of an option that is wrong", () => {
    const { driver, options } = createBench();
    const wrong: [Hlw8012Configuration, string][] = [
      [{ pollMs: 500 }, "pollMs is 500"],
      [{ pollMs: 60_000 }, "pollMs is 60000"],
      [{ model: "hlw8032" as "hlw8012" }, "model is hlw8032, expected hlw8012, bl0937"],
      [{ shuntMilliohms: 0 }, "shuntMilliohms is 0"],
      [{ divider: 0 }, "divider is 0"],
      [{ inverted: 1 as unknown as boolean }, "inverted is 1"],
      [{ minimumVolts: -1 }, "minimumVolts is -1"],
    ];
    for (const [configuration, message] of wrong)
      expect(() => driver.configure(configuration)).toThrow(message);
    const without = { ...options(), select: undefined } as unknown as Hlw8012Options;
    expect(() => new Hlw8012(without)).toThrow("hlw8012: select.io is missing, expected a digital class");
    expect(() => new Hlw8012({} as Hlw8012Options)).toThrow("hlw8012: sensor.io is missing");
  });

  it("keeps no pin when one of them cannot be had", () => {
    const { driver, options } = createBench();
    driver.close();
    const { sensor, select, clock } = options();
    expect(() => new Hlw8012({ sensor, select: { ...select, pin: 99 }, clock })).toThrow(
      "nothing is at pin 99",
    );
    new Hlw8012({ sensor, select, clock }).close();
  });

  it("leaves no timer when closed, in any state, and calls nobody", async () => {
    for (const ms of [0, 300, 1000, 2200, 4000]) {
      const { driver, samples, clock, run } = createBench();
      if (ms) await run(ms);
      const { length } = samples;
      driver.close();
      driver.close();
      expect(clock.pending, `after ${ms} ms`).toBe(0);
      await run(20_000);
      expect(samples).toHaveLength(length);
    }
  });

  it("takes any counts without a throw, and its energy never goes back", async () => {
    const counts = fc.sample(fc.nat(32_766), { numRuns: 3000, seed: 23 });
    let at = 0;
    const Pulses = class {
      read() {
        const count = counts[at++ % counts.length];
        if (count % 17 === 0) throw new Error("gone");
        return count % 5 === 0 ? 0 : count;
      }
      close() {}
    } as unknown as PulseCountConstructor;
    const Output = class {
      static readonly Output = 1;
      write() {}
      close() {}
    } as unknown as DigitalConstructor;
    const { clock, run } = createWorld();
    const sensor = { io: Pulses, power: 1, second: 2 };
    const { samples, driver } = collect(
      (onSample) => new Hlw8012({ sensor, select: { io: Output, pin: 3 }, clock, onSample }),
    );
    driver.configure({ pollMs: 1000, minimumVolts: 0, divider: 100 });
    await run(1_500_000);
    expect(at).toBeGreaterThan(3000);
    expect(driver.counters.good).toBeGreaterThan(3);
    let last = 0;
    for (const sample of samples) {
      for (const value of Object.values(sample)) expect(value).not.toBeNaN();
      if (sample.ei === undefined) continue;
      expect(sample.ei).toBeGreaterThanOrEqual(last);
      last = sample.ei;
    }
  });
});
