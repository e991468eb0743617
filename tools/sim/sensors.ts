import { Bl0942Chip } from "../../hal-mocks/chips/bl0942";
import { Ina228Chip } from "../../hal-mocks/chips/ina228";
import { type ModbusDevice, ModbusServer, RtuLine } from "../../hal-mocks/chips/modbus-slave";
import { SdmChip, type SdmValues, sdmValues } from "../../hal-mocks/chips/sdm";
import {
  commonModel,
  inputsModel,
  inverterModel,
  SunSpecChip,
  type SunSpecModel,
} from "../../hal-mocks/chips/sunspec";
import { TerminalClock, type VirtualClock } from "../../hal-mocks/clock";
import type { SerialChip } from "../../hal-mocks/serial";
import { Plant, type PlantSettings, type PlantState } from "../../hal-mocks/world/plant";
import { STEP_MS } from "../../hal-mocks/world/step";
import type { SensorPlan } from "../../src/app/interface";
import type { Config } from "../../src/config";
import { placeOf } from "../../src/sensors/places";
import type { Chips } from "./terminal";

/** A sensor that looks at a plant: what is at the end of its bus, and what it can show of the world. */
export interface SensedPart {
  /** What of the world each channel is, in the channel's unit. */
  values(state: PlantState): Record<string, number>;
  /** How far each channel may be off by what its chip resolves, in the channel's unit. */
  resolution: Readonly<Record<string, number>>;
  /** Registers that begin at 0 when the chip is read first. */
  fromZero?: readonly string[];
}

const PHASES = ["_l1", "_l2", "_l3"];

function byPhase(name: string, read: (phase: number) => number): Record<string, number> {
  return Object.fromEntries(PHASES.map((phase, index) => [`${name}${phase}`, read(index)]));
}

const sunspec: SensedPart = {
  values({ hz, inverter: { phases, strings, w, wh, cabinetC, state } }) {
    const [one, two] = strings;
    return {
      // Of an inverter that feeds in, power is negative.
      ...{ p: -w, q: 0, f: hz, ee: wh, tc: cabinetC, inv: state },
      ...byPhase("v", (phase) => phases[phase].v),
      ...byPhase("i", (phase) => phases[phase].i),
      ...{ dcv_p1: one.v, dci_p1: one.i, dcp_p1: one.w, dcv_p2: two.v, dci_p2: two.i, dcp_p2: two.w },
    };
  },
  // Of model 103's scale factors, and 160's; a register of whole Wh is cut off.
  resolution: {
    ...{ p: 5, f: 0.005, ee: 1, tc: 0.05 },
    ...byPhase("v", () => 0.05),
    ...byPhase("i", () => 0.005),
    ...{ dcv_p1: 0.05, dci_p1: 0.005, dcp_p1: 0.5, dcv_p2: 0.05, dci_p2: 0.005, dcp_p2: 0.5 },
  },
};

const sdm630: SensedPart = {
  values({ hz, heatPump: { phases } }) {
    const sum = (read: (phase: (typeof phases)[number]) => number) =>
      phases.reduce((total, phase) => total + read(phase), 0);
    return {
      ...{ p: sum(({ p }) => p), q: sum(({ q }) => q), f: hz, ei: sum(({ wh }) => wh), ee: 0 },
      ...byPhase("v", (phase) => phases[phase].v),
      ...byPhase("i", (phase) => phases[phase].i),
      ...byPhase("p", (phase) => phases[phase].p),
      ...byPhase("ei", (phase) => phases[phase].wh),
      ...byPhase("ee", () => 0),
    };
  },
  // A float of 32 bits in kWh: below 2048 kWh its last bit is 0.12 Wh, below 512 kWh 0.03 Wh.
  resolution: { ei: 0.07, ...byPhase("ei", () => 0.02), p: 0.001, q: 0.001, ...byPhase("p", () => 0.001) },
};

const ina228: SensedPart = {
  values: ({ battery: { v, a, inAh, outAh, inWh, outWh } }) => ({
    ...{ dcv: v, dci: a, dcp: v * a, ahi: inAh, ahe: outAh, dcei: inWh, dcee: outWh },
  }),
  // Half of 195 µV; of 312.5 nV at a shunt of 1 mΩ, and of 95 µA; what rounding these leaves in a day of registers.
  resolution: { dcv: 0.0001, dci: 0.00021, dcp: 0.012, ahi: 0.002, ahe: 0.002, dcei: 0.1, dcee: 0.1 },
  fromZero: ["ahi", "ahe", "dcei", "dcee"],
};

