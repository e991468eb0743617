import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bl0942Chip, bl0942Packet, type CircuitValues } from "../../hal-mocks/chips/bl0942";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import { Bl0942, type Bl0942Configuration, type Bl0942Options } from "../../src/sensors/bl0942";
import { collect, createWorld, hex } from "../support/sensors";

/**
 * A 40 W bulb on 230 V, whose board has the shunt the other way round: arendst/Tasmota, comment in
 * xnrg_14_bl09xx.ino, without the checksums, which are ours.
 */
const RECORDED = [
  ["55 A3 B9 00 9E 4C 36 93 43 00 F4 98 FF 99 00 00 16 4E 00 01 01 00", 0x76, 3_558_558, 47_523, -26_380],
  ["55 AC B9 00 79 4D 36 C4 43 00 EF 98 FF 99 00 00 16 4E 00 01 01 00", 0x65, 3_558_777, 47_532, -26_385],
  [
    "55 40 BA 00 2D 50 36 FE 43 00 96 98 FF 99 00 00 16 4E 00 01 01 00",
    undefined,
    3_559_469,
    47_680,
    -26_474,
  ],
  [
    "55 91 B9 00 33 4C 36 FB 43 00 FC 98 FF 99 00 00 1E 4E 00 21 01 00",
    undefined,
    3_558_451,
    47_505,
    -26_372,
  ],
] as const;

// What the data sheet's formulas give for 1 mΩ and 5·390 kΩ over 510 Ω.
const VOLT = 15_883.34;
const AMPERE = 251_213.46;
const WATT = 623.397;

const bulb: CircuitValues = { volts: 230, amperes: 0.2, watts: 45, hertz: 50 };

function withChecksum(text: string): Uint8Array {
  const bytes = hex(text);
  const sum = bytes.reduce((total, byte) => total + byte, 0x58);
  return Uint8Array.of(...bytes, ~sum & 0xff);
}

function open(chip: SerialChip, configuration?: Bl0942Configuration, world = createWorld()) {
  const { busClock, clock, run } = world;
  const io = createSerial(busClock, new Map([[0, chip]]));
  const bench = collect(
    (onSample) => new Bl0942({ sensor: { io, receive: 1, transmit: 2 }, clock, onSample }),
  );
  if (configuration) bench.driver.configure(configuration);
  return { ...bench, clock, run };
}

function createChip(world: ReturnType<typeof createWorld>, values = () => bulb): Bl0942Chip {
  return new Bl0942Chip({ clock: world.world, values });
}

/** Answers each command with the same bytes. */
function answering(answer: Uint8Array): SerialChip & { commands: number[][] } {
  const commands: number[][] = [];
  return {
    commands,
    onReceive: (bytes, line) => {
      commands.push([...bytes]);
      line.send(answer);
    },
  };
}

