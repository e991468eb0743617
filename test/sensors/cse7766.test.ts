import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cse7766Chip, cse7766Frame } from "../../hal-mocks/chips/cse7766";
import { createSerial, type SerialChip, type SerialLine } from "../../hal-mocks/serial";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import { Cse7766, type Cse7766Configuration, type Cse7766Options } from "../../src/sensors/cse7766";
import { collect, createWorld, hex } from "../support/sensors";

// arendst/Tasmota, comment in xnrg_02_cse7766.ino.
const NO_LOAD = "F2 5A 02 F7 60 00 03 61 00 40 10 05 72 40 51 A6 58 63 10 1B E1 7F 4D 4E";
const POWER_NOT_VALID = "55 5A 02 F7 60 00 03 5A 00 40 10 04 8B 9F 51 A6 58 18 72 75 61 AC A1 30";
const GOOD = "55 5A 02 F7 60 00 03 AB 00 40 10 02 60 5D 51 A6 58 03 E9 EF 71 0B 7A 36";
const OVERFLOW = "55 5A 02 F1 E8 00 07 9D 00 3F 3E 00 35 F8 50 DB 38 00 B2 A2 F1 D6 97 3E";
const GOOD_VOLTAGE = "55 5A 02 DB 40 00 03 25 00 3D 18 03 8E CD 4F 0A 60 2A 56 85 61 01 02 1A";
const WRONG_VOLTAGE = "55 5A 02 DB 40 07 17 1D 00 3D 18 03 8E CD 4F 0A 60 2B EF EA 61 01 02 2C";

const load = { volts: 230, amperes: 2, watts: 400 };

/** Sends what it is told to. */
class Voice implements SerialChip {
  line: SerialLine | undefined;

  onOpen(line: SerialLine): void {
    this.line = line;
  }
}

function open(chip: SerialChip, configuration: Cse7766Configuration = { pollMs: 0 }, world = createWorld()) {
  const { busClock, clock, run } = world;
  const io = createSerial(busClock, new Map([[0, chip]]));
  const bench = collect((onSample) => new Cse7766({ sensor: { io, receive: 1 }, clock, onSample }));
  bench.driver.configure(configuration);
  return { ...bench, clock, run };
}

async function samplesOf(...frames: string[]) {
  const voice = new Voice();
  const { driver, samples, run } = open(voice);
  for (const frame of frames) {
    voice.line!.send(hex(frame));
    await run(60);
  }
  return { samples, counters: driver.counters };
}

