import { Ade7953Chip } from "../../hal-mocks/chips/ade7953";
import { Bl0942Chip } from "../../hal-mocks/chips/bl0942";
import { Cse7766Chip } from "../../hal-mocks/chips/cse7766";
import { Hlw8012Chip } from "../../hal-mocks/chips/hlw8012";
import { Ina226Chip } from "../../hal-mocks/chips/ina226";
import { Ina228Chip } from "../../hal-mocks/chips/ina228";
import { type ModbusDevice, RtuLine } from "../../hal-mocks/chips/modbus-slave";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { Pzem004tChip } from "../../hal-mocks/chips/pzem004t";
import { Pzem017Chip } from "../../hal-mocks/chips/pzem017";
import { SdmChip, sdmValues } from "../../hal-mocks/chips/sdm";
import { ShtChip } from "../../hal-mocks/chips/sht";
import { SmlMeter } from "../../hal-mocks/chips/sml-meter";
import { commonModel, inputsModel, inverterModel, SunSpecChip } from "../../hal-mocks/chips/sunspec";
import { createI2C, type I2CChip, nack } from "../../hal-mocks/i2c";
import { createDigital, createPulseCount, type PulseSource } from "../../hal-mocks/pulse-count";
import { createSerial, type SerialChip, type SerialLine } from "../../hal-mocks/serial";
import type { Sample } from "../../src/model/reading";
import { Ade7953 } from "../../src/sensors/ade7953";
import { Bl0942 } from "../../src/sensors/bl0942";
import { Cse7766 } from "../../src/sensors/cse7766";
import { Hlw8012 } from "../../src/sensors/hlw8012";
import { Ina226 } from "../../src/sensors/ina226";
import { Ina228 } from "../../src/sensors/ina228";
import { P1 } from "../../src/sensors/p1";
import { P1MBus } from "../../src/sensors/p1-mbus";
import { Pzem004t } from "../../src/sensors/pzem004t";
import { Pzem017 } from "../../src/sensors/pzem017";
import { Sdm } from "../../src/sensors/sdm";
import { Sht3x } from "../../src/sensors/sht3x";
import { Sht4x } from "../../src/sensors/sht4x";
import { Sml } from "../../src/sensors/sml";
import { SunSpec } from "../../src/sensors/sunspec";
import type { StepClock } from "./step-clock";

// Every driver with its device, on any engine: for fuzzing, for XS and for what a sample costs there.

/** What a device sends goes through here: as it is, damaged, or not at all. */
export type Tap = (bytes: Uint8Array) => Uint8Array | undefined;

export interface BenchDriver {
  readonly identification: { readonly model: string; readonly classification: string };
  readonly counters: object;
  sample(): Sample | undefined;
  close(): void;
}

export interface DriverBench {
  name: string;
  open(clock: StepClock, onSample: () => void, tap?: Tap): BenchDriver;
}

interface Callbacks {
  clock: StepClock;
  onSample: () => void;
}

const asItIs: Tap = (bytes) => bytes;

function tapSerial(chip: SerialChip, tap: Tap): SerialChip {
  const around = (line: SerialLine): SerialLine => ({
    baud: line.baud,
    send(bytes) {
      const sent = tap(bytes);
      if (sent?.length) line.send(sent);
    },
  });
  return {
    onOpen: (line) => chip.onOpen?.(around(line)),
    onReceive: (bytes, line) => chip.onReceive?.(bytes, around(line)),
    onClose: (line) => chip.onClose?.(around(line)),
  };
}

function tapI2C(chip: I2CChip, tap: Tap): I2CChip {
  return {
    write: (bytes) => chip.write(bytes),
    read(byteLength) {
      const answer = new Uint8Array(byteLength);
      answer.set((tap(chip.read(byteLength)) ?? nack()).subarray(0, byteLength));
      return answer;
    },
  };
}

/** A counter that electricity disturbs: 16 bits, most significant byte first. */
function tapPulses(source: PulseSource, tap: Tap): PulseSource {
  return {
    get pulses() {
      const { pulses } = source;
      const [high = 0, low = 0] = tap(Uint8Array.of((pulses >> 8) & 255, pulses & 255)) ?? [];
      return pulses - (pulses & 0xffff) + high * 256 + low;
    },
  };
}

function onSerial(
  name: string,
  chip: (clock: StepClock) => SerialChip,
  open: (sensor: ReturnType<typeof sensorOf>, callbacks: Callbacks) => BenchDriver,
): DriverBench {
  return {
    name,
    open: (clock, onSample, tap = asItIs) =>
      open(sensorOf(clock, tapSerial(chip(clock), tap)), { clock, onSample }),
  };
}

