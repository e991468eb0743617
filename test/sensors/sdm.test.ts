import { describe, expect, it } from "vitest";
import { RtuLine, rtuFrame } from "../../hal-mocks/chips/modbus-slave";
import { SdmChip, type SdmPhase, type SdmValues, sdmValues } from "../../hal-mocks/chips/sdm";
import { hexOfBytes } from "../../hal-mocks/expected";
import { ExpectedSerial } from "../../hal-mocks/expected-serial";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { ModbusRtu } from "../../src/sensors/modbus-rtu";
import { Sdm, type SdmModel } from "../../src/sensors/sdm";
import { SDM_TABLES } from "../../src/sensors/sdm-tables";
import { Bench } from "../support/modbus";

const phase = (v: number, i: number, p: number, q: number, importWh: number, exportWh: number): SdmPhase => ({
  ...{ v, i, p, q, importWh, exportWh },
});
const PHASES = [
  phase(230.2, 2, 300, 120, 1_234_500, 10_250),
  phase(231.5, 1, -200, -50, 2_500_250, 20_500),
  phase(229.9, 0.5, 100, 10, 3_000_125, 30_125),
];

function open(bench: Bench, model: SdmModel, chip: SerialChip) {
  const samples: Sample[] = [];
  const io = createSerial(bench.hostClock, new Map([[0, chip]]));
  const sensor = { io, receive: 1, transmit: 2, retries: 0 };
  const sdm = new Sdm({ model, sensor, clock: bench.clock, onSample: () => samples.push(sdm.sample()!) });
  return { sdm, samples };
}

async function sampleOf(model: SdmModel, values: SdmValues): Promise<Sample> {
  const bench = new Bench();
  const line = new RtuLine(bench.hostClock, new Map([[1, new SdmChip(() => values)]]));
  const { sdm, samples } = open(bench, model, line);
  await bench.pass(990);
  sdm.close();
  return samples[0];
}

