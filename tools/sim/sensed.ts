import { gasAt } from "../../hal-mocks/world/gas";
import { LARGEST_A, type PlantPhase, type PlantState } from "../../hal-mocks/world/plant";
import type { SensorOptions, SensorPlan } from "../../src/app/interface";

/** What a sensor can show of the world, and how well. */
export interface SensedPart {
  /** What of the world each channel is, in the channel's unit. */
  values(state: PlantState, time: number): Record<string, number>;
  /** How far each channel may be off by what its chip resolves, in the channel's unit. */
  resolution: Readonly<Record<string, number>>;
  /** Registers that begin at 0 when the chip is read first. */
  fromZero?: readonly string[];
  /** Channels that are no measurement of the world's own: what a terminal makes of samples, or of two moments. */
  unjudged?: readonly string[];
  /** What it gives is the mean of up to so many milliseconds before. */
  meanMs?: number;
  /** What of its options keeps it from measuring this world, to be read after the driver's name. */
  problem?(options: SensorOptions): string | undefined;
}

const PHASES = ["_l1", "_l2", "_l3"];

function byPhase(name: string, read: (phase: number) => number): Record<string, number> {
  return Object.fromEntries(PHASES.map((phase, index) => [`${name}${phase}`, read(index)]));
}

/** What the simulator's chip is not told of: with it the sensor would measure another world. */
function without(...names: string[]): (options: SensorOptions) => string | undefined {
  return (options) => {
    const name = names.find((one) => options[one] !== undefined);
    return name && `with ${name}, which its chip here has not: leave it out`;
  };
}

