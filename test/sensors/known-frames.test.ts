import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Ade7953Chip } from "../../hal-mocks/chips/ade7953";
import { bytesOfHex } from "../../hal-mocks/expected";
import { createI2C, type I2CChip } from "../../hal-mocks/i2c";
import { createSerial, type SerialChip } from "../../hal-mocks/serial";
import type { I2CConstructor, SerialConstructor } from "../../src/hal";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { Ade7953 } from "../../src/sensors/ade7953";
import { Bl0942 } from "../../src/sensors/bl0942";
import { Cse7766 } from "../../src/sensors/cse7766";
import type { DriverCallbacks } from "../../src/sensors/driver-options";
import { Ina226 } from "../../src/sensors/ina226";
import { decodeRtu, encodeRtu, ModbusBuffer } from "../../src/sensors/modbus";
import { Pzem004t } from "../../src/sensors/pzem004t";
import { Pzem017 } from "../../src/sensors/pzem017";
import { Asked, bufferOf } from "../support/modbus";
import { StepClock } from "../support/step-clock";

const FILE = fileURLToPath(new URL("../../../shared/data/modbus/known_frames.json", import.meta.url));
const hasFrames = existsSync(FILE);
if (!hasFrames) console.warn(`SKIPPED: bytes that others have published, ${FILE} is not there`);

/** As far as it is read here. */
interface Known {
  [device: string]: Record<string, unknown>;
}
const known = JSON.parse(hasFrames ? readFileSync(FILE, "utf8") : "{}") as Known;

/** What the file calls a value. */
const CHANNELS: Readonly<Record<string, string>> = { V: "v", I: "i", P: "p", E_Wh: "ei", f: "f", PF: "pf" };
const DC_CHANNELS: Readonly<Record<string, string>> = { V: "dcv", I: "dci", P: "dcp", E_raw: "dcei" };

/** The first sample that a driver gives in ten seconds. */
function sampleOf(
  open: (callbacks: DriverCallbacks, clock: StepClock) => { sample(): Sample | undefined },
): Sample {
  const clock = new StepClock();
  const samples: Sample[] = [];
  const driver = open({ clock, onSample: () => samples.push(driver.sample()!) }, clock);
  clock.pass(10_000);
  return samples[0];
}

const serial = (clock: StepClock, chip: SerialChip) => ({
  io: createSerial(clock, new Map([[0, chip]])) as SerialConstructor,
  ...{ receive: 1, transmit: 2 },
});
const answering = (bytes: Uint8Array): SerialChip => ({ onReceive: (_, line) => line.send(bytes) });

function expectClose(
  sample: Sample,
  expected: Record<string, number>,
  names: Readonly<Record<string, string>>,
) {
  expect(sample.quality).toBe(Quality.good);
  for (const [name, value] of Object.entries(expected))
    expect(sample[names[name]], name).toBeCloseTo(value, 2);
}

/** An answer of floats to a request. */
function floatsOf(request: string, response: string): number[] {
  const bytes = bytesOfHex(request);
  const asked = new Asked(bytes[0], bytes[1] as 3, bytes[2] * 256 + bytes[3], bytes[4] * 256 + bytes[5]);
  const buffer = new ModbusBuffer(256);
  encodeRtu(asked, buffer);
  expect([...buffer.bytes.subarray(0, buffer.length)]).toEqual([...bytes]);
  expect(decodeRtu(asked, bufferOf(response))).toBe("answer");
  const view = new DataView(asked.data.buffer);
  return Array.from({ length: asked.count / 2 }, (_, index) => view.getFloat32(4 * index));
}

