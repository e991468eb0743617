import { describe, expect, it } from "vitest";
import { type ModbusDevice, RtuLine } from "../../hal-mocks/chips/modbus-slave";
import { Pzem004tChip } from "../../hal-mocks/chips/pzem004t";
import { Pzem017Chip } from "../../hal-mocks/chips/pzem017";
import { ExpectedSerial } from "../../hal-mocks/expected-serial";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import type { ModbusSensorOptions } from "../../src/sensors/modbus-sensor";
import { Pzem004t } from "../../src/sensors/pzem004t";
import { Pzem017 } from "../../src/sensors/pzem017";
import { Bench } from "../support/modbus";

type PzemClass = typeof Pzem004t | typeof Pzem017;

function open(bench: Bench, Pzem: PzemClass, chip: SerialChip) {
  const samples: Sample[] = [];
  const io = createSerial(bench.hostClock, new Map([[0, chip]]));
  const options: ModbusSensorOptions = {
    sensor: { io, receive: 1, transmit: 2, retries: 0 },
    clock: bench.clock,
    onSample: () => samples.push(pzem.sample()!),
  };
  const pzem = new Pzem(options);
  return { pzem, samples };
}

function line(bench: Bench, chip: ModbusDevice): RtuLine {
  return new RtuLine(bench.hostClock, new Map([[1, chip]]));
}

async function sampleOf(Pzem: PzemClass, request: string, answers: string): Promise<Sample | undefined> {
  const bench = new Bench();
  const chip = new ExpectedSerial(bench.hostClock, [{ request, answers }]);
  const { pzem, samples } = open(bench, Pzem, chip);
  await bench.pass(900);
  pzem.close();
  chip.verify();
  if (samples[0]) delete samples[0].ticks;
  return samples[0];
}

const AC_REQUEST = "01 04 00 00 00 0A 70 0D";
const DC_REQUEST = "01 04 00 00 00 08 F1 CC";

describe("published frames", () => {
  it("of a PZEM-004T (comment of ESPHome's pzemac.cpp) give what they say", async () => {
    const frame = "01 04 14 08 D1 00 6C 00 00 00 F4 00 00 00 26 00 00 01 F4 00 64 00 00 51 34";
    expect(await sampleOf(Pzem004t, AC_REQUEST, frame)).toEqual({
      quality: Quality.good,
      ...{ v: 225.7, i: 0.108, p: 24.4, ei: 38, f: 50, pf: 1, flags: 0 },
    });
  });

  it("of a PZEM-017 (comment of ESPHome's pzemdc.cpp) give what they say", async () => {
    const frame = "01 04 10 05 40 00 0A 00 0D 00 00 00 02 00 00 00 00 00 00 D6 29";
    expect(await sampleOf(Pzem017, DC_REQUEST, frame)).toEqual({
      quality: Quality.good,
      ...{ dcv: 13.44, dci: 0.1, dcp: 1.3, dcei: 2, flags: 0 },
    });
  });

  it("are what the chips say of these values", () => {
    const ac = new Pzem004tChip(() => ({ v: 225.7, i: 0.108, p: 24.4, wh: 38, f: 50, pf: 1 }));
    expect(Array.from({ length: 11 }, (_, address) => ac.input(address))).toEqual([
      0x8d1,
      0x6c,
      0,
      0xf4,
      0,
      0x26,
      0,
      0x1f4,
      0x64,
      0,
      undefined,
    ]);
    const dc = new Pzem017Chip(() => ({ v: 13.44, i: 0.1, wh: 2 }));
    expect(Array.from({ length: 8 }, (_, address) => dc.input(address))).toEqual([
      1344, 10, 13, 0, 2, 0, 0, 0,
    ]);
  });
});

