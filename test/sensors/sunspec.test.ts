import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModbusServer, RtuLine } from "../../hal-mocks/chips/modbus-slave";
import {
  batteryModel,
  commonModel,
  type InverterValues,
  inputsModel,
  inverterModel,
  SunSpecChip,
  type SunSpecModel,
  type SunSpecSettings,
} from "../../hal-mocks/chips/sunspec";
import { bytesOfHex, hexOfBytes } from "../../hal-mocks/expected";
import { ExpectedSerial } from "../../hal-mocks/expected-serial";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import { createTcp, type TcpPeer } from "../../hal-mocks/tcp";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { encodeRtu, ModbusBuffer, ModbusCode } from "../../src/sensors/modbus";
import { SunSpec, type SunSpecConfiguration } from "../../src/sensors/sunspec";
import { sunSpecTable } from "../../src/sensors/sunspec-models";
import { Asked, Bench, HOST } from "../support/modbus";

const DATA = fileURLToPath(new URL("../../../shared/data/sunspec/", import.meta.url));

const hasData = existsSync(DATA);
if (!hasData) console.warn(`SKIPPED: SunSpec's models and recorded scans, ${DATA} is not there`);

function open(bench: Bench, sensor: object, configuration: SunSpecConfiguration = {}) {
  const samples: Sample[] = [];
  const driver = new SunSpec({
    sensor: sensor as ConstructorParameters<typeof SunSpec>[0]["sensor"],
    clock: bench.clock,
    onSample: () => samples.push(driver.sample()!),
  });
  driver.configure(configuration);
  return { driver, samples };
}

function openTcp(bench: Bench, peer: TcpPeer, configuration: SunSpecConfiguration = {}) {
  const io = createTcp(bench.hostClock, new Map([[`${HOST}:502`, peer]]));
  return open(bench, { io, address: HOST, retries: 0 }, configuration);
}

function openRtu(bench: Bench, chip: SerialChip, configuration: SunSpecConfiguration = {}) {
  const io = createSerial(bench.hostClock, new Map([[0, chip]]));
  return open(bench, { io, receive: 1, transmit: 2, retries: 0 }, configuration);
}

const COMMON = commonModel("Gridmote", "Street", "7");
const VALUES: InverterValues = {
  phases: [
    { v: 230.1, i: 5.02 },
    { v: 231.2, i: 5 },
    { v: 229.9, i: 4.98 },
  ],
  ...{ w: 3450, var: -120, hz: 50.02, wh: 12_345_678, cabinetC: 41.5, state: 4 },
  dc: [
    { v: 402.5, i: 5.1, wh: 7_000_000 },
    { v: 380.1, i: 4.2, wh: 6_000_000 },
  ],
};

async function sampleOf(
  models: readonly SunSpecModel[],
  settings: SunSpecSettings = {},
  configuration: SunSpecConfiguration = {},
) {
  const bench = new Bench();
  const server = new ModbusServer(bench.hostClock, new Map([[1, new SunSpecChip(() => models, settings)]]));
  const { driver, samples } = openTcp(bench, server, { pollMs: 2000, ...configuration });
  await bench.pass(1500);
  driver.close();
  expect(bench.clock.pending).toBe(0);
  const [{ ticks: _, ...sample }] = samples;
  return { sample, driver };
}

const INVERTER = {
  quality: Quality.good,
  ...{ i: 15, i_l1: 5.02, i_l2: 5, i_l3: 4.98, v_l1: 230.1, v_l2: 231.2, v_l3: 229.9 },
  ...{ p: -3450, q: 120, f: 50.02, ee: 12_345_678, tc: 41.5, inv: 4 },
};
const INPUTS = {
  ...{ dcv_p1: 402.5, dci_p1: 5.1, dcp_p1: 2053, dcei_p1: 7_000_000 },
  ...{ dcv_p2: 380.1, dci_p2: 4.2, dcp_p2: 1596, dcei_p2: 6_000_000 },
};