describe("a BL0942", () => {
  it.each(RECORDED)(
    "recorded answer %# gives its values, and power out of the circuit",
    async (...recorded) => {
      const [text, checksum, u, i, w] = recorded;
      const packet = withChecksum(text);
      if (checksum !== undefined) expect(packet.at(-1)).toBe(checksum);
      const chip = answering(packet);
      const { samples, run } = open(chip);
      await run(500);
      expect(chip.commands).toEqual([[0x58, 0xaa]]);
      expect(samples).toHaveLength(1);
      const [sample] = samples;
      expect(sample.quality).toBe(Quality.good);
      expect(sample.v! * VOLT).toBeCloseTo(u, -2);
      expect(sample.i! * AMPERE).toBeCloseTo(i, 0);
      expect(sample.p! * WATT).toBeCloseTo(w, -1);
      expect(sample.p).toBeLessThan(-42);
      expect(sample.f).toBeCloseTo(50, 1);
      expect(sample.s).toBeCloseTo(sample.v! * sample.i!, 9);
      expect(sample.q).toBeCloseTo(Math.sqrt(sample.s! ** 2 - sample.p! ** 2), 6);
    },
  );

  it("recorded answers are what the chip makes of the same registers", () => {
    for (const [text, , voltage, current, watt] of RECORDED) {
      const bytes = hex(text);
      const word = (at: number) => bytes[at] + 256 * bytes[at + 1] + 65_536 * bytes[at + 2];
      const [fast, pulses, period, status] = [word(7), word(13), bytes[16] + 256 * bytes[17], bytes[19]];
      const packet = bl0942Packet({ current, voltage, fast, watt, pulses, period, status });
      expect(packet).toEqual(withChecksum(text));
    }
  });

  it("is import on a board with its shunt the other way round, if told so", async () => {
    const { samples, run } = open(answering(withChecksum(RECORDED[0][0])), { reversed: true });
    await run(500);
    expect(samples[0].p).toBeGreaterThan(42);
  });

  it("measures a circuit's physics, under names of the registry", async () => {
    const world = createWorld();
    const chip = createChip(world);
    const { samples, run } = open(chip, { pollMs: 1000 }, world);
    await run(10_500);
    expect(samples).toHaveLength(11);
    const { quality, ticks, ...values } = samples[10];
    expect([quality, ticks]).toEqual([Quality.good, 10_054]);
    for (const name of Object.keys(values)) expect(() => channelNumber(name), name).not.toThrow();
    expect(values.v).toBeCloseTo(230, 2);
    expect(values.i).toBeCloseTo(0.2, 4);
    expect(values.p).toBeCloseTo(45, 2);
    expect(values.f).toBeCloseTo(50, 2);
    expect(values.s).toBeCloseTo(46, 2);
    // Not S − P, which would be 1.
    expect(values.q).toBeCloseTo(Math.sqrt(46 ** 2 - 45 ** 2), 1);
    expect(values.pf).toBeCloseTo(45 / 46, 4);
  });

  it("adds its pulses up to the energy that flowed, each way", async () => {
    const world = createWorld();
    let watts = 2300;
    const chip = createChip(world, () => ({ volts: 230, amperes: 10, watts, hertz: 50 }));
    const { samples, run } = open(chip, { pollMs: 1000 }, world);
    await run(3_600_000);
    watts = -1150;
    await run(3_600_000);
    const last = samples.at(-1)!;
    expect(samples[0]).not.toHaveProperty("ei");
    // A pulse is 0.187 Wh, and the poll at the change counts for the side it ends on.
    expect(Math.abs(last.ei! - 2300)).toBeLessThan(2);
    expect(Math.abs(last.ee! - 1150)).toBeLessThan(2);
  });

  it("sums whole pulses, not rounded energies, over the counter's overflow", async () => {
    let pulses = 0xfffff0;
    const chip: SerialChip = {
      onReceive: (_, line) => {
        line.send(
          bl0942Packet({
            current: 50_000 + (pulses & 7),
            voltage: 3_650_000,
            fast: 0,
            watt: 0,
            pulses,
            period: 20_000,
          }),
        );
        pulses = (pulses + 7) & 0xffffff;
      },
    };
    const { samples, run } = open(chip, { pollMs: 1000 });
    await run(100_500);
    const pulseWh = (1638.4 * 256) / WATT / 3600;
    expect(samples.at(-1)!.ei! / pulseWh).toBeCloseTo(700, 2);
  });

  it("that lost its power counts on from there, and says so", async () => {
    const world = createWorld();
    const chip = createChip(world, () => ({ volts: 230, amperes: 10, watts: 2300, hertz: 50 }));
    const { driver, samples, run } = open(chip, { pollMs: 1000 }, world);
    await run(600_000);
    const before = samples.at(-1)!.ei!;
    chip.reset();
    await run(60_000);
    expect(driver.counters.resets).toBe(1);
    expect(samples.at(-1)!.ei! - before).toBeGreaterThan(36);
    expect(samples.at(-1)!.ei! - before).toBeLessThan(40);
  });
});

describe("a BL0942 among several", () => {
  it("is asked by its address, which its checksum covers", async () => {
    const world = createWorld();
    const chip = new Bl0942Chip({ clock: world.world, values: () => bulb, address: 2 });
    const { driver, qualities, run } = open(chip, { address: 2 }, world);
    await run(500);
    expect(qualities()).toEqual([Quality.good]);
    driver.configure({ address: 1 });
    await run(1000);
    expect(qualities()).toEqual([Quality.good, Quality.silent]);
  });
});