function sensorOf(clock: StepClock, chip: SerialChip) {
  return { io: createSerial(clock, new Map([[0, chip]])), receive: 1, transmit: 2 };
}

/** What answers are made of is computed anew every ten seconds: there are millions of them. */
function keep<T>(clock: StepClock, make: () => T): () => T {
  let period = -1;
  let made: T;
  return () => {
    const now = Math.floor(clock.ticks / 10_000);
    if (period !== now) made = make();
    period = now;
    return made;
  };
}

function keepRegisters(clock: StepClock, device: ModbusDevice): ModbusDevice {
  const known = keep(clock, () => new Map<number, number | undefined>());
  const read = (of: ModbusDevice["input"]) => (address: number) => {
    const registers = known();
    if (!registers.has(address)) registers.set(address, of?.call(device, address));
    return registers.get(address);
  };
  const { maxRegisters, input, holding } = device;
  return {
    ...(maxRegisters !== undefined && { maxRegisters }),
    ...(input && { input: read(input) }),
    ...(holding && { holding: read(holding) }),
  };
}

function onModbus(
  name: string,
  device: (clock: StepClock) => ModbusDevice,
  open: Parameters<typeof onSerial>[2],
): DriverBench {
  return onSerial(
    name,
    (clock) => new RtuLine(clock, new Map([[1, keepRegisters(clock, device(clock))]])),
    open,
  );
}

function onI2C(
  name: string,
  address: number,
  chip: (clock: StepClock) => I2CChip,
  open: (
    sensor: { io: ReturnType<typeof createI2C>; data: number; clock: number },
    callbacks: Callbacks,
  ) => BenchDriver,
): DriverBench {
  return {
    name,
    open(clock, onSample, tap = asItIs) {
      const io = createI2C(new Map([[address, tapI2C(chip(clock), tap)]]));
      return open({ io, data: 21, clock: 22 }, { clock, onSample });
    },
  };
}

function pulsing(model: "hlw8012" | "bl0937"): DriverBench {
  return {
    name: model,
    open(clock, onSample, tap = asItIs) {
      const chip = new Hlw8012Chip({ clock, values: () => plug(clock), model });
      const io = createPulseCount(
        new Map([
          [5, tapPulses(chip.cf, tap)],
          [14, tapPulses(chip.cf1, tap)],
        ]),
      );
      const select = { io: createDigital(new Map([[12, chip.sel]])), pin: 12 };
      const driver = new Hlw8012({ sensor: { io, power: 5, second: 14 }, select, clock, onSample });
      driver.configure({ model });
      return driver;
    },
  };
}

const seconds = (clock: StepClock) => Math.floor(clock.ticks / 1000);
/** Something else each second. */
const ripple = (clock: StepClock) => (seconds(clock) % 7) / 10;

/** Files are laid out once, and then come again. */
class PresetSmlMeter extends SmlMeter {
  readonly #files: Uint8Array[] = [];
  #next = 0;

  override file(): Uint8Array {
    const at = this.#next++ % 16;
    this.#files[at] ??= super.file();
    return this.#files[at];
  }
}

const plug = (clock: StepClock) => ({
  ...{ volts: 230 + ripple(clock), amperes: 4.2, watts: 920 - ripple(clock), hertz: 50 },
});
const battery = (clock: StepClock) => ({ volts: 26.4 - ripple(clock), amperes: ripple(clock) - 0.25 });
const phase = (clock: StepClock) => {
  const importWh = 12_345_678 + seconds(clock);
  return { v: 229.9 + ripple(clock), i: 2.1, p: 300 - ripple(clock), q: -7, importWh, exportWh: 1234 };
};
const houseOf = (clock: StepClock) => {
  const one = { v: 229.1 + ripple(clock), i: 3, importW: 431, exportW: 0 };
  return {
    tariff: 2,
    importWh: [8_122_368 + seconds(clock), 5_061_184] as const,
    exportWh: [791_374, 1_780_592] as const,
    ...{ importW: 1293, exportW: 0, phases: [one, one, one] },
  };
};

const inverter = (clock: StepClock) => {
  const dc = { v: 402.5, i: 5.1, wh: 7_000_000 };
  const phases = [230.1, 231.2, 229.9].map((v) => ({ v: v + ripple(clock), i: 5 }));
  const values = { phases, w: 3450, var: -120, hz: 50.02, wh: 12_345_678 + seconds(clock), cabinetC: 41.5 };
  const all = { ...values, state: 4, dc: [dc, dc] };
  return [commonModel("A", "B", "C"), inverterModel(all), inputsModel(all)];
};

