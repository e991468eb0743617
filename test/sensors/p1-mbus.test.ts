import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { createSerial } from "../../hal-mocks/serial";
import { channelNumber } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { P1MBus, type P1MBusConfiguration } from "../../src/sensors/p1-mbus";
import {
  bytesOf,
  createReader,
  feedInChunks,
  hasRecordedTelegrams,
  type Reader,
  recordedTelegram,
  telegram,
} from "../support/dsmr";
import { createWorld } from "../support/sensors";

const utc = (text: string) => Date.parse(text) / 1000;

/** The M-Bus meter of a channel at a main meter's port, and its samples. */
function attach(reader: Reader, configuration: P1MBusConfiguration = {}) {
  const samples: Sample[] = [];
  const meter = new P1MBus({
    sensor: { p1: reader.p1 },
    clock: { ...reader.clock, ticks: 5, set: () => undefined as never, clear: () => {} },
    onSample: () => samples.push(meter.sample()!),
  });
  meter.configure(configuration);
  return { meter, samples };
}

function samplesOf(bytes: Uint8Array, configuration: P1MBusConfiguration = {}, sizes = [bytes.length]) {
  const reader = createReader();
  const { samples } = attach(reader, configuration);
  feedInChunks(reader, bytes, sizes);
  return samples;
}

const silent = { quality: Quality.silent, ticks: 5 };
const HEAD = ["1-3:0.2.8(50)", "0-0:1.0.0(260601121500S)"];

describe.skipIf(!hasRecordedTelegrams())("M-Bus meters in telegrams of real meters", () => {
  const gas = (clock: string, value: number) => ({
    quality: Quality.good,
    ticks: 5,
    clock: utc(clock),
    gas: value,
  });
  const water = (clock: string, value: number) => ({
    ...{ quality: Quality.good, ticks: 5, clock: utc(clock), water: value },
  });

  it.each<[name: string, channel: number, expected: object]>([
    ["v4_2.txt", 1, gas("2016-11-29T19:00:00Z", 981.443)],
    ["v5.txt", 1, gas("2017-01-02T15:10:05Z", 0.107)],
    // A gas meter is said to be there, and has no line of its value.
    ["v5.txt", 2, silent],
    // 1970, and a value without a unit: the meter on channel 1 has never been heard.
    ["v5_two_mbus.txt", 1, silent],
    ["v5_two_mbus.txt", 2, gas("2020-04-26T20:30:01Z", 246.138)],
    ["fluvius_v171.txt", 1, gas("2020-05-12T11:45:58Z", 112.384)],
    ["fluvius_v171.txt", 2, water("2020-05-12T11:45:58Z", 872.234)],
    ["fluvius_v171_alt.txt", 1, gas("2023-11-02T11:10:02Z", 92.287)],
    ["fluvius_v171_alt.txt", 2, water("2023-11-02T11:15:32Z", 8.579)],
    [
      "unpadded_crc.txt",
      1,
      { quality: Quality.good, ticks: 5, clock: utc("2026-02-15T19:05:23Z"), heat: 240_860_000_000 },
    ],
    // Their times have no season, so that nobody knows which hour in autumn they are of.
    ["v2_2.txt", 1, { quality: Quality.good, ticks: 5, gas: 1.001 }],
    ["v3.txt", 1, { quality: Quality.good, ticks: 5, gas: 1.001 }],
    ["sagemcom_t210_d_r.txt", 1, silent],
  ])("reads %s, channel %i, whole and byte by byte", (name, channel, expected) => {
    for (const sizes of [[4096], [1]])
      expect(samplesOf(recordedTelegram(name), { channel }, sizes)).toEqual([expected]);
  });
});