describe("a BL0942's fault", () => {
  it("of an answer that comes too late is silence, and the late answer is none", async () => {
    const world = createWorld();
    const late: SerialChip = {
      onReceive: (_, line) => world.busClock.set(() => line.send(withChecksum(RECORDED[0][0])), 200),
    };
    const { driver, qualities, run } = open(late, { pollMs: 1000 }, world);
    await run(2900);
    expect(qualities()).toEqual(new Array(3).fill(Quality.silent));
    expect(driver.counters).toMatchObject({ good: 0, discardedBytes: 69 });
  });

  it("is none when the time of its last count is that of another boot", async () => {
    const world = createWorld();
    const chip = createChip(world);
    const { busClock, clock, run } = world;
    const io = createSerial(busClock, new Map([[0, chip]]));
    // Read at 5,000,000 ms of a boot that has ended; 2 Wh were imported.
    const counts = Float64Array.of(9_000_000, 5_000_000, 2e6, 0);
    const { driver, samples } = collect(
      (onSample) => new Bl0942({ sensor: { io, receive: 1, transmit: 2 }, clock, counts, onSample }),
    );
    await run(500);
    expect(samples[0]).toMatchObject({ quality: Quality.good, ei: 2, ee: 0 });
    expect(driver.counters.resets).toBe(0);
  });

  it("becomes a bad sample and a counter, and the next good answer a good one", async () => {
    const world = createWorld();
    const chip = createChip(world);
    const good = chip.packet();
    const broken = good.slice();
    broken[5] ^= 4;
    chip.planted.push("silence", good.subarray(0, 12), broken, Uint8Array.of(1, 2, 3));
    const { driver, qualities, run } = open(chip, { pollMs: 1000 }, world);
    await run(5000);
    const { silent, partial, checksum } = Quality;
    expect(qualities()).toEqual([silent, partial, checksum, partial, Quality.good]);
    expect(driver.counters).toMatchObject({ polls: 6, silent: 1, partial: 2, checksum: 1, good: 1 });
  });

  it("of noise before the answer costs nothing but a counter", async () => {
    const good = withChecksum(RECORDED[0][0]);
    const noisy = Uint8Array.of(0x55, 0x00, 0xaa, 0x55, ...good);
    const { driver, qualities, run } = open(answering(noisy));
    await run(500);
    expect(qualities()).toEqual([Quality.good]);
    expect(driver.counters).toMatchObject({ discardedBytes: 4, checksum: 0 });
  });

  it.each([
    ["no voltage", { voltage: 0 }],
    ["655 V", { voltage: 10_400_000 }],
    ["more power than V·I", { watt: 600_000 }],
    ["no mains' frequency", { period: 1000 }],
  ])("of %s behind a good checksum is implausible", async (_what, change) => {
    const registers = {
      current: 50_000,
      voltage: 3_650_000,
      fast: 0,
      watt: 26_000,
      pulses: 1,
      period: 20_000,
    };
    const { qualities, run } = open(answering(bl0942Packet({ ...registers, ...change })));
    await run(500);
    expect(qualities()).toEqual([Quality.implausible]);
  });

  it("of a measurement that never changes is implausible after ten repeats", async () => {
    const { driver, qualities, run } = open(answering(withChecksum(RECORDED[0][0])), { pollMs: 1000 });
    await run(12_500);
    expect(qualities()).toEqual([
      ...new Array(10).fill(Quality.good),
      ...new Array(3).fill(Quality.implausible),
    ]);
    expect(driver.counters.stuck).toBe(3);
  });

  it("of a port that refuses the command is the bus's", async () => {
    const { clock, run } = createWorld();
    const io = class {
      write() {
        throw new Error("output full");
      }
      close() {}
    } as unknown as Bl0942Options["sensor"]["io"];
    const { qualities, driver } = collect((onSample) => new Bl0942({ sensor: { io }, clock, onSample }));
    await run(1500);
    expect(qualities()).toEqual([Quality.bus, Quality.bus]);
    driver.close();
    expect(clock.pending).toBe(0);
  });
});

describe("a BL0942 driver", () => {
  it("names the field of an option that is wrong, and changes nothing", () => {
    const world = createWorld();
    const { driver } = open(createChip(world), undefined, world);
    const wrong: [Bl0942Configuration, string][] = [
      [{ pollMs: 10 }, "pollMs is 10"],
      [{ address: 4 }, "address is 4"],
      [{ shuntMilliohms: 0 }, "shuntMilliohms is 0"],
      [{ divider: Number.NaN }, "divider is NaN"],
      [{ reversed: 1 as unknown as boolean }, "reversed is 1"],
      [{ minimumVolts: -1 }, "minimumVolts is -1"],
    ];
    for (const [options, message] of wrong) expect(() => driver.configure(options)).toThrow(message);
    const { clock } = world;
    expect(() => new Bl0942({} as Bl0942Options)).toThrow("sensor.io");
    expect(() => new Bl0942({ sensor: { io: class {} } } as unknown as Bl0942Options)).toThrow("clock");
    const noFunction = { sensor: { io: class {} }, clock, onSample: 1 } as unknown as Bl0942Options;
    expect(() => new Bl0942(noFunction)).toThrow("onSample is no function");
  });

  it("leaves no timer when closed, in any state, and calls nobody", async () => {
    for (const ms of [0, 3, 20, 60, 500, 1003]) {
      const world = createWorld();
      const { driver, samples, clock, run } = open(createChip(world), { pollMs: 1000 }, world);
      await run(ms);
      const { length } = samples;
      driver.close();
      driver.close();
      expect(clock.pending, `after ${ms} ms`).toBe(0);
      await run(5000);
      expect(samples).toHaveLength(length);
    }
  });

  it("takes any answers without a throw, and finds the good one behind them", async () => {
    const world = createWorld();
    const chip = createChip(world);
    const { driver, samples, run } = open(chip, { pollMs: 200 }, world);
    const mutation = fc.tuple(fc.nat(22), fc.integer({ min: 1, max: 255 }), fc.nat(23), fc.boolean());
    const answers = fc.sample(fc.oneof(mutation, fc.uint8Array({ maxLength: 60 })), {
      numRuns: 3000,
      seed: 7,
    });
    for (const answer of answers) {
      if (answer instanceof Uint8Array) chip.planted.push(answer);
      else {
        const [at, flip, length, cut] = answer;
        const bytes = chip.packet();
        bytes[at] ^= flip;
        chip.planted.push(cut ? bytes.subarray(0, length) : bytes);
      }
    }
    await run(200 * 3000);
    expect(driver.counters.good).toBe(0);
    for (const sample of samples) for (const value of Object.values(sample)) expect(value).not.toBeNaN();
    await run(1000);
    expect(samples.at(-1)!.quality).toBe(Quality.good);
  });
});