describe("a SunSpec inverter", () => {
  it("gives what it implements, power negative while it produces, and its DC inputs", async () => {
    const { sample, driver } = await sampleOf([COMMON, inverterModel(VALUES), inputsModel(VALUES)]);
    expect(sample).toEqual({ ...INVERTER, ...INPUTS });
    expect(driver.found).toMatchObject({ manufacturer: "Gridmote", model: "Street", serialNumber: "7" });
  });

  it.each([40_000, 50_000, 0])("is found at %i", async (base) => {
    expect((await sampleOf([COMMON, inverterModel(VALUES)], { base })).sample).toEqual(INVERTER);
  });

  it("is read in chunks of what it takes, with the same result", async () => {
    const models = [inverterModel(VALUES), inputsModel(VALUES)];
    for (const maxRegisters of [3, 10, 31]) {
      const { sample } = await sampleOf(models, { maxRegisters }, { maxRegisters });
      expect(sample).toEqual({ ...INVERTER, ...INPUTS });
    }
  });

  it("is read over a serial line as over TCP", async () => {
    const bench = new Bench();
    const chip = new SunSpecChip(() => [COMMON, inverterModel(VALUES)]);
    const { samples } = openRtu(bench, new RtuLine(bench.hostClock, new Map([[1, chip]])));
    await bench.pass(1500);
    expect(samples[0]).toEqual({ ...INVERTER, ticks: samples[0].ticks });
  });

  it("whose scale factor is not implemented lacks the values that it scales, and no others", async () => {
    const { id, words } = inverterModel(VALUES);
    for (const scale of [0x8000, 11, 0xfff5]) {
      const { sample } = await sampleOf([{ id, words: words.map((word, at) => (at === 13 ? scale : word)) }]);
      const { p: _, ...others } = INVERTER;
      expect(sample).toEqual(others);
    }
  });

  it("whose values are all not implemented gives no good sample", async () => {
    const words = inverterModel(VALUES).words.map((_, at) => (at === 36 ? 0xffff : 0x8000));
    expect((await sampleOf([{ id: 103, words }])).sample).toEqual({ quality: Quality.malformed });
  });

  it("with a value that cannot be gives no good sample", async () => {
    const { id, words } = inverterModel({ ...VALUES, hz: 400 });
    expect((await sampleOf([{ id, words }])).sample).toEqual({ quality: Quality.implausible });
  });

  it("that moves its models is searched again", async () => {
    const bench = new Bench();
    let models = [COMMON, inverterModel(VALUES)];
    const server = new ModbusServer(bench.hostClock, new Map([[1, new SunSpecChip(() => models)]]));
    const { samples } = openTcp(bench, server);
    await bench.pass(1500);
    models = [inverterModel(VALUES)];
    await bench.pass(3000);
    const qualities = samples.map(({ quality }) => quality);
    expect(qualities.slice(0, 3)).toEqual([Quality.good, Quality.good, Quality.malformed]);
    expect(qualities.at(-1)).toBe(Quality.good);
  });

  it("of model 113 gives floats, where NaN is not implemented", async () => {
    const floats = new Array<number>(23).fill(Number.NaN);
    [floats[0], floats[7], floats[10], floats[13], floats[14]] = [10.5, 230.5, 2400, 55, -99.5];
    const bits = floats.flatMap((value) => {
      const [word] = new Uint32Array(Float32Array.of(value).buffer);
      return [Math.floor(word / 65_536), word % 65_536];
    });
    const { sample } = await sampleOf([{ id: 113, words: [...bits, 4, ...new Array(13).fill(0xffff)] }]);
    const expected = { i: 10.5, v_l1: 230.5, p: -2400, q: -55, pf: -0.995, inv: 4 };
    expect(sample).toEqual({ quality: Quality.good, ...expected, pf: sample.pf });
    expect(sample.pf).toBeCloseTo(-0.995);
  });

  it("of model 701, longer than one read, gives 64-bit energies of each phase", async () => {
    const words = new Array<number>(153).fill(0xffff);
    for (const at of [8, 9, 10, 11, 12, 33, 34, 39, 42]) words[at] = 0x8000;
    words[2] = 3;
    words[8] = 2500;
    words.splice(17, 4, 0, 1, 0, 5);
    words.splice(92, 4, 0, 0, 0, 777);
    words.splice(111, 10, 0, 0, 0, 0, 0x8000, 0, 0, 0, 0, 0);
    const { sample } = await sampleOf([{ id: 701, words }]);
    const missing = ["q_l1", "s_l1", "i_l1", "p_l2", "p_l3"];
    expect(sample).toMatchObject({ inv: 4, p: -2500, ee: 4_294_967_301, ee_l3: 777 });
    for (const name of ["pf", "tc", "f", "ei", "ee_l1", "pf_l1", "p_l1"])
      expect(sample).not.toHaveProperty(name);
    // 0xFFFF is -1 where values are signed.
    for (const name of missing) expect(Math.abs(sample[name]!)).toBe(1);
  });
});

describe("a SunSpec battery", () => {
  it("has the sign of its charge state, whichever its device has", async () => {
    for (const i of [12.5, -12.5]) {
      const { sample } = await sampleOf([batteryModel({ v: 51.2, i, soc: 67.5, soh: 98 })]);
      const state = i > 0 ? 4 : 3;
      const expected = { soc: 67.5, soh: 98, chs: state, dcv: 51.2, dci: i, dcp: 51.2 * i };
      expect(sample).toEqual({ quality: Quality.good, ...expected });
    }
  });

  it("beside an inverter is a part of its own", async () => {
    const battery = batteryModel({ v: 51.2, i: 0, soc: 50, soh: 99 });
    const models = [COMMON, inverterModel(VALUES), battery, { id: 713, words: [100, 50, 51, 98, 0, 0, 0] }];
    expect((await sampleOf(models)).sample).toEqual(INVERTER);
    const { sample } = await sampleOf(models, {}, { part: "battery" });
    // Of two models the first: 713 says 51.
    expect(sample).toMatchObject({ soc: 50, soh: 99, dcv: 51.2, dci: 0 });
    const absent = await sampleOf(models, {}, { part: "meter" });
    expect(absent.sample).toEqual({ quality: Quality.malformed });
  });
});