describe("a CSE7766", () => {
  it.each([
    ["no load", NO_LOAD, { v: 224.74, i: 0, p: 0, s: 0 }],
    ["a power that is not valid yet", POWER_NOT_VALID, { v: 226.57, i: 0.0551, s: 12.47 }],
    ["a load", GOOD, { v: 207.03, i: 0.1053, p: 20.86, s: 21.8, q: 6.33, pf: 0.957 }],
    ["a pulse counter that has overflowed", OVERFLOW, { v: 99.03, i: 1.1718, p: 115.88, s: 116.04 }],
    ["a voltage", GOOD_VOLTAGE, { v: 232.55 }],
  ])("recorded frame with %s gives its values", async (_what, frame, expected) => {
    const { samples } = await samplesOf(frame);
    expect(samples).toHaveLength(1);
    expect(samples[0].quality).toBe(Quality.good);
    for (const [name, value] of Object.entries(expected))
      expect(Math.abs(samples[0][name]! - value), name).toBeLessThan(0.006);
    if (frame === POWER_NOT_VALID) expect(samples[0]).not.toHaveProperty("p");
  });

  it("recorded frame with 0.40 V behind a good checksum is implausible", async () => {
    const { samples, counters } = await samplesOf(WRONG_VOLTAGE);
    expect(samples).toEqual([{ quality: Quality.implausible, ticks: 50 }]);
    expect(counters).toMatchObject({ implausible: 1, checksum: 0, good: 0 });
  });

  it("recorded frames are what the chip makes of the same numbers", () => {
    for (const text of [NO_LOAD, POWER_NOT_VALID, GOOD, OVERFLOW, GOOD_VOLTAGE, WRONG_VOLTAGE]) {
      const bytes = hex(text);
      const word = (at: number) => bytes[at] * 65_536 + bytes[at + 1] * 256 + bytes[at + 2];
      const frame = cse7766Frame({
        head: bytes[0],
        voltage: [word(2), word(5)],
        current: [word(8), word(11)],
        power: [word(14), word(17)],
        flags: bytes[20] & 0x7f,
        pulses: (bytes[20] & 0x80 ? 65_536 : 0) + bytes[21] * 256 + bytes[22],
      });
      expect(frame).toEqual(bytes);
    }
  });

  it("measures a circuit's physics, under names of the registry, with q = √(S²−P²)", async () => {
    const world = createWorld();
    const chip = new Cse7766Chip({ clock: world.world, values: () => load });
    const { samples, run } = open(chip, { pollMs: 1000 }, world);
    await run(5500);
    expect(samples.length).toBeGreaterThanOrEqual(5);
    expect(samples.length).toBeLessThanOrEqual(6);
    const { quality, ticks, ...values } = samples.at(-1)!;
    expect(quality).toBe(Quality.good);
    for (const name of Object.keys(values)) expect(() => channelNumber(name), name).not.toThrow();
    expect(Math.abs(values.v! - 230) / 230).toBeLessThan(0.001);
    expect(Math.abs(values.i! - 2)).toBeLessThan(0.001);
    expect(Math.abs(values.p! - 400)).toBeLessThan(0.1);
    // S − P would be 60.
    expect(Math.abs(values.q! - Math.sqrt(460 ** 2 - 400 ** 2))).toBeLessThan(0.5);
  });

  it("adds its pulses up to the energy that flowed, over overflows", async () => {
    const world = createWorld();
    const chip = new Cse7766Chip({ clock: world.world, values: () => load });
    const { driver, samples, run } = open(chip, { pollMs: 10_000 }, world);
    await run(3_600_000);
    expect(driver.counters.resets).toBe(0);
    expect(samples[0]).not.toHaveProperty("ei");
    // Four overflows of 97.4 Wh; a sample is 10 s old at most.
    expect(samples.at(-1)!.ei).toBeGreaterThan(398);
    expect(samples.at(-1)!.ei).toBeLessThanOrEqual(400);
  });

  it("that lost its power counts on from there, and says so", async () => {
    const world = createWorld();
    const chip = new Cse7766Chip({ clock: world.world, values: () => load });
    const { driver, samples, run } = open(chip, { pollMs: 1000 }, world);
    await run(36_000);
    chip.reset();
    await run(36_000);
    expect(driver.counters.resets).toBe(1);
    expect(samples.at(-1)!.ei).toBeGreaterThan(7.8);
    expect(samples.at(-1)!.ei).toBeLessThan(8.1);
  });

  it("keeps the last whole cycle's power, and less when the one under way shows that", async () => {
    const underWay = cse7766Frame({
      ...{ head: 0x55, voltage: [0x02f760, 845], current: [0x4010, 0x048b9f], flags: 0x61, pulses: 3 },
      power: [0x51a658, 0x51a658 / 4],
    });
    const text = Array.from(underWay, (byte) => byte.toString(16)).join(" ");
    const { samples } = await samplesOf(GOOD, text, NO_LOAD);
    expect(samples.map(({ p }) => Math.round(p! * 100) / 100)).toEqual([20.86, 4, 0]);
  });
});