describe("an M-Bus meter", () => {
  it.each<[line: string, type: string, expected: object]>([
    ["(260601120000S)(00012.345*m3)", "003", { gas: 12.345 }],
    ["(260601120000S)(00012.345*m3)", "007", { water: 12.345 }],
    ["(260601120000S)(00012.345*m3)", "6", { water: 12.345 }],
    ["(260601120000S)(00012.345*GJ)", "004", { heat: 12_345_000_000 }],
    ["(260601120000S)(12345*MJ)", "012", { heat: 12_345_000_000 }],
    ["(260601120000S)(00012.345*kWh)", "012", { heat: 44_442_000 }],
    ["(260601120000S)(00012.345*GJ)", "010", { cold: 12_345_000_000 }],
    ["(260601120000S)(00012.345*kWh)", "002", { ei: 12_345 }],
  ])("of value %s and type %s gives its channel in the registry's unit", (line, type, expected) => {
    const [sample] = samplesOf(telegram([...HEAD, `0-1:24.1.0(${type})`, `0-1:24.2.1${line}`]));
    const { quality, clock, ...values } = sample;
    expect([quality, clock]).toEqual([Quality.good, utc("2026-06-01T10:00:00Z")]);
    const [[name, value]] = Object.entries(expected);
    expect(Object.keys(values)).toEqual(["ticks", name]);
    expect(values[name]).toBeCloseTo(value, 3);
    expect(() => channelNumber(name)).not.toThrow();
  });

  it.each<[what: string, quality: number, lines: string[]]>([
    ["a type that nobody knows", Quality.malformed, ["0-1:24.1.0(099)", "0-1:24.2.1(260601120000S)(1.0*m3)"]],
    ["no type", Quality.malformed, ["0-1:24.2.1(260601120000S)(1.0*m3)"]],
    ["a type that is no number", Quality.malformed, ["0-1:24.1.0(gas)", "0-1:24.2.1(260601120000S)(1*m3)"]],
    ["another kind's unit", Quality.malformed, ["0-1:24.1.0(003)", "0-1:24.2.1(260601120000S)(1.0*GJ)"]],
    ["a value that is no number", Quality.malformed, ["0-1:24.1.0(003)", "0-1:24.2.1(260601120000S)(x*m3)"]],
    ["no time", Quality.malformed, ["0-1:24.1.0(003)", "0-1:24.2.1(00001.0*m3)"]],
    ["too much gas", Quality.implausible, ["0-1:24.1.0(003)", "0-1:24.2.1(260601120000S)(99999999*m3)"]],
    ["an empty value", Quality.silent, ["0-1:24.1.0(003)", "0-1:24.2.1(260601120000S)()"]],
    ["nothing at all", Quality.silent, ["0-1:24.1.0(003)", "0-1:24.2.1()"]],
    ["a value of two days before", Quality.silent, ["0-1:24.1.0(003)", "0-1:24.2.1(260530120000S)(1*m3)"]],
  ])("with %s gives a bad sample and counts it, and the main meter's is good", (_what, quality, lines) => {
    const reader = createReader();
    const { meter, samples } = attach(reader);
    reader.feed(telegram([...HEAD, "1-0:1.7.0(00.230*kW)", ...lines]));
    expect(samples).toEqual([{ quality, ticks: 5 }]);
    expect(reader.samples).toMatchObject([{ quality: Quality.good, pi: 230 }]);
    const counted = Object.entries(meter.counters).filter(([, count]) => count > 0);
    expect(counted).toEqual([[Object.keys(Quality)[quality], 1]]);
  });

  it("takes an old value where it is told to", () => {
    const old = telegram([...HEAD, "0-1:24.1.0(003)", "0-1:24.2.1(250530120000S)(1*m3)"]);
    expect(samplesOf(old, { silentMs: 0 })).toMatchObject([{ quality: Quality.good, gas: 1 }]);
  });

  it("prefers a volume at standard conditions to one that is not converted", () => {
    const lines = ["0-1:24.2.3(260601120000S)(7*m3)", "0-1:24.2.1(260601120000S)(8*m3)"];
    for (const order of [lines, [...lines].reverse()])
      expect(samplesOf(telegram([...HEAD, "0-1:24.1.0(003)", ...order]))).toMatchObject([{ gas: 8 }]);
  });

  it("has the quality of a telegram that is bad, and counts it", () => {
    const reader = createReader();
    const { meter, samples } = attach(reader);
    reader.feed(bytesOf("/TST5\\2TEST\r\n\r\n0-1:24.2.1(260601120000S)(1*m3)\r\n!0000\r\n"));
    expect(samples).toEqual([{ quality: Quality.checksum, ticks: 5 }]);
    expect(meter.counters.telegram).toBe(1);
  });

  it("says nothing of a telegram that began before it was attached, and nothing of the one before", () => {
    const reader = createReader();
    const whole = telegram([...HEAD, "0-1:24.1.0(003)", "0-1:24.2.1(260601120000S)(1*m3)"]);
    reader.feed(whole.subarray(0, 60));
    const { samples } = attach(reader);
    reader.feed(whole.subarray(60));
    expect(samples).toEqual([]);
    reader.feed(telegram([...HEAD, "0-1:24.1.0(003)"]));
    expect(samples).toEqual([silent]);
  });

  it("shares the port: several close one by one, and the main meter goes on", () => {
    const reader = createReader();
    const [gas, water] = [attach(reader, { channel: 1 }), attach(reader, { channel: 2 })];
    const bytes = telegram([
      ...[...HEAD, "1-0:1.7.0(00.230*kW)"],
      ...["0-1:24.1.0(003)", "0-1:24.2.1(260601120000S)(1*m3)"],
      ...["0-2:24.1.0(007)", "0-2:24.2.1(260601120000S)(2*m3)"],
    ]);
    reader.feed(bytes);
    gas.meter.close();
    reader.feed(bytes);
    water.meter.close();
    reader.feed(bytes);
    expect([gas.samples.length, water.samples.length, reader.samples.length]).toEqual([1, 2, 3]);
    expect(water.samples[1]).toMatchObject({ water: 2 });
    expect(reader.line.isOpen).toBe(true);
  });

  it("ends with the port that it shares", () => {
    const reader = createReader();
    const errors: unknown[] = [];
    const { clock } = createWorld();
    const meter = new P1MBus({ sensor: { p1: reader.p1 }, clock, onError: (error) => errors.push(error) });
    reader.line.opened[0].onError?.(new Error("gone"));
    expect(errors).toEqual([new Error("gone")]);
    expect(meter.sample()).toBeUndefined();
    meter.close();
  });

  it("names a P1 driver that is none", () => {
    const { clock } = createWorld();
    expect(() => new P1MBus({ sensor: { p1: {} as never }, clock })).toThrow(
      "p1mbus: sensor.p1 is no P1 driver",
    );
  });

  it("takes any lines without a throw, and gives numbers alone", () => {
    const group = fc.oneof(
      fc.constantFrom("(260601120000S)", "(1.5*m3)", "(00012.3*GJ)", "()", "(003)", "(", ")", "(0*kWh)"),
      fc.string({ maxLength: 12 }).map((text) => text.replace(/[^ -~]|[!/]/g, "")),
    );
    const line = fc
      .tuple(
        fc.constantFrom("0-1:24.2.1", "0-1:24.1.0", "0-2:24.3.0", "0-1:24.2.3", ""),
        fc.array(group, { maxLength: 5 }),
      )
      .map(([code, groups]) => code + groups.join(""));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.integer({ min: 1, max: 4 }), (lines, channel) => {
        const found = samplesOf(telegram([...HEAD, ...lines]), { channel });
        expect(found).toHaveLength(1);
        for (const value of Object.values(found[0])) expect(Number.isFinite(value)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

it("takes nothing of the telegram before: a meter of which the next one says nothing is silent", () => {
  const gas = ["0-1:24.1.0(003)", "0-1:24.2.1(260601121000S)(12.345*m3)"];
  const [first, second, third] = samplesOf(
    Uint8Array.of(...telegram([...HEAD, ...gas]), ...telegram(HEAD), ...telegram([...HEAD, gas[0]])),
  );
  expect(first).toMatchObject({ quality: Quality.good, gas: 12.345 });
  expect([second, third]).toEqual([silent, silent]);
});

it("reads what a main meter has heard: every five minutes, with the time at which it was so", async () => {
  const world = createWorld(Date.UTC(2026, 5, 1, 12));
  const chip = new P1Meter({
    clock: world.world,
    values: () => ({
      ...{ tariff: 1, importWh: [1000, 2000], exportWh: [0, 0], importW: 230, exportW: 0, phases: [] },
    }),
    mbus: [
      { type: 3, unit: "m3", read: (time) => (time % 86_400_000) / 1e6 },
      { type: 4, unit: "GJ", read: () => 240.86 },
    ],
  });
  const io = createSerial(world.busClock, new Map([[0, chip]]));
  const samples: Sample[] = [];
  const meter = new P1MBus({
    ...{ sensor: { io, receive: 1 }, clock: world.clock },
    onSample: () => samples.push(meter.sample()!),
  });
  await world.run(301_500);
  meter.close();
  const clock = Date.UTC(2026, 5, 1, 12) / 1000;
  expect(samples).toHaveLength(301);
  expect(samples[0]).toMatchObject({ quality: Quality.good, clock, gas: 43.2 });
  expect(samples[298]).toMatchObject({ clock, gas: 43.2 });
  expect(samples[299]).toMatchObject({ clock: clock + 300, gas: 43.5 });
});