describe("an SDM", () => {
  it("of one phase gives its values, energies in Wh and varh", async () => {
    for (const model of ["sdm120", "sdm230"] as const) {
      const { quality, ticks, ...sample } = await sampleOf(model, sdmValues(PHASES.slice(0, 1), 50.01));
      expect(quality).toBe(Quality.good);
      const expected = {
        ...{ v: 230.2, i: 2, p: 300, s: 460.4, q: 120, pf: 300 / 460.4, f: 50.01 },
        ...{ ei: 1_234_500, ee: 10_250, eqi: 1500, eqe: 250 },
      };
      expect(Object.keys(sample).sort()).toEqual(Object.keys(expected).sort());
      for (const [name, value] of Object.entries(expected))
        expect(sample[name]! / value, name).toBeCloseTo(1, 6);
    }
  });

  it("of three phases gives each phase's registers, and none for another", async () => {
    const sample = await sampleOf("sdm630", sdmValues(PHASES, 49.98));
    expect(sample.quality).toBe(Quality.good);
    PHASES.forEach(({ v, i, p, q, importWh, exportWh }, index) => {
      const l = `_l${index + 1}`;
      const expected = { v, i, p, q, s: v * i, pf: p / (v * i), ei: importWh, ee: exportWh };
      for (const [name, value] of Object.entries(expected))
        expect(sample[name + l]! / value, name + l).toBeCloseTo(1, 6);
      expect(sample[`thdu${l}`]).toBeCloseTo(1.9);
      expect(sample[`thdi${l}`]).toBeCloseTo(12);
    });
    expect(sample.p).toBeCloseTo(200);
    expect(sample.ei! / 6_734_875).toBeCloseTo(1, 6);
    expect(sample.ee! / 60_875).toBeCloseTo(1, 6);
    expect([sample.eqi, sample.eqe]).toEqual([1500, 250]);
    expect(sample.v_l12! / (230.2 * Math.sqrt(3))).toBeCloseTo(1, 6);
    expect(sample.i_n).toBeCloseTo(0.4);
  });

  it("keeps the sign of power, and gives the meter's reactive power, not S - P", async () => {
    const sample = await sampleOf("sdm230", sdmValues([phase(230, 2, -400, -227, 0, 0)], 50));
    expect(sample.p).toBe(-400);
    expect(sample.q).toBe(-227);
    expect(sample.s).toBe(460);
  });

  it("takes the sign off a current and an apparent power that have one", async () => {
    const sample = await sampleOf("sdm120", sdmValues([phase(230, -2, -400, 0, 0, 0)], 50));
    expect(sample).toMatchObject({ quality: Quality.good, i: 2, s: 460, p: -400 });
  });

  it("reads 230.2 V from the bytes of Eastron's manual, high word first", async () => {
    const bench = new Bench();
    const words = new Array<number>(160).fill(0);
    words.splice(0, 4, 0x43, 0x66, 0x33, 0x34);
    const answers = hexOfBytes(rtuFrame([1, 4, 160, ...words]));
    const chip = new ExpectedSerial(bench.hostClock, [{ request: "01 04 00 00 00 50 F0 36", answers }]);
    const { samples } = open(bench, "sdm120", chip);
    await bench.pass(900);
    chip.verify();
    expect(samples[0].v).toBeCloseTo(230.2, 4);
  });

  it.each([
    ["a value that is no number", 0x46, Number.NaN, Quality.malformed],
    ["an infinite value", 0x48, Number.POSITIVE_INFINITY, Quality.malformed],
    ["a voltage that cannot be", 0x00, 4e9, Quality.implausible],
    ["a negative voltage", 0x00, -230, Quality.implausible],
    ["a current far beyond its transformer", 0x06, 500, Quality.implausible],
  ])("with %s gives no good sample", async (_what, address, value, quality) => {
    const values = new Map([...sdmValues(PHASES.slice(0, 1), 50), [address, value]]);
    const sample = await sampleOf("sdm120", values);
    expect(sample).toEqual({ quality, ticks: sample.ticks });
  });

  it("never has two blocks of one length, so that no answer fits another question", () => {
    for (const { blocks } of Object.values(SDM_TABLES)) {
      expect(new Set(blocks.map(([, count]) => count)).size).toBe(blocks.length);
    }
  });

  it("refuses a model and a transformer that are none", () => {
    const bench = new Bench();
    expect(() => open(bench, "sdm999" as SdmModel, {})).toThrow("sdm: model");
    expect(() => open(bench, "sdm120", {}).sdm.configure({ maxA: 0 })).toThrow("sdm: maxA");
    expect(() => open(bench, "sdm120", {}).sdm.configure({ unit: 256 })).toThrow("sdm: unit");
  });
});

describe("two meters on one bus", () => {
  it("share it, each with its own values, and the bus outlives the first that is closed", async () => {
    const bench = new Bench();
    const chips = PHASES.map((each) => new SdmChip(() => sdmValues([each], 50)));
    const line = new RtuLine(
      bench.hostClock,
      new Map([
        [1, chips[0]],
        [2, chips[1]],
      ]),
    );
    const io = createSerial(bench.hostClock, new Map([[0, line]]));
    const bus = new ModbusRtu({ sensor: { io, receive: 1, transmit: 2 }, clock: bench.clock });
    const meters = [1, 2].map((unit) => {
      const sdm = new Sdm({ model: "sdm120", sensor: { bus }, clock: bench.clock });
      sdm.configure({ unit });
      return sdm;
    });
    await bench.pass(2000);
    expect(meters.map((sdm) => sdm.sample()!.p)).toEqual([300, -200]);
    meters[0].close();
    await bench.pass(2000);
    expect(meters.map((sdm) => sdm.sample()?.p)).toEqual([undefined, -200]);
    meters[1].close();
    await bench.pass(1000);
    expect(bench.clock.pending).toBe(0);
    bus.close();
  });

  it("end with an error, once, when the bus is closed under them", async () => {
    const bench = new Bench();
    const bus = bench.rtu({});
    let errors = 0;
    const sdm = new Sdm({
      ...{ model: "sdm120", sensor: { bus }, clock: bench.clock },
      onError: () => {
        errors++;
      },
    });
    bus.close();
    await bench.pass(5000);
    expect([errors, sdm.counters.bus, bench.clock.pending]).toEqual([1, 1, 0]);
  });
});
