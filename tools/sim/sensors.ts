import { Ade7953Chip } from "../../hal-mocks/chips/ade7953";
import { Bl0942Chip } from "../../hal-mocks/chips/bl0942";
import { Cse7766Chip } from "../../hal-mocks/chips/cse7766";
import { Hlw8012Chip } from "../../hal-mocks/chips/hlw8012";
import { Ina226Chip } from "../../hal-mocks/chips/ina226";
import { Ina228Chip } from "../../hal-mocks/chips/ina228";
import { type ModbusDevice, ModbusServer, RtuLine } from "../../hal-mocks/chips/modbus-slave";
import { Pzem004tChip } from "../../hal-mocks/chips/pzem004t";
import { Pzem017Chip } from "../../hal-mocks/chips/pzem017";
import { SdmChip, type SdmPhase, sdmValues } from "../../hal-mocks/chips/sdm";
import { ShtChip } from "../../hal-mocks/chips/sht";
import { SmlMeter } from "../../hal-mocks/chips/sml-meter";
import { commonModel, inputsModel, inverterModel, SunSpecChip } from "../../hal-mocks/chips/sunspec";
import { TerminalClock, type VirtualClock } from "../../hal-mocks/clock";
import type { I2CChip } from "../../hal-mocks/i2c";
import type { PinListener, PulseSource } from "../../hal-mocks/pulse-count";
import type { SerialChip } from "../../hal-mocks/serial";
import { Plant, type PlantPhase, type PlantSettings, type PlantState } from "../../hal-mocks/world/plant";
import { STEP_MS } from "../../hal-mocks/world/step";
import type { SensorPlan } from "../../src/app/interface";
import type { Config } from "../../src/config";
import { placeOf } from "../../src/sensors/places";
import { cabinetHumidity } from "./sensed";
import type { Chips } from "./terminal";

/** Where a chip looks at, and what its sensor's plan says. */
interface Site {
  clock: VirtualClock;
  plant: Plant;
  options: Readonly<Record<string, number | undefined>>;
}

// ---- Modbus ----

/** The same as long as the clock stands still: one register after the other is read. */
function momentary<T>({ clock, plant }: Site, read: (state: PlantState) => T): () => T {
  let at = Number.NaN;
  let value: T;
  return () => {
    if (at !== clock.now) value = read(plant.at(clock.now));
    at = clock.now;
    return value;
  };
}

function inverter(site: Site): ModbusDevice {
  const common = commonModel("Gridmote", "Street", "4");
  const models = momentary(site, ({ hz, inverter: { phases, strings, w, wh, cabinetC, state } }) => {
    const values = { phases, w, var: 0, hz, wh, cabinetC, state, dc: strings };
    return [common, inverterModel(values), inputsModel(values)];
  });
  return new SunSpecChip(models);
}

const imported = ({ v, i, p, q, wh }: PlantPhase): SdmPhase => ({ v, i, p, q, importWh: wh, exportWh: 0 });

function sdm(site: Site, phasesOf: (state: PlantState) => readonly PlantPhase[]): ModbusDevice {
  return new SdmChip(momentary(site, (state) => sdmValues(phasesOf(state).map(imported), state.hz)));
}

function pzem004t(site: Site): ModbusDevice {
  return new Pzem004tChip(
    momentary(site, ({ hz, plug: { v, i, p, wh } }) => ({ v, i, p, wh, f: hz, pf: p / (v * i) })),
  );
}

const modbus: Readonly<Partial<Record<SensorPlan["driver"], (site: Site) => ModbusDevice>>> = {
  pzem004t,
  pzem017: (site) => new Pzem017Chip(momentary(site, ({ inverter }) => inverter.strings[0])),
  sdm120: (site) => sdm(site, ({ plug }) => [plug]),
  sdm230: (site) => sdm(site, ({ plug }) => [plug]),
  sdm630: (site) => sdm(site, ({ heatPump }) => heatPump.phases),
  sunspec: inverter,
};

// ---- Other lines ----

const plugOf =
  ({ plant }: Site) =>
  (time: number) => {
    const { hz, plug } = plant.at(time);
    return { volts: plug.v, amperes: plug.i, watts: plug.p, hertz: hz };
  };