describe("a SunSpec meter", () => {
  it("keeps signs and phases apart, and gives its power factor the sign of its power", async () => {
    const words = new Array<number>(105).fill(0x8000);
    words.splice(0, 5, 30, 10, 12, 0xfff8, 0xffff);
    words.splice(16, 5, 0xff9c, 100, 0xff38, 0, 0);
    words.splice(31, 5, 9500, 0x8000, 9700, 0x8000, 0xfffe);
    words.splice(36, 17, 0, 10, 0, 1, 0, 2, 0, 3, 0, 40, 0, 11, 0, 12, 0, 13, 1);
    const { sample } = await sampleOf([{ id: 203, words: words.map((word, at) => (at >= 53 ? 0 : word)) }]);
    expect(sample).toEqual({
      quality: Quality.good,
      ...{
        i: 3,
        i_l1: 1,
        i_l2: 1.2,
        i_l3: 0.8,
        p: -100,
        p_l1: 100,
        p_l2: -200,
        p_l3: 0,
        pf: -0.95,
        pf_l2: -0.97,
      },
      ...{ ee: 100, ee_l1: 10, ee_l2: 20, ee_l3: 30, ei: 400, ei_l1: 110, ei_l2: 120, ei_l3: 130 },
    });
    const apparent = words.map((word, at) => (at === 54 ? 5000 : at === 62 ? 7500 : at >= 53 ? 0 : word));
    const { sample: more } = await sampleOf([{ id: 203, words: apparent }]);
    // In kVAh.
    expect(more).toMatchObject({ ese: 5, esi: 7.5 });
  });
});

describe("a search for models", () => {
  async function askedOf(holding: (address: number) => number | undefined, ms = 20_000) {
    const bench = new Bench();
    const asked: number[] = [];
    const device = {
      holding(address: number) {
        asked.push(address);
        return holding(address);
      },
    };
    const server = new ModbusServer(bench.hostClock, new Map([[1, device]]));
    const { samples } = openTcp(bench, server, { pollMs: 3_600_000 });
    await bench.pass(ms);
    return { asked, samples };
  }

  it("looks at 40000, then at 50000, then at 0", async () => {
    const { asked, samples } = await askedOf(() => undefined);
    expect([...new Set(asked)]).toEqual([40_000, 50_000, 0]);
    expect(samples[0].quality).toBe(Quality.malformed);
  });

  it("of a device that is silent ends with the first question, and begins anew with the next sample", async () => {
    const bench = new Bench();
    const requests: number[] = [];
    const { samples } = openTcp(bench, { onReceive: (bytes) => requests.push(bytes[8] * 256 + bytes[9]) });
    await bench.pass(8000);
    expect(samples.map(({ quality }) => quality)).toEqual([Quality.silent, Quality.silent]);
    expect(new Set(requests)).toEqual(new Set([40_000]));
  });

  it.each([
    ["never ends", [0x5375, 0x6e53], 64_000, 0, 64],
    ["reaches beyond the last address", [0x5375, 0x6e53], 64_000, 30_000, 1],
    ["has a model 0", [0x5375, 0x6e53], 0, 4, 0],
  ])("gives up a chain that %s", async (_what, marker, id, length, most) => {
    const { asked, samples } = await askedOf((address) => {
      if (address < 40_000) return undefined;
      if (address < 40_002) return marker[address - 40_000];
      return (address - 40_002) % (length + 2) ? length : id;
    });
    expect(samples.map(({ quality }) => quality)).toEqual([Quality.malformed]);
    // The marker's three registers, and two of each model but the last one's number.
    expect(asked.length).toBeLessThanOrEqual(3 + 2 * most);
  });

  it("comes again when another model stands where one was, of the same length", async () => {
    const bench = new Bench();
    let models = [inverterModel(VALUES)];
    const server = new ModbusServer(bench.hostClock, new Map([[1, new SunSpecChip(() => models)]]));
    const { samples } = openTcp(bench, server);
    await bench.pass(1500);
    models = [{ ...models[0], id: 101 }];
    await bench.pass(2000);
    expect(samples.map(({ quality }) => quality)).toEqual([
      ...[Quality.good, Quality.good, Quality.malformed, Quality.good],
    ]);
  });
});