describe("a CSE7766's fault", () => {
  it("is none before it has measured a first cycle of voltage, which gives nothing yet", async () => {
    const early = hex(GOOD);
    early[20] &= ~0x40;
    early[23] = (early[23] - 0x40) & 0xff;
    const text = Array.from(early, (byte) => byte.toString(16)).join(" ");
    const { samples, counters } = await samplesOf(text);
    expect(samples).toEqual([]);
    expect(counters).toMatchObject({ frames: 1, incomplete: 1, good: 0 });
  });

  it("is none when the time of its last count is that of another boot", async () => {
    const world = createWorld();
    const chip = new Cse7766Chip({ clock: world.world, values: () => load });
    const { busClock, clock, run } = world;
    const io = createSerial(busClock, new Map([[0, chip]]));
    const counts = Float64Array.of(100_000, 5_000_000, 2e6);
    const { driver, samples } = collect(
      (onSample) => new Cse7766({ sensor: { io, receive: 1 }, clock, counts, onSample }),
    );
    await run(500);
    expect(samples[0]).toMatchObject({ quality: Quality.good, ei: 2 });
    expect(driver.counters.resets).toBe(0);
  });

  it("of a damaged frame is its checksum's, and the next frame is good", async () => {
    const damaged = GOOD.replace("60 5D", "61 5D");
    const { samples, counters } = await samplesOf(damaged, GOOD);
    expect(samples.map(({ quality }) => quality)).toEqual([Quality.checksum, Quality.good]);
    expect(counters).toMatchObject({ frames: 2, checksum: 1, good: 1 });
  });

  it("of a frame cut short does not cost the next one", async () => {
    const { samples } = await samplesOf(GOOD.slice(0, 40), GOOD, GOOD);
    expect(samples.at(-1)!.quality).toBe(Quality.good);
    expect(samples.filter(({ quality }) => quality === Quality.good)).toHaveLength(2);
  });

  it.each(["AA", "F8", "F4", "F1"])("that it states itself with head %s is malformed", async (head) => {
    const { samples, counters } = await samplesOf(GOOD.replace("55", head));
    expect(samples).toEqual([{ quality: Quality.malformed, ticks: 50 }]);
    expect(counters.malformed).toBe(1);
  });

  it("of silence is stated again and again, and over when it speaks", async () => {
    const voice = new Voice();
    const { driver, samples, run } = open(voice, { pollMs: 0, silentMs: 2000 });
    await run(6500);
    expect(samples).toEqual([2000, 4000, 6000].map((ticks) => ({ quality: Quality.silent, ticks })));
    voice.line!.send(hex(GOOD));
    await run(60);
    expect(samples.at(-1)!.quality).toBe(Quality.good);
    expect(driver.counters.silent).toBe(3);
  });

  it("of a frame that never changes, with power and without a pulse, is that it is stuck", async () => {
    const voice = new Voice();
    const { driver, qualities, run } = open(voice, { pollMs: 1000 });
    for (let second = 0; second < 30; second++) {
      voice.line!.send(hex(GOOD));
      await run(1000);
    }
    // 20.86 W owe twenty pulses of 5.35 J after five seconds.
    expect(qualities().slice(0, 10)).toEqual(new Array(10).fill(Quality.good));
    expect(qualities().slice(11)).toEqual(new Array(19).fill(Quality.implausible));
    expect(driver.counters.stuck).toBe(driver.counters.implausible);
    voice.line!.send(hex(OVERFLOW));
    await run(1000);
    expect(qualities().at(-1)).toBe(Quality.good);
    // Without a load nothing need ever change.
    const other = new Voice();
    const idle = open(other, { pollMs: 1000 });
    for (let second = 0; second < 60; second++) {
      other.line!.send(hex(NO_LOAD));
      await idle.run(1000);
    }
    expect(idle.driver.counters).toMatchObject({ stuck: 0, good: 60 });
  });

  it("in a flood gives a bad sample a second, and is counted each time", async () => {
    const world = createWorld();
    const chip = new Cse7766Chip({ clock: world.world, values: () => load });
    for (let count = 0; count < 50; count++) chip.planted.push(hex(WRONG_VOLTAGE));
    const { driver, qualities, run } = open(chip, { pollMs: 1000 }, world);
    await run(2750);
    expect(driver.counters.implausible).toBeGreaterThan(40);
    expect(qualities()).toEqual(new Array(3).fill(Quality.implausible));
    await run(500);
    expect(qualities().at(-1)).toBe(Quality.good);
  });
});

describe("a CSE7766 driver", () => {
  it("names the field of an option that is wrong", () => {
    const { driver } = open(new Voice());
    const wrong: [Cse7766Configuration, string][] = [
      [{ pollMs: -1 }, "pollMs is -1"],
      [{ silentMs: 1 }, "silentMs is 1"],
      [{ shuntMilliohms: 0 }, "shuntMilliohms is 0"],
      [{ dividerKiloohms: Number.NaN }, "dividerKiloohms is NaN"],
      [{ minimumVolts: 500 }, "minimumVolts is 500"],
    ];
    for (const [options, message] of wrong) expect(() => driver.configure(options)).toThrow(message);
    expect(() => new Cse7766({} as Cse7766Options)).toThrow("cse7766: sensor.io");
  });

  it("leaves no timer when closed, in any state, and calls nobody", async () => {
    for (const ms of [0, 30, 55, 105, 500]) {
      const world = createWorld();
      const chip = new Cse7766Chip({ clock: world.world, values: () => load });
      const { driver, samples, clock, run } = open(chip, { pollMs: 0 }, world);
      await run(ms);
      const { length } = samples;
      driver.close();
      driver.close();
      driver.configure({ silentMs: 100 });
      expect(clock.pending, `after ${ms} ms`).toBe(0);
      await run(5000);
      expect(samples).toHaveLength(length);
    }
  });

  it("takes any bytes without a throw, gives no value that cannot be, and finds a good frame behind them", async () => {
    const good = hex(GOOD);
    const mutated = fc.tuple(fc.nat(23), fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1, max: 24 }));
    const parts = fc.sample(fc.oneof(mutated, fc.uint8Array({ maxLength: 50 })), { numRuns: 3000, seed: 11 });
    const voice = new Voice();
    const { samples, run } = open(voice);
    for (const part of parts) {
      if (part instanceof Uint8Array) voice.line!.send(part);
      else {
        const bytes = good.slice();
        bytes[part[0]] ^= part[1];
        voice.line!.send(bytes.subarray(0, part[2]));
      }
      await run(150);
    }
    for (const sample of samples) for (const value of Object.values(sample)) expect(value).not.toBeNaN();
    for (const { v, quality } of samples) if (quality === Quality.good) expect(v).toBeGreaterThanOrEqual(50);
    // The same frame for minutes was that of a chip that is stuck: another one.
    for (let count = 0; count < 3; count++) voice.line!.send(hex(OVERFLOW));
    await run(400);
    expect(samples.at(-1)).toMatchObject({ quality: Quality.good });
  });
});
