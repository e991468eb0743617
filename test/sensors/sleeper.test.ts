import { describe, expect, it } from "vitest";
import { Ade7953Chip } from "../../hal-mocks/chips/ade7953";
import { Bl0942Chip } from "../../hal-mocks/chips/bl0942";
import { Cse7766Chip } from "../../hal-mocks/chips/cse7766";
import { Hlw8012Chip } from "../../hal-mocks/chips/hlw8012";
import { Ina226Chip } from "../../hal-mocks/chips/ina226";
import { Ina228Chip } from "../../hal-mocks/chips/ina228";
import { ShtChip } from "../../hal-mocks/chips/sht";
import { SmlMeter } from "../../hal-mocks/chips/sml-meter";
import { createI2C, type I2CChip } from "../../hal-mocks/i2c";
import { createDigital, createPulseCount } from "../../hal-mocks/pulse-count";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import { type DriverFactory, Stream } from "../../src/lowpower/stream";
import { newTime, Timekeeper } from "../../src/lowpower/timekeeper";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { Ade7953 } from "../../src/sensors/ade7953";
import { Bl0942 } from "../../src/sensors/bl0942";
import { Cse7766 } from "../../src/sensors/cse7766";
import type { DriverCallbacks } from "../../src/sensors/driver-options";
import { Hlw8012 } from "../../src/sensors/hlw8012";
import { Ina226 } from "../../src/sensors/ina226";
import { Ina228 } from "../../src/sensors/ina228";
import { Polling } from "../../src/sensors/polling";
import { Sht3x } from "../../src/sensors/sht3x";
import { Sht4x } from "../../src/sensors/sht4x";
import { Sml } from "../../src/sensors/sml";
import { createWorld } from "../support/sensors";

type World = ReturnType<typeof createWorld>;
type Open = (callbacks: DriverCallbacks) => ReturnType<DriverFactory>;

const plug = { volts: 230, amperes: 2, watts: 450, hertz: 50 };
const circuit = { amperes: 2, watts: 450, vars: 90 };
const dc = { volts: 26, amperes: 0.5 };

function serial({ busClock }: World, chip: SerialChip) {
  return { io: createSerial(busClock, new Map([[0, chip]])), receive: 1, transmit: 2 };
}

function i2c(address: number, chip: I2CChip) {
  return { io: createI2C(new Map([[address, chip]])), data: 1, clock: 2 };
}

/** Of each driver, its chip and the longest time that a sleeper must stay up for a sample, in ms. */
const drivers: Readonly<Record<string, [upMs: number, make: (world: World) => Open]>> = {
  bl0942: [
    60,
    (world) => {
      const sensor = serial(world, new Bl0942Chip({ clock: world.world, values: () => plug }));
      return (callbacks) => new Bl0942({ sensor, ...callbacks });
    },
  ],
  cse7766: [
    110,
    (world) => {
      const sensor = serial(world, new Cse7766Chip({ clock: world.world, values: () => plug }));
      return (callbacks) => new Cse7766({ sensor, ...callbacks });
    },
  ],
  sml: [
    1400,
    (world) => {
      const values = () => ({ importWh: 1, exportWh: 0, watts: 5 });
      const sensor = serial(world, new SmlMeter({ clock: world.world, values }));
      return (callbacks) => new Sml({ sensor, ...callbacks });
    },
  ],
  ina226: [
    41,
    ({ world }) => {
      const sensor = i2c(0x40, new Ina226Chip({ clock: world, values: () => dc, shuntOhms: 0.1 }));
      return (callbacks) => new Ina226({ sensor, ...callbacks });
    },
  ],
  ina228: [
    210,
    ({ world }) => {
      const sensor = i2c(0x40, new Ina228Chip({ clock: world, values: () => dc, shuntOhms: 0.015 }));
      return (callbacks) => new Ina228({ sensor, ...callbacks });
    },
  ],
  sht3x: [
    17,
    ({ world }) => {
      const values = () => ({ celsius: 20, humidity: 50 });
      const sensor = i2c(0x44, new ShtChip({ clock: world, values, family: "sht3x" }));
      return (callbacks) => new Sht3x({ sensor, ...callbacks });
    },
  ],
  sht4x: [
    10,
    ({ world }) => {
      const values = () => ({ celsius: 20, humidity: 50 });
      const sensor = i2c(0x44, new ShtChip({ clock: world, values, family: "sht4x" }));
      return (callbacks) => new Sht4x({ sensor, ...callbacks });
    },
  ],
  ade7953: [
    200,
    ({ world }) => {
      const values = () => ({ volts: 230, hertz: 50, a: circuit, b: circuit });
      const sensor = i2c(0x38, new Ade7953Chip({ clock: world, values }));
      return (callbacks) => new Ade7953({ sensor, ...callbacks });
    },
  ],
  hlw8012: [
    4000,
    ({ world }) => {
      const chip = new Hlw8012Chip({ clock: world, values: () => plug });
      const pins = [
        [1, chip.cf],
        [2, chip.cf1],
      ] as const;
      const sensor = { io: createPulseCount(new Map(pins)), power: 1, second: 2 };
      const select = { io: createDigital(new Map([[3, chip.sel]])), pin: 3 };
      return (callbacks) => new Hlw8012({ sensor, select, ...callbacks });
    },
  ],
};