describe("random registers", () => {
  it("never throw, and give no channel out of its bounds", async () => {
    const word = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 1, 0xffff, 0x8000));
    const model = fc.record({
      id: fc.oneof(fc.constantFrom(1, 101, 113, 160, 203, 701, 713, 802), fc.nat(0xfffe)),
      words: fc.array(word, { maxLength: 160 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(model, { maxLength: 4 }), async (models) => {
        const { sample } = await sampleOf(models);
        for (const value of Object.values(sample)) expect(Number.isFinite(value)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

/** The registers that pysunspec2 asks a device for, in its order (sunspec2/modbus/client.py). */
const SCAN = [
  [40_000, 3],
  [40_003, 1],
  [40_002, 68],
  [40_070, 1],
  [40_071, 1],
  [40_070, 66],
  [40_136, 1],
] as const;
/** The body of model 126, which gives no channel: we do not ask for it. */
const UNASKED = 5;

/** What is described is looked at also where it is skipped. */
const NOTHING = '{"expected":{},"tcp":[],"rtu":[]}';

interface Recorded {
  expected: { Mn: string; Md: string; Opt: string; Vr: string; SN: string; models: number[] };
  tcp: string[];
  rtu: string[];
}

describe.skipIf(!hasData)("a recorded scan", () => {
  const { expected, tcp, rtu } = JSON.parse(
    hasData ? readFileSync(`${DATA}scan_replies.json`, "utf8") : NOTHING,
  ) as Recorded;
  const { Mn, Md, Opt, Vr, SN, models } = expected;
  const device = { manufacturer: Mn, model: Md, options: Opt, version: Vr, serialNumber: SN, models };

  function transactions(chunks: readonly string[]) {
    return SCAN.map(([address, count], index) => {
      const buffer = new ModbusBuffer(8);
      encodeRtu(new Asked(1, ModbusCode.readHolding, address, count), buffer);
      const request = hexOfBytes(buffer.bytes.subarray(0, buffer.length));
      const answers = [{ hex: chunks[2 * index] }, { hex: chunks[2 * index + 1], afterMs: 2 }];
      return { request, answers };
    }).filter((_, index) => index !== UNASKED);
  }

  it("over RTU finds models 1 and 126, and the device's name", async () => {
    const bench = new Bench();
    const chip = new ExpectedSerial(bench.hostClock, transactions(rtu));
    const { driver } = openRtu(bench, chip, { pollMs: 60_000 });
    await bench.pass(5000);
    chip.verify();
    // Neither model gives a channel, so the sample is bad and the device searched again.
    expect(driver.counters).toMatchObject({ malformed: 1, checksum: 0 });
    expect(driver.found).toEqual(device);
  });

  it("over TCP finds the same; its answers have the transaction 0 of pysunspec2, and get ours", async () => {
    const bench = new Bench();
    const left = transactions(tcp).map(({ answers }) => answers);
    const server: TcpPeer = {
      onReceive: (bytes, connection) => {
        const [head, body] = left.shift()!.map(({ hex }) => bytesOfHex(hex));
        head.set(bytes.subarray(0, 2));
        connection.send(head);
        connection.send(body);
      },
    };
    const { driver } = openTcp(bench, server, { pollMs: 60_000 });
    await bench.pass(5000);
    expect(left).toEqual([]);
    expect(driver.found).toEqual(device);
  });
});

interface Definition {
  group: { points: JsonPoint[]; groups?: { points: JsonPoint[] }[] };
}
interface JsonPoint {
  name: string;
  type: string;
  size: number;
  sf?: string;
}

const TYPES: Readonly<Record<string, string>> = {
  ...{
    u16: "uint16",
    i16: "int16",
    u32: "uint32",
    u64: "uint64",
    f32: "float32",
    e16: "enum16",
    a32: "acc32",
  },
};

describe.skipIf(!hasData)("the tables", () => {
  it.each([101, 103, 113, 160, 203, 802])(
    "of model %i have offsets, types and scales of its definition",
    (id) => {
      const { group } = JSON.parse(readFileSync(`${DATA}model_${id}.json`, "utf8")) as Definition;
      const places = new Map<number, JsonPoint>();
      let at = -2;
      for (const point of [...group.points, ...(group.groups ?? []).flatMap(({ points }) => points)]) {
        places.set(at, point);
        at += point.size;
      }
      const { rows, repeated } = sunSpecTable(id)!;
      for (const row of [rows, repeated?.rows ?? ""].join("|").split("|").filter(Boolean)) {
        const [, offset, type, scale] = row.split(" ");
        const point = places.get(Number(offset))!;
        expect(point?.type, row).toBe(TYPES[type.replace(/^[-%k+]/, "")]);
        expect(scale === "-" ? undefined : places.get(Number(scale))?.name, row).toBe(point.sf);
      }
    },
  );
});
