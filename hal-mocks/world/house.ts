import { createRandom, type Random } from "../random";
import { Clouds, DAY_MS, dayAt, HOUR_MS, NOMINAL_V, STEP_MS, STEPS_PER_DAY } from "./step";

export interface HouseSettings {
  /** Seeds everything that happens in the house. */
  seed: number | string;
  /** Virtual Unix time in milliseconds at which the house begins. */
  start: number;
  phases: 1 | 3;
  /** What runs day and night, in W. */
  baseW: number;
  /** Peak power of the PV system in W; 0 for none. */
  pvW: number;
  /** Local standard or daylight time, in minutes east of UTC: when the sun is high and which tariff runs. */
  utcOffset: number;
}

/** One phase at a moment, as a meter sees it. */
export interface PhaseState {
  v: number;
  i: number;
  importW: number;
  exportW: number;
}

/** What the house's registers and phases are at a moment. Energies in Wh by tariff: low, then normal. */
export interface HouseState {
  /** 1 is the low tariff (23 to 7 o'clock), 2 the normal one. */
  tariff: 1 | 2;
  importWh: [number, number];
  exportWh: [number, number];
  importW: number;
  exportW: number;
  phases: PhaseState[];
}

interface Appliance {
  powerW: number;
  /** Mean length of a run in steps. */
  steps: number;
  /** Runs a day. */
  runs: number;
  /** Index into the phases. */
  phase: number;
  on: boolean;
}

/**
 * A house with its appliances and perhaps PV: a physical world that a meter looks at. The same settings give the
 * same house. No transcendental functions: they differ between engines.
 */
export class House {
  readonly #settings: HouseSettings;
  readonly #random: Random;
  readonly #appliances: Appliance[];
  /** End of the step under way, Unix milliseconds. */
  #stepEnd: number;
  readonly #clouds: Clouds;
  /** The step's constant powers by phase, and the registers at its start. */
  #loadW: number[];
  readonly #state: HouseState;
  readonly #registers: { importWh: [number, number]; exportWh: [number, number] };

  constructor(settings: HouseSettings) {
    const { phases, start } = settings;
    this.#settings = settings;
    this.#random = createRandom(settings.seed);
    this.#clouds = new Clouds(this.#random);
    this.#appliances = [
      this.#appliance(2000, 18, 5),
      this.#appliance(2400, 90, 1.5),
      this.#appliance(150, 1080, 2),
      this.#appliance(90, 120, 30),
      this.#appliance(1100, 360, 0.7),
    ];
    const past = Math.floor(this.#random.unit() * 20_000_000);
    this.#registers = {
      importWh: [1_000_000 + past, 1_500_000 + Math.floor(past / 2)],
      exportWh: settings.pvW ? [Math.floor(past / 9), Math.floor(past / 4)] : [0, 0],
    };
    this.#loadW = new Array(phases).fill(0);
    this.#state = {
      tariff: 1,
      importWh: [0, 0],
      exportWh: [0, 0],
      importW: 0,
      exportW: 0,
      phases: Array.from({ length: phases }, () => ({ v: NOMINAL_V, i: 0, importW: 0, exportW: 0 })),
    };
    this.#stepEnd = Math.floor(start / STEP_MS) * STEP_MS;
    this.#step();
  }

  /**
   * The house at `time` (Unix milliseconds), which never goes back. The same object each time.
   * @throws RangeError for a time before the last one's step.
   */
  at(time: number): HouseState {
    while (time >= this.#stepEnd) {
      this.#integrate(STEP_MS, this.#registers);
      this.#step();
    }
    const past = time - (this.#stepEnd - STEP_MS);
    if (past < 0) throw new RangeError(`the house has passed ${new Date(time).toISOString()}`);
    const state = this.#state;
    state.importWh[0] = this.#registers.importWh[0];
    state.importWh[1] = this.#registers.importWh[1];
    state.exportWh[0] = this.#registers.exportWh[0];
    state.exportWh[1] = this.#registers.exportWh[1];
    this.#integrate(past, state);
    return state;
  }

  #appliance(powerW: number, steps: number, runs: number): Appliance {
    return { powerW, steps, runs, phase: this.#random.below(this.#settings.phases), on: false };
  }

  #integrate(ms: number, registers: { importWh: [number, number]; exportWh: [number, number] }): void {
    const { importW, exportW, tariff } = this.#state;
    registers.importWh[tariff - 1] += (importW * ms) / HOUR_MS;
    registers.exportWh[tariff - 1] += (exportW * ms) / HOUR_MS;
  }

  /** Begins the next step: its powers, then what follows from them. */
  #step(): void {
    const begin = this.#stepEnd;
    this.#stepEnd += STEP_MS;
    const { baseW, phases, utcOffset } = this.#settings;
    const local = begin + utcOffset * 60_000;
    const hour = (local - Math.floor(local / DAY_MS) * DAY_MS) / HOUR_MS;
    const pvW = this.#pvPower(hour);
    for (let phase = 0; phase < phases; phase++) {
      const noise = 0.9 + 0.2 * this.#random.unit();
      this.#loadW[phase] = (baseW / phases) * noise - pvW / phases;
    }
    const busy = hour >= 7 && hour < 23 ? 1.4 : 0.2;
    for (const appliance of this.#appliances) this.#run(appliance, busy);
    this.#state.tariff = hour >= 7 && hour < 23 ? 2 : 1;
    this.#look();
  }

  /** A parabola from sunrise to sunset under drifting clouds. */
  #pvPower(hour: number): number {
    const { pvW } = this.#settings;
    if (!pvW) return 0;
    const day = dayAt(hour);
    return pvW * 4 * day * (1 - day) * this.#clouds.drift();
  }

  #run(appliance: Appliance, busy: number): void {
    const chance = appliance.on ? 1 / appliance.steps : (appliance.runs * busy) / STEPS_PER_DAY;
    if (this.#random.unit() < chance) appliance.on = !appliance.on;
    if (appliance.on) this.#loadW[appliance.phase] += appliance.powerW;
  }

  /** What a meter reads of the step's powers: whole watts, as the registers integrate them. */
  #look(): void {
    const state = this.#state;
    let total = 0;
    for (let index = 0; index < state.phases.length; index++) {
      const watts = Math.floor(this.#loadW[index]);
      const phase = state.phases[index];
      phase.importW = Math.max(watts, 0);
      phase.exportW = Math.max(-watts, 0);
      phase.v = NOMINAL_V + Math.floor((this.#random.unit() - 0.5) * 40) / 10 - watts / 2000;
      phase.i = Math.abs(watts) / phase.v;
      total += watts;
    }
    state.importW = Math.max(total, 0);
    state.exportW = Math.max(-total, 0);
  }
}