const sdm = (model: "sdm120" | "sdm230" | "sdm630"): DriverBench =>
  onModbus(
    model,
    (clock) =>
      new SdmChip(
        keep(clock, () => {
          const one = phase(clock);
          return sdmValues(model === "sdm630" ? [one, one, one] : [one], 50.01);
        }),
      ),
    (sensor, callbacks) => new Sdm({ sensor, ...callbacks, model }),
  );

const sht = (family: "sht3x" | "sht4x"): DriverBench =>
  onI2C(
    family,
    0x44,
    (clock) =>
      new ShtChip({ clock, family, values: () => ({ celsius: 21.5, humidity: 48 + ripple(clock) }) }),
    (sensor, callbacks) =>
      family === "sht3x" ? new Sht3x({ sensor, ...callbacks }) : new Sht4x({ sensor, ...callbacks }),
  );

/** All drivers of src/sensors: a new one adds its row. */
export const driverBenches: readonly DriverBench[] = [
  onSerial(
    "p1",
    (clock) => new P1Meter({ clock, values: () => houseOf(clock) }),
    (sensor, callbacks) => new P1({ sensor, ...callbacks }),
  ),
  onSerial(
    "p1mbus",
    (clock) =>
      new P1Meter({
        clock,
        values: () => houseOf(clock),
        mbus: [{ type: 3, unit: "m3", read: (time) => (time % 86_400_000) / 1e6 }],
      }),
    (sensor, callbacks) => new P1MBus({ sensor, ...callbacks }),
  ),
  onSerial(
    "sml",
    (clock) =>
      new PresetSmlMeter({
        clock,
        values: () => ({ importWh: 1e6 + seconds(clock), exportWh: 2000, watts: 230 - 700 * ripple(clock) }),
      }),
    (sensor, callbacks) => new Sml({ sensor, ...callbacks }),
  ),
  onSerial(
    "bl0942",
    (clock) => new Bl0942Chip({ clock, values: () => plug(clock) }),
    (sensor, callbacks) => new Bl0942({ sensor, ...callbacks }),
  ),
  onSerial(
    "cse7766",
    (clock) => new Cse7766Chip({ clock, values: () => plug(clock) }),
    (sensor, callbacks) => new Cse7766({ sensor, ...callbacks }),
  ),
  pulsing("hlw8012"),
  pulsing("bl0937"),
  onModbus(
    "pzem004t",
    (clock) =>
      new Pzem004tChip(() => ({
        ...phase(clock),
        i: 1.5,
        p: 345.1,
        wh: 70_000 + seconds(clock),
        f: 50,
        pf: 1,
      })),
    (sensor, callbacks) => new Pzem004t({ sensor, ...callbacks }),
  ),
  onModbus(
    "pzem017",
    (clock) => new Pzem017Chip(() => ({ v: 402.5, i: 5.1 + ripple(clock), wh: seconds(clock) })),
    (sensor, callbacks) => new Pzem017({ sensor, ...callbacks }),
  ),
  sdm("sdm120"),
  sdm("sdm230"),
  sdm("sdm630"),
  onModbus(
    "sunspec",
    (clock) => new SunSpecChip(keep(clock, () => inverter(clock))),
    (sensor, callbacks) => new SunSpec({ sensor, ...callbacks }),
  ),
  onI2C(
    "ina226",
    0x40,
    (clock) => new Ina226Chip({ clock, shuntOhms: 0.01, values: () => battery(clock) }),
    (sensor, callbacks) => new Ina226({ sensor, ...callbacks }),
  ),
  onI2C(
    "ina228",
    0x40,
    (clock) => new Ina228Chip({ clock, shuntOhms: 0.015, values: () => battery(clock) }),
    (sensor, callbacks) => new Ina228({ sensor, ...callbacks }),
  ),
  sht("sht3x"),
  sht("sht4x"),
  onI2C(
    "ade7953",
    0x38,
    (clock) => {
      const circuit = () => ({ amperes: 4.2, watts: 920 - ripple(clock), vars: 100 });
      const values = () => ({ volts: 230 + ripple(clock), hertz: 50, a: circuit(), b: circuit() });
      return new Ade7953Chip({ clock, values });
    },
    (sensor, callbacks) => new Ade7953({ sensor, ...callbacks }),
  ),
];