describe("a PZEM", () => {
  it("has the lower word of its 32-bit values first", async () => {
    const bench = new Bench();
    const values = { v: 230, i: 70.123, p: 16_128.3, wh: 9_876_543, f: 49.9, pf: 0.87, alarm: true };
    const { samples } = open(bench, Pzem004t, line(bench, new Pzem004tChip(() => values)));
    await bench.pass(500);
    expect(samples[0]).toMatchObject({ i: 70.123, p: 16_128.3, ei: 9_876_543, f: 49.9, pf: 0.87, flags: 1 });
  });

  it("says which alarm of a DC meter is on", async () => {
    const bench = new Bench();
    const values = { v: 300, i: 250, wh: 70_000, highAlarm: true };
    const { samples } = open(bench, Pzem017, line(bench, new Pzem017Chip(() => values)));
    await bench.pass(500);
    expect(samples[0]).toMatchObject({ dcv: 300, dci: 250, dcp: 75_000, dcei: 70_000, flags: 1 });
    const low = { v: 7, i: 0, wh: 0, lowAlarm: true };
    const other = new Bench();
    const { samples: lows } = open(other, Pzem017, line(other, new Pzem017Chip(() => low)));
    await other.pass(500);
    expect(lows[0]).toMatchObject({ quality: Quality.good, flags: 2 });
  });

  it("whose alarm is neither on nor off is none", async () => {
    const bench = new Bench();
    const good = new Pzem004tChip(() => ({ v: 230, i: 1, p: 230, wh: 5, f: 50, pf: 1 }));
    const device = { input: (address: number) => (address === 9 ? 0x00ff : good.input(address)) };
    const { samples } = open(bench, Pzem004t, line(bench, device));
    await bench.pass(500);
    expect(samples[0].quality).toBe(Quality.malformed);
  });

  it.each([Pzem004t, Pzem017])("is reset, and read on", async (Pzem) => {
    const bench = new Bench();
    const chip =
      Pzem === Pzem004t
        ? new Pzem004tChip(() => ({ v: 230, i: 1, p: 230, wh: 5000, f: 50, pf: 1 }))
        : new Pzem017Chip(() => ({ v: 48, i: 1, wh: 5000 }));
    const { pzem, samples } = open(bench, Pzem, line(bench, chip));
    await bench.pass(900);
    const outcomes: unknown[] = [];
    pzem.resetEnergy((fault) => outcomes.push(fault));
    expect(outcomes).toEqual([]);
    await bench.pass(2000);
    expect(outcomes).toEqual([null]);
    expect(samples.map(({ ei, dcei }) => ei ?? dcei)).toEqual([5000, 0, 0]);
  });

  it.each([
    ["a voltage that cannot be", { v: 6553 }, Quality.implausible],
    ["a power factor that cannot be", { pf: 2 }, Quality.implausible],
    ["a current that cannot be", { i: 4_000_000 }, Quality.implausible],
    ["a power that cannot be", { p: 90_000 }, Quality.implausible],
  ])("with %s gives no good sample", async (_what, wrong, quality) => {
    const bench = new Bench();
    const values = { v: 230, i: 1, p: 230, wh: 5000, f: 50, pf: 1, ...wrong };
    const { pzem, samples } = open(bench, Pzem004t, line(bench, new Pzem004tChip(() => values)));
    await bench.pass(500);
    expect(samples[0]).toEqual({ quality, ticks: samples[0].ticks });
    expect(pzem.counters).toMatchObject({ good: 0, implausible: 1 });
  });

  it("that says the same for ten minutes is stuck, and good again with the first change", async () => {
    const bench = new Bench();
    const values = { v: 230, i: 1, p: 230, wh: 5000, f: 50, pf: 1 };
    const { pzem, samples } = open(bench, Pzem004t, line(bench, new Pzem004tChip(() => values)));
    await bench.pass(599_000);
    expect(samples.at(-1)!.quality).toBe(Quality.good);
    await bench.pass(5000);
    expect(samples.at(-1)!.quality).toBe(Quality.implausible);
    expect(pzem.counters.stuck).toBeGreaterThan(1);
    values.v = 230.1;
    await bench.pass(2000);
    expect(samples.at(-1)).toMatchObject({ quality: Quality.good, v: 230.1 });
  });

  it("on DC may say the same for ever: a battery at rest does", async () => {
    const bench = new Bench();
    const { pzem } = open(bench, Pzem017, line(bench, new Pzem017Chip(() => ({ v: 13, i: 0, wh: 0 }))));
    await bench.pass(1_000_000);
    expect(pzem.counters).toMatchObject({ stuck: 0, implausible: 0 });
  });

  it("asked once gives one good sample and asks no more", async () => {
    const bench = new Bench();
    const chip = new Pzem017Chip(() => ({ v: 13, i: 0, wh: 0 }));
    const { pzem, samples } = open(bench, Pzem017, line(bench, chip));
    pzem.configure({ pollMs: 0 });
    await bench.pass(10_000);
    expect(samples).toHaveLength(1);
    expect(bench.clock.pending).toBe(0);
  });
});