/** Each device of the file for which there is a driver, or a codec. */
const checks: Readonly<Record<string, (device: Record<string, never>) => void>> = {
  pzem004t_v3_modbus({ response, computed_here }) {
    const chip = answering(bytesOfHex(response));
    const sample = sampleOf(
      (callbacks, clock) => new Pzem004t({ sensor: serial(clock, chip), ...callbacks }),
    );
    expectClose(sample, computed_here, CHANNELS);
  },
  pzem_dc({ response, computed_here }) {
    const chip = answering(bytesOfHex(response));
    const sample = sampleOf((callbacks, clock) => new Pzem017({ sensor: serial(clock, chip), ...callbacks }));
    expectClose(sample, computed_here, DC_CHANNELS);
  },
  sdm_eastron({ request_phase1_volts, response, expected, read_holding_pulse_width }) {
    expect(floatsOf(request_phase1_volts, response)[0]).toBeCloseTo((expected as { V: number }).V, 4);
    const { req, resp, expected: width } = read_holding_pulse_width as Record<string, never>;
    expect(floatsOf(req, resp)).toEqual([width]);
  },
  kbr_multicomp_f144({ request, response, expected }) {
    const { V, I, f } = expected as Record<string, number>;
    [V, I, f].forEach((value, index) => {
      expect(floatsOf(request, response)[index]).toBeCloseTo(value, 2);
    });
  },
  bl0942({ frames_22_of_23_bytes, expected, computed_here }) {
    const frames = frames_22_of_23_bytes as readonly string[];
    const { checksum_0, checksum_1, f0 } = computed_here as Record<string, never>;
    expect(frames).toHaveLength(4);
    frames.forEach((frame, index) => {
      const bytes = bytesOfHex(frame);
      const checksum = ~bytes.reduce((sum, byte) => sum + byte, 0x58) & 0xff;
      if (index < 2) expect(checksum).toBe(Number.parseInt([checksum_0, checksum_1][index], 16));
      const chip = answering(Uint8Array.of(...bytes, checksum));
      const sample = sampleOf(
        (callbacks, clock) => new Bl0942({ sensor: serial(clock, chip), ...callbacks }),
      );
      const { U, I, absP } = (expected as Record<string, number>[])[index];
      expect(sample.quality).toBe(Quality.good);
      // What the registers are at 1 V, 1 A and 1 W, with 1 mΩ and 5·390 kΩ over 510 Ω. Out of the circuit.
      expect(sample.v! * 15_883.34).toBeCloseTo(U, -2);
      expect(sample.i! * 251_213.46).toBeCloseTo(I, 0);
      expect(sample.p! * 623.397).toBeCloseTo(-absP, -1);
      if (index === 0) expect(sample.f).toBeCloseTo(f0, 3);
    });
  },
  cse7766({ frames }) {
    const list = frames as { hex: string; note: string; computed_here?: Record<string, number> }[];
    expect(list).toHaveLength(6);
    for (const { hex, note, computed_here = {} } of list) {
      const chip: SerialChip = { onOpen: (line) => line.send(bytesOfHex(hex)) };
      const sample = sampleOf((callbacks, clock) => {
        const driver = new Cse7766({ sensor: serial(clock, chip), ...callbacks });
        driver.configure({ silentMs: 60_000 });
        return driver;
      });
      if (note.startsWith("WRONG")) expect(sample.quality, note).toBe(Quality.implausible);
      else expectClose(sample, computed_here, CHANNELS);
    }
  },
  ade7953({ period_register }) {
    const { raw, expected_Hz } = period_register as Record<string, number>;
    const circuit = { amperes: 1, watts: 230, vars: 0 };
    const sample = sampleOf((callbacks, clock) => {
      const values = () => ({ volts: 230, hertz: 223_750 / (raw + 1), a: circuit, b: circuit });
      const io = createI2C(new Map([[0x38, new Ade7953Chip({ clock, values })]]));
      return new Ade7953({ sensor: { io, data: 1, clock: 2 }, ...callbacks });
    });
    expect(sample.f).toBeCloseTo(expected_Hz, 3);
  },
  ina226({ datasheet_example_MEMORY_ONLY }) {
    const { shunt, bus } = datasheet_example_MEMORY_ONLY as Record<string, string>;
    const registers: Record<number, number> = { 1: Number(shunt), 2: Number(bus), 6: 0x0008, 254: 0x5449 };
    let pointer = 0;
    const chip: I2CChip = {
      write: ([register]) => {
        pointer = register;
      },
      read: () => Uint8Array.of(registers[pointer] >> 8, registers[pointer] & 255),
    };
    const sample = sampleOf((callbacks) => {
      const io = createI2C(new Map([[0x40, chip]])) as I2CConstructor;
      const driver = new Ina226({ sensor: { io, data: 1, clock: 2 }, ...callbacks });
      driver.configure({ shuntOhms: 0.002 });
      return driver;
    });
    expectClose(sample, { V: 11.98, I: 10, P: 119.8 }, DC_CHANNELS);
  },
};

/** No driver of ours, or no bytes that are known to be good. */
const NOT_HERE = ["_note", "bl0940", "bl0939", "atm90e32", "ina228"];

describe.skipIf(!hasFrames)("bytes that others have published", () => {
  it.each(Object.keys(checks))("of %s decode to what they say", (device) => {
    checks[device](known[device] as Record<string, never>);
  });

  it("are all read here, but for devices without a driver or without bytes", () => {
    expect(Object.keys(known).sort()).toEqual([...Object.keys(checks), ...NOT_HERE].sort());
  });
});