const serial: Readonly<Partial<Record<SensorPlan["driver"], (site: Site) => SerialChip>>> = {
  sml: ({ clock, plant }) =>
    new SmlMeter({
      clock,
      values(time) {
        const { w, importWh, exportWh } = plant.at(time).grid;
        return { watts: w, importWh, exportWh };
      },
    }),
  bl0942(site) {
    const { address, shuntMilliohms } = site.options;
    return new Bl0942Chip({
      ...{ clock: site.clock, values: plugOf(site), stepMs: STEP_MS },
      ...{ address, shuntMilliohms },
    });
  },
  cse7766: (site) => new Cse7766Chip({ clock: site.clock, values: plugOf(site), stepMs: STEP_MS }),
};

// ---- I2C and pins ----

const batteryOf =
  ({ plant }: Site) =>
  (time: number) => {
    const { v, a } = plant.at(time).battery;
    return { volts: v, amperes: a };
  };

const circuit = ({ i, p, q }: PlantPhase) => ({ amperes: i, watts: p, vars: q });

function sht(family: "sht3x" | "sht4x"): (site: Site) => I2CChip {
  return ({ clock, plant }) =>
    new ShtChip({
      ...{ clock, family },
      values(time) {
        const { cabinetC } = plant.at(time).inverter;
        return { celsius: cabinetC, humidity: cabinetHumidity(cabinetC) };
      },
    });
}

const i2c: Readonly<Partial<Record<SensorPlan["driver"], (site: Site) => I2CChip>>> = {
  ina226(site) {
    const values = (time: number) => {
      const { volts, amperes } = batteryOf(site)(time);
      // The lower half of its cells.
      return { volts: volts / 2, amperes };
    };
    return new Ina226Chip({ clock: site.clock, values, shuntOhms: site.options.shuntOhms ?? 0.1 });
  },
  ina228(site) {
    const shuntOhms = site.options.shuntOhms ?? 0.015;
    return new Ina228Chip({ clock: site.clock, values: batteryOf(site), shuntOhms, stepMs: STEP_MS });
  },
  ade7953: ({ clock, plant }) =>
    new Ade7953Chip({
      ...{ clock, stepMs: STEP_MS },
      values(time) {
        const { hz, plug, heatPump } = plant.at(time);
        return { volts: plug.v, hertz: hz, a: circuit(plug), b: circuit(heatPump.phases[0]) };
      },
    }),
  sht3x: sht("sht3x"),
  sht4x: sht("sht4x"),
};

/**
 * Puts a chip where each sensor is to be, but for those of a smart meter's P1 port. Each looks at a world of its own, which
 * is the same: whoever looks lazily must not be ahead of others.
 */
export function chipsOf(
  sensors: readonly SensorPlan[],
  config: Readonly<Config>,
  clock: VirtualClock,
  world: PlantSettings,
): Chips {
  const busClock = new TerminalClock(clock);
  const ports = new Map<number, SerialChip>();
  const addresses = new Map<number, I2CChip>();
  const tcp = new Map<string, ModbusServer>();
  const lines = new Map<number, Map<number, ModbusDevice>>();
  const pulses = new Map<number, PulseSource>();
  const outputs = new Map<number, PinListener>();
  for (const plan of sensors) {
    const { driver } = plan;
    const { settings, occupies } = placeOf(plan, config);
    const options = (plan.options ?? {}) as Site["options"];
    const site: Site = { clock, plant: new Plant(world), options };
    const { unit = 1 } = options;
    const device = modbus[driver]?.(site);
    const port = Number(settings.port);
    if (device && settings.address !== undefined)
      tcp.set(occupies, new ModbusServer(busClock, new Map([[unit, device]])));
    else if (device) lines.set(port, (lines.get(port) ?? new Map<number, ModbusDevice>()).set(unit, device));
    else if (serial[driver]) ports.set(port, serial[driver](site));
    else if (i2c[driver]) addresses.set(Number(settings.address), i2c[driver](site));
    else if (driver === "hlw8012") {
      const { model } = (plan.options ?? {}) as { model?: "hlw8012" | "bl0937" };
      const chip = new Hlw8012Chip({
        clock,
        values: plugOf(site),
        stepMs: STEP_MS,
        model: model ?? "hlw8012",
      });
      pulses.set(Number(settings.power), chip.cf).set(Number(settings.second), chip.cf1);
      outputs.set(Number(settings.select), chip.sel);
    }
  }
  for (const [port, units] of lines) ports.set(port, new RtuLine(busClock, units));
  return { serial: ports, i2c: addresses, tcp, pulses, outputs };
}
