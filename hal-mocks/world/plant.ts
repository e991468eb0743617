import { createRandom, type Random } from "../random";
import { Clouds, DAY_MS, dayAt, HOUR_MS, NOMINAL_V, STEP_MS, STEPS_PER_DAY } from "./step";

export interface PlantSettings {
  /** Seeds everything that happens here. */
  seed: number | string;
  /** Virtual Unix time in milliseconds at which it begins. */
  start: number;
  /** Local standard time, in minutes east of UTC: when the sun is high. */
  utcOffset: number;
  /** Peak power of the PV system in W. */
  pvW: number;
  /** What the battery holds, in Wh. */
  batteryWh: number;
}

/** One phase of a circuit: V, A, W and var, and the Wh that it has taken. */
export interface PlantPhase {
  v: number;
  i: number;
  p: number;
  q: number;
  wh: number;
}

/** One string of PV modules, at the inverter's input. */
export interface PlantString {
  v: number;
  i: number;
  w: number;
  wh: number;
}

/** What there is at a moment. All of it but registers is constant for ten seconds. */
export interface PlantState {
  hz: number;
  /** `w` is what it feeds in. SunSpec's states: 4 producing, 8 standby. */
  inverter: {
    phases: { v: number; i: number }[];
    strings: PlantString[];
    w: number;
    wh: number;
    cabinetC: number;
    state: number;
  };
  /** Amperes are positive while it charges. */
  battery: { v: number; a: number; inAh: number; outAh: number; inWh: number; outWh: number };
  /** A heat pump on three phases. */
  heatPump: { phases: PlantPhase[] };
  /** A washing machine in a plug. */
  plug: PlantPhase;
  /** At the house's connection: W that it takes less what it gives, and the Wh each way. */
  grid: { w: number; importWh: number; exportWh: number };
}

const EFFICIENCY = 0.97;
const PRODUCING = 4;
const STANDBY = 8;
/** Of the battery: volts when it is empty, and by how much more it has when it is full. */
const EMPTY_V = 48;
const SPAN_V = 6;
const RESISTANCE = 0.02;
export const LARGEST_A = 45;
/** Steps of its converter's pause between charging and discharging. */
const PAUSE_STEPS = 14;
/** What the rest of the house takes, in W. */
const REST_W = 400;
/** Of the heat pump's S is P. */
const HEAT_PUMP_FACTOR = 0.95;
const PLUG_FACTOR = 0.9;

/**
 * A house's technology: PV, a battery, a heat pump and a washing machine, of which the battery takes what is left over,
 * and gives what is missing. Powers are constant within a step, so that registers are exact sums. The same settings give
 * the same plant. No transcendental functions: they differ between engines.
 */
export class Plant {
  readonly #settings: PlantSettings;
  readonly #random: Random;
  /** End of the step under way, Unix milliseconds. */
  #stepEnd: number;
  readonly #clouds: Clouds;
  #heatPumpRuns = false;
  #washes = false;
  /** What the battery holds, in Wh; which way current flows, or flowed last, and how long it still pauses. */
  #heldWh: number;
  #direction = 1;
  #pause = 0;
  /** At the step's start, but for what is constant in it. */
  readonly #begun: PlantState = createState();
  readonly #state: PlantState = createState();