describe.each(Object.entries(drivers))("a sleeper with %s", (_name, [upMs, make]) => {
  it(`opens, has one good sample within ${upMs} ms, and closes, wake after wake`, async () => {
    const world = createWorld();
    const open = make(world);
    const { clock } = world;
    for (let wake = 0; wake < 3; wake++) {
      const begun = clock.ticks;
      const taken: Sample[] = [];
      const stream = new Stream({
        plan: { point: 0, sensor: "p1", profile: 3, sampleMs: 60_000, timeoutMs: 10_000, batch: 1 },
        clock,
        time: new Timekeeper(newTime()),
        due: begun,
        open: (callbacks) => open({ clock, ...callbacks }),
        onReading: (_, sample) => taken.push(sample),
      });
      await world.world.runFor(stream.take(), "a sample");
      stream.close();
      expect(taken.map(({ quality }) => quality)).toEqual([Quality.good]);
      expect(clock.ticks - begun).toBeLessThanOrEqual(upMs);
      expect(clock.pending).toBe(0);
      await world.run(60_000);
      expect(taken).toHaveLength(1);
    }
  });
});

describe("polls", () => {
  it("begin every pollMs, and at once after one that took longer", async () => {
    const { clock, run } = createWorld();
    const begun: number[] = [];
    const durations = [10, 150, 10, 10];
    const polling: Polling = new Polling({ clock }, () => {
      begun.push(clock.ticks);
      polling.wait(durations[begun.length - 1] ?? 10, () => polling.succeed(polling.newSample()));
    });
    polling.configure("test", 100, 1);
    polling.start();
    await run(450);
    expect(begun).toEqual([0, 100, 250, 350, 450]);
    polling.close();
    expect(clock.pending).toBe(0);
  });

  it("end when the driver is closed in onSample", async () => {
    const { clock, run } = createWorld();
    let samples = 0;
    const polling: Polling = new Polling(
      {
        clock,
        onSample: () => {
          samples++;
          polling.close();
        },
      },
      () => polling.succeed(polling.newSample()),
    );
    polling.start();
    await run(5000);
    expect([samples, clock.pending]).toEqual([1, 0]);
  });

  it("do not replace a good sample that nobody has read by a bad one", async () => {
    const { clock, run } = createWorld();
    let polls = 0;
    const polling: Polling = new Polling({ clock }, () => {
      if (polls++) polling.fail(Quality.bus);
      else polling.succeed(polling.newSample());
    });
    polling.start();
    await run(1500);
    expect(polling.take()).toEqual({ quality: Quality.good, ticks: 0 });
    expect(polling.take()).toBeUndefined();
    await run(1000);
    expect(polling.take()).toEqual({ quality: Quality.bus, ticks: 2000 });
    polling.close();
  });
});