const sunspec: SensedPart = {
  problem: without("part"),
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
    const sum = (read: (phase: PlantPhase) => number) =>
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

/** The plug, on a meter of one phase. */
const sdm: SensedPart = {
  values: ({ hz, plug: { v, i, p, q, wh } }) => ({ v, i, p, q, f: hz, ei: wh, ee: 0 }),
  // A float of 32 bits; below 16 kWh its last bit is 0.001 Wh.
  resolution: { v: 0.001, i: 0.001, p: 0.001, q: 0.001, f: 0.001, ei: 0.01 },
};

const pzem004t: SensedPart = {
  values: ({ hz, plug: { v, i, p, wh } }) => ({ v, i, p, f: hz, ei: wh, flags: 0 }),
  // Its last digits; a register of whole Wh is cut off.
  resolution: { v: 0.05, i: 0.0005, p: 0.05, f: 0.05, ei: 1 },
};

const pzem017: SensedPart = {
  values({ inverter: { strings } }) {
    const [{ v, i, w, wh }] = strings;
    return { dcv: v, dci: i, dcp: w, dcei: wh, flags: 0 };
  },
  resolution: { dcv: 0.005, dci: 0.005, dcp: 0.1, dcei: 1 },
};

/** No battery here has more amperes: with the shunt they must not exceed what the chip measures, in V. */
function shuntProblem(ohms: number, limitVolts: number): string | undefined {
  const most = limitVolts / LARGEST_A;
  return ohms > most
    ? `with shuntOhms=${ohms}, expected at most ${most.toPrecision(2)}: ${BATTERY}`
    : undefined;
}
const BATTERY = `the battery here gives ${LARGEST_A} A`;

/** It measures up to 36 V: the lower half of the battery's cells. */
const ina226: SensedPart = {
  values: ({ battery: { v, a } }) => ({ dcv: v / 2, dci: a, dcp: (v / 2) * a }),
  // Half of 1.25 mV, and of 2.5 µV at a shunt of 1 mΩ.
  resolution: { dcv: 0.000625, dci: 0.00125, dcp: 0.1 },
  unjudged: ["ahi", "ahe", "dcei", "dcee"],
  problem: ({ shuntOhms = 0.1 }) => shuntProblem(Number(shuntOhms), 0.08192),
};

const ina228: SensedPart = {
  values: ({ battery: { v, a, inAh, outAh, inWh, outWh } }) => ({
    ...{ dcv: v, dci: a, dcp: v * a, ahi: inAh, ahe: outAh, dcei: inWh, dcee: outWh },
  }),
  // Half of 195 µV; of 312.5 nV at a shunt of 1 mΩ, and of 95 µA; both at 54 V and 45 A; what rounding leaves in a day of
  // registers.
  resolution: { dcv: 0.0001, dci: 0.00021, dcp: 0.02, ahi: 0.002, ahe: 0.002, dcei: 0.1, dcee: 0.1 },
  fromZero: ["ahi", "ahe", "dcei", "dcee"],
  problem({ shuntOhms = 0.015, maximumAmperes = 10 }) {
    if (Number(maximumAmperes) >= LARGEST_A) return shuntProblem(Number(shuntOhms), 0.16384);
    return `with maximumAmperes=${maximumAmperes}, expected at least ${LARGEST_A}: ${BATTERY}`;
  },
};

const bl0942: SensedPart = {
  values: ({ hz, plug: { v, i, p, q, wh } }) => ({ v, i, p, q, f: hz, ei: wh, ee: 0 }),
  // Its registers are finer than what is recorded; q follows from S and P; a pulse is 0.19 Wh, a microsecond 0.0025 Hz.
  resolution: { v: 0.001, i: 0.00001, p: 0.002, q: 0.05, f: 0.00125, ei: 0.19 },
  fromZero: ["ei", "ee"],
  problem: without("divider", "reversed"),
};

const cse7766: SensedPart = {
  values: ({ plug: { v, i, p, wh } }) => ({ v, i, p, ei: wh }),
  // Cycles in microseconds: a step is 0.28 V at 235 V, 6 mA at 10 A and 0.8 W at 2 kW. Below 50 mA it measures nothing.
  resolution: { v: 0.15, i: 0.05, p: 0.5, ei: 0.05 },
  fromZero: ["ei"],
  // Where there is a current, of roundings that are larger than what they make of it.
  unjudged: ["q"],
  problem: without("shuntMilliohms", "dividerKiloohms"),
};

const hlw8012: SensedPart = {
  values: ({ plug: { v, i, p } }) => ({ v, i, p }),
  // A pulse and a tick, in 1.5 s of voltage and current, in two seconds of power.
  resolution: { v: 0.6, i: 0.03, p: 7 },
  unjudged: ["q", "ei"],
  meanMs: 15_000,
  problem: without("shuntMilliohms", "divider", "inverted"),
};

/** The plug on one of its channels, a phase of the heat pump on the other, as if at the plug's voltage. */
const ade7953: SensedPart = {
  values({ hz, plug, heatPump: { phases } }) {
    const [pump] = phases;
    return {
      ...{ v: plug.v, f: hz, flags: 0, ee_l1: 0, ee_l2: 0 },
      ...{ i_l1: plug.i, p_l1: plug.p, q_l1: plug.q, ei_l1: plug.wh },
      ...{ i_l2: pump.i, p_l2: pump.p, q_l2: pump.q, ei_l2: pump.wh },
    };
  },
  // PERIOD counts in 223.75 kHz; its other registers are finer than what is recorded.
  resolution: {
    ...{ v: 0.001, f: 0.006, i_l1: 0.0001, i_l2: 0.0001, p_l1: 0.002, p_l2: 0.002, q_l1: 0.002, q_l2: 0.002 },
    ...{ ei_l1: 0.05, ei_l2: 0.05 },
  },
  fromZero: ["ei_l1", "ei_l2", "ee_l1", "ee_l2"],
  problem: without(
    ...["divider", "voltsByAmpereA", "voltsByAmpereB", "phaseA", "phaseB", "reversedA", "reversedB"],
  ),
};

/** The inverter's cabinet, in which air that is warmer is drier. */
const sht: SensedPart = {
  values: ({ inverter: { cabinetC } }) => ({ tc: cabinetC, rh: cabinetHumidity(cabinetC) }),
  // 175 °C and 125 % in 16 bits, and a bit of noise.
  resolution: { tc: 0.005, rh: 0.002 },
  problem: without("probe"),
};

export function cabinetHumidity(cabinetC: number): number {
  return 80 - cabinetC;
}

/** A meter for both directions at the house's connection. */
const sml: SensedPart = {
  values: ({ grid: { w, importWh, exportWh } }) => ({
    ...{ p: w, pi: Math.max(w, 0), pe: Math.max(-w, 0), ei: importWh, ee: exportWh },
  }),
  // Tenths of Wh are cut off.
  resolution: { p: 0.5, pi: 0.5, pe: 0.5, ei: 0.1, ee: 0.1 },
};

const MBUS_MS = 300_000;

/** A gas meter, of which the main meter gets a value each five minutes. */
const p1mbus: SensedPart = {
  values(_, time) {
    const heard = Math.floor(time / MBUS_MS) * MBUS_MS;
    return { clock: heard / 1000, gas: gasAt(heard) };
  },
  resolution: { gas: 0.001 },
  problem: ({ channel = 1 }) =>
    channel === 1 ? undefined : `with channel=${channel}, expected 1: a house here has one gas meter`,
};

/** Of each driver that a scenario's terminal can have besides a smart meter's P1, what its sensor looks at. */
export const sensed: Readonly<Record<Exclude<SensorPlan["driver"], "p1">, SensedPart>> = {
  ...{ p1mbus, sml, pzem004t, pzem017, sdm120: sdm, sdm230: sdm, sdm630, sunspec },
  ...{ bl0942, cse7766, hlw8012, ade7953, ina226, ina228, sht3x: sht, sht4x: sht },
};

export function sensedBy(driver: SensorPlan["driver"]): SensedPart | undefined {
  return driver === "p1" ? undefined : sensed[driver];
}