  constructor(settings: PlantSettings) {
    this.#settings = settings;
    this.#random = createRandom(settings.seed);
    this.#clouds = new Clouds(this.#random);
    this.#heldWh = settings.batteryWh / 3;
    for (const phase of this.#begun.heatPump.phases) phase.wh = 300_000 + this.#random.below(50_000);
    this.#begun.inverter.wh = 1_000_000 + this.#random.below(9_000_000);
    this.#stepEnd = Math.floor(settings.start / STEP_MS) * STEP_MS;
    this.#step();
  }

  /**
   * What there is at `time` (Unix milliseconds), which never goes back. The same object each time.
   * @throws RangeError for a time before the last one's step.
   */
  at(time: number): PlantState {
    while (time >= this.#stepEnd) {
      this.#count(this.#begun, STEP_MS);
      this.#heldWh += (this.#begun.battery.v * this.#begun.battery.a * STEP_MS) / HOUR_MS;
      this.#step();
    }
    const past = time - (this.#stepEnd - STEP_MS);
    if (past < 0) throw new RangeError(`the plant has passed ${new Date(time).toISOString()}`);
    copy(this.#begun, this.#state);
    this.#count(this.#state, past);
    return this.#state;
  }

  /** Registers grow by what flows in `ms`. */
  #count({ inverter, battery, heatPump, plug, grid }: PlantState, ms: number): void {
    const hours = ms / HOUR_MS;
    inverter.wh += inverter.w * hours;
    for (const string of inverter.strings) string.wh += string.w * hours;
    const ah = Math.abs(battery.a) * hours;
    if (battery.a < 0) {
      battery.outAh += ah;
      battery.outWh += battery.v * ah;
    } else {
      battery.inAh += ah;
      battery.inWh += battery.v * ah;
    }
    for (const phase of [...heatPump.phases, plug]) phase.wh += phase.p * hours;
    if (grid.w < 0) grid.exportWh -= grid.w * hours;
    else grid.importWh += grid.w * hours;
  }

  /** Begins the next step. */
  #step(): void {
    const begin = this.#stepEnd;
    this.#stepEnd += STEP_MS;
    const local = begin + this.#settings.utcOffset * 60_000;
    const hour = (local - Math.floor(local / DAY_MS) * DAY_MS) / HOUR_MS;
    const { hz: _, inverter, battery, heatPump, plug, grid } = this.#begun;
    this.#begun.hz = 49.95 + Math.floor(this.#random.unit() * 10) / 100;
    const volts = () => NOMINAL_V + Math.floor((this.#random.unit() - 0.5) * 40) / 10;
    this.#shine(hour, inverter, volts);
    this.#heatPumpRuns = this.#turns(this.#heatPumpRuns, 120, 20);
    const pumped = this.#heatPumpRuns ? 600 : 8;
    for (const phase of heatPump.phases) carry(phase, volts(), pumped * this.#noise(), HEAT_PUMP_FACTOR);
    this.#washes = this.#turns(this.#washes, 500, 1.5);
    const washed = this.#washes ? (this.#random.unit() < 0.3 ? 2050 : 180) : 2;
    carry(plug, volts(), washed * this.#noise(), PLUG_FACTOR);
    const used = heatPump.phases.reduce((sum, { p }) => sum + p, plug.p + REST_W);
    this.#balance(inverter.w - used, battery);
    grid.w = used - inverter.w + battery.v * battery.a;
  }

  #noise(): number {
    return 0.95 + 0.1 * this.#random.unit();
  }

  /** @param steps of a run, on an average. @param runs a day. */
  #turns(isOn: boolean, steps: number, runs: number): boolean {
    return this.#random.unit() < (isOn ? 1 / steps : runs / STEPS_PER_DAY) ? !isOn : isOn;
  }

  /** A parabola from sunrise to sunset under drifting clouds, on two strings. */
  #shine(hour: number, inverter: PlantState["inverter"], volts: () => number): void {
    const day = dayAt(hour);
    const sun = 4 * day * (1 - day) * this.#clouds.drift();
    inverter.w = 0;
    inverter.strings.forEach((string, index) => {
      string.w = Math.floor(this.#settings.pvW * sun * (index ? 0.4 : 0.6));
      string.v = string.w ? (index ? 290 : 410) + Math.floor(this.#random.unit() * 50) / 10 : 0;
      string.i = string.w ? string.w / string.v : 0;
      inverter.w += string.w * EFFICIENCY;
    });
    inverter.state = inverter.w > 0 ? PRODUCING : STANDBY;
    inverter.cabinetC = 22 + Math.floor((inverter.w / this.#settings.pvW) * 250) / 10;
    for (const phase of inverter.phases) {
      phase.v = volts();
      phase.i = inverter.w / inverter.phases.length / phase.v;
    }
  }

  /** What is left over charges the battery until it is full; what is missing comes from it until it is empty. */
  #balance(surplusW: number, battery: PlantState["battery"]): void {
    const { batteryWh } = this.#settings;
    const open = EMPTY_V + (SPAN_V * this.#heldWh) / batteryWh;
    const wanted = Math.min(Math.max(surplusW / open, -LARGEST_A), LARGEST_A);
    const isFull = this.#heldWh > 0.97 * batteryWh;
    const isEmpty = this.#heldWh < 0.1 * batteryWh;
    if (wanted * this.#direction < 0) {
      this.#direction = -this.#direction;
      this.#pause = PAUSE_STEPS;
    } else if (this.#pause) this.#pause--;
    battery.a = this.#pause || (wanted > 0 && isFull) || (wanted < 0 && isEmpty) ? 0 : wanted;
    battery.v = open + battery.a * RESISTANCE;
  }
}

function carry(phase: PlantPhase, v: number, p: number, factor: number): void {
  const s = p / factor;
  phase.v = v;
  phase.i = s / v;
  phase.p = p;
  phase.q = Math.sqrt(s * s - p * p);
}

const createPhase = (): PlantPhase => ({ v: NOMINAL_V, i: 0, p: 0, q: 0, wh: 0 });

function createState(): PlantState {
  return {
    hz: 50,
    inverter: {
      phases: [0, 1, 2].map(() => ({ v: NOMINAL_V, i: 0 })),
      strings: [0, 1].map(() => ({ v: 0, i: 0, w: 0, wh: 0 })),
      ...{ w: 0, wh: 0, cabinetC: 20, state: STANDBY },
    },
    battery: { v: EMPTY_V, a: 0, inAh: 0, outAh: 0, inWh: 0, outWh: 0 },
    heatPump: { phases: [0, 1, 2].map(createPhase) },
    plug: createPhase(),
    grid: { w: 0, importWh: 0, exportWh: 0 },
  };
}

function copy(from: PlantState, to: PlantState): void {
  to.hz = from.hz;
  const { phases, strings, ...inverter } = from.inverter;
  Object.assign(to.inverter, inverter);
  copyEach(phases, to.inverter.phases);
  copyEach(strings, to.inverter.strings);
  Object.assign(to.battery, from.battery);
  copyEach(from.heatPump.phases, to.heatPump.phases);
  Object.assign(to.plug, from.plug);
  Object.assign(to.grid, from.grid);
}

function copyEach<T extends object>(from: readonly T[], to: readonly T[]): void {
  for (let index = 0; index < from.length; index++) Object.assign(to[index], from[index]);
}