const bl0942: SensedPart = {
  values: ({ hz, plug: { v, i, p, q, wh } }) => ({ v, i, p, q, f: hz, ei: wh, ee: 0 }),
  // Its registers are finer than what is recorded; q follows from S and P; a pulse is 0.19 Wh, a microsecond 0.0025 Hz.
  resolution: { v: 0.001, i: 0.00001, p: 0.002, q: 0.05, f: 0.00125, ei: 0.19 },
  fromZero: ["ei", "ee"],
};

/** Of each driver that a scenario's terminal can have besides a smart meter's, what its sensor looks at. */
export const sensed: Readonly<Partial<Record<SensorPlan["driver"], SensedPart>>> = {
  sunspec,
  sdm630,
  ina228,
  bl0942,
};

/** The same as long as the clock stands still: one register after the other is read. */
function momentary<T>(clock: VirtualClock, read: (state: PlantState) => T, plant: Plant): () => T {
  let at = Number.NaN;
  let value: T;
  return () => {
    if (at !== clock.now) value = read(plant.at(clock.now));
    at = clock.now;
    return value;
  };
}

function inverterDevice(clock: VirtualClock, plant: Plant): ModbusDevice {
  const common = commonModel("Gridmote", "Street", "4");
  const models = ({ hz, inverter }: PlantState): SunSpecModel[] => {
    const { phases, strings, w, wh, cabinetC, state } = inverter;
    const values = { phases, w, var: 0, hz, wh, cabinetC, state, dc: strings };
    return [common, inverterModel(values), inputsModel(values)];
  };
  return new SunSpecChip(momentary(clock, models, plant));
}

function heatPumpMeter(clock: VirtualClock, plant: Plant): ModbusDevice {
  const values = ({ hz, heatPump: { phases } }: PlantState): SdmValues =>
    sdmValues(
      phases.map(({ v, i, p, q, wh }) => ({ v, i, p, q, importWh: wh, exportWh: 0 })),
      hz,
    );
  return new SdmChip(momentary(clock, values, plant));
}

/**
 * Puts a chip where each sensor is to be. Each looks at a world of its own, which is the same: whoever looks lazily must
 * not be ahead of others.
 */
export function chipsOf(
  sensors: readonly SensorPlan[],
  config: Readonly<Config>,
  clock: VirtualClock,
  world: PlantSettings,
): Chips {
  const busClock = new TerminalClock(clock);
  const serial = new Map<number, SerialChip>();
  const i2c = new Map<number, Ina228Chip>();
  const tcp = new Map<string, ModbusServer>();
  const lines = new Map<number, Map<number, ModbusDevice>>();
  for (const plan of sensors) {
    const { settings, occupies } = placeOf(plan, config);
    const { options = {} } = plan;
    const unit = Number(options.unit ?? 1);
    const plant = new Plant(world);
    if (plan.driver === "sunspec" && settings.address !== undefined) {
      tcp.set(occupies, new ModbusServer(busClock, new Map([[unit, inverterDevice(clock, plant)]])));
    } else if (plan.driver === "sunspec" || plan.driver === "sdm630") {
      const device = (plan.driver === "sdm630" ? heatPumpMeter : inverterDevice)(clock, plant);
      const port = Number(settings.port);
      lines.set(port, (lines.get(port) ?? new Map<number, ModbusDevice>()).set(unit, device));
    } else if (plan.driver === "ina228") {
      const values = (time: number) => {
        const { v, a } = plant.at(time).battery;
        return { volts: v, amperes: a };
      };
      const shuntOhms = Number(options.shuntOhms ?? 0.015);
      i2c.set(Number(settings.address), new Ina228Chip({ clock, values, shuntOhms, stepMs: STEP_MS }));
    } else if (plan.driver === "bl0942") {
      const values = (time: number) => {
        const { hz, plug } = plant.at(time);
        return { volts: plug.v, amperes: plug.i, watts: plug.p, hertz: hz };
      };
      const { address, shuntMilliohms } = options as Record<string, number | undefined>;
      const chip = new Bl0942Chip({ clock, values, address, shuntMilliohms, stepMs: STEP_MS });
      serial.set(Number(settings.port), chip);
    }
  }
  for (const [port, units] of lines) serial.set(port, new RtuLine(busClock, units));
  return { serial, i2c, tcp };
}
