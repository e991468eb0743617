import type { Digital, DigitalConstructor, PulseCount, PulseCountConstructor } from "../hal";
import { Quality } from "../model/quality";
import type { Sample } from "../model/reading";
import { Counts } from "./counts";
import {
  checkBoolean,
  checkChoice,
  checkIo,
  checkNumber,
  checkOptions,
  type DriverCallbacks,
} from "./driver-options";
import { isPlausibleCircuit, reactivePower } from "./mains";
import { Polling } from "./polling";

export interface Hlw8012Options extends DriverCallbacks {
  /** The pulse counter's class, and the pins of CF, which has power, and of CF1. */
  sensor: { io: PulseCountConstructor; power: number; second: number };
  /** The class of a digital output, and the pin of SEL. */
  select: { io: DigitalConstructor; pin: number };
  /**
   * Numbers that outlive the driver (see `Counts`), as many as its `counts` says: registers go on from there. Default: new
   * ones.
   */
  counts?: Float64Array;
}

export interface Hlw8012Configuration {
  /** Milliseconds between polls, 1000 to 15,000. Voltage and current take turns, so that a sample needs two. Default 2000. */
  pollMs?: number;
  model?: "hlw8012" | "bl0937";
  /** The shunt in milliohms, 0.01 to 100. Default 1. */
  shuntMilliohms?: number;
  /** Mains volts by volt at the chip's pin, 1 to 100,000. Default 2351: 5·470 kΩ over 1 kΩ. */
  divider?: number;
  /** The level of SEL at which CF1 has voltage is the low one, as behind a transistor. Default false. */
  inverted?: boolean;
  /** A lower voltage is implausible, in V, 0 to 400. Default 50: the chip lives on the mains it measures. */
  minimumVolts?: number;
}

/** What the driver has counted since it was made. */
export interface Hlw8012Counters {
  polls: number;
  good: number;
  /** No pulse of voltage has come. */
  silent: number;
  implausible: number;
  /** A pin has failed. */
  bus: number;
}

type Fault = "silent" | "implausible" | "bus";

interface Model {
  /** Hertz of CF at a volt squared, and of CF1 at a volt, at the pins. */
  power: number;
  current: number;
  voltage: number;
}

// HLW8012 data sheet: f = V1·V2·48/Vref²·fosc/128, V1·24/Vref·fosc/512, V2·2/Vref·fosc/512.
const OSCILLATOR_HZ = 3_579_000;
const REFERENCE = 2.43;
const HLW8012: Model = {
  power: ((48 / (REFERENCE * REFERENCE)) * OSCILLATOR_HZ) / 128,
  current: ((24 / REFERENCE) * OSCILLATOR_HZ) / 512,
  voltage: ((2 / REFERENCE) * OSCILLATOR_HZ) / 512,
};
// BL0937, as esphome/esphome (hlw8012.cpp) has it: f = 1721506·V(I)·V(V)/Vref², 94638·V(I)/Vref, 15397·V(V)/Vref.
const BL0937_REFERENCE = 1.218;
const BL0937: Model = {
  power: 1_721_506 / (BL0937_REFERENCE * BL0937_REFERENCE),
  current: 94_638 / BL0937_REFERENCE,
  voltage: 15_397 / BL0937_REFERENCE,
};
const MODELS = ["hlw8012", "bl0937"] as const;
const SHORTEST_POLL_MS = 1000;
/** So that a counter of 15 bits never goes round twice: CF1 has 2 kHz at most. */
const LONGEST_POLL_MS = 15_000;
/** After a change of SEL, CF1 has what was selected before for as long. */
const SETTLING_MS = 500;
/** ESP32's counter, as the SDK sets it, goes from 32,766 to 0. */
const PULSES = 32_767;
/** Power is the mean since as many pulses, unless that takes longer than: */
const POWER_PULSES = 20;
const POWER_MS = 10_000;
const JOULES_PER_WH = 3600;

/**
 * An HLW8012 or BL0937, as in plugs, on two pulse counters and an output, after ECMA-419's Sensor class pattern: `v`,
 * `i`, `p`, `q` (without a sign), `s`, `pf` and `ei`, which begins at 0, or goes on from `counts`: pulses are counted
 * while the driver is open, and in no deep sleep. The chip does not tell import from export.
 *
 * A frequency is pulses over time, each known to one pulse and one tick: at 230 V and 2 s that is 0.1 % of the voltage.
 */
export class Hlw8012 {
  static readonly counts = { raw: 0, totals: 1 } as const;
  readonly identification = { model: "HLW8012", classification: "PowerMeter" } as const;
  readonly counters: Readonly<Hlw8012Counters>;
  readonly #counters: Hlw8012Counters;
  readonly #polling: Polling;
  #power: PulseCount | undefined;
  #second: PulseCount | undefined;
  #select: Digital | undefined;

  #model: "hlw8012" | "bl0937" = "hlw8012";
  #shuntMilliohms = 1;
  #divider = 2351;
  #inverted = false;
  #minimumVolts = 50;

  #isVoltage = true;
  #volts = Number.NaN;
  #amperes = Number.NaN;
  #watts = Number.NaN;
  #secondCount = 0;
  #secondAt = 0;
  #powerCount = 0;
  #pulses = 0;
  #powerAt = 0;
  readonly #counts: Counts;
  #plausibleAt = Number.NEGATIVE_INFINITY;

  constructor(options: Hlw8012Options) {
    checkOptions("hlw8012", options, "a pulse count");
    checkIo("hlw8012", "select", options.select, "a digital");
    this.#counters = { polls: 0, good: 0, silent: 0, implausible: 0, bus: 0 };
    this.counters = this.#counters;
    this.#counts = new Counts("hlw8012", Hlw8012.counts, options.counts);
    this.#polling = new Polling(options, () => this.#poll());
    this.#polling.configure("hlw8012", 2000, SHORTEST_POLL_MS);
    this.#open(options);
    this.#powerAt = this.#polling.clock.ticks;
    this.#polling.start();
  }

  /** @throws RangeError or TypeError that names the field; nothing has changed then. */
  configure(options: Hlw8012Configuration): void {
    const { pollMs = this.#polling.pollMs, model = this.#model, divider = this.#divider } = options;
    const { shuntMilliohms = this.#shuntMilliohms, inverted = this.#inverted } = options;
    const { minimumVolts = this.#minimumVolts } = options;
    checkChoice("hlw8012", "model", model, MODELS);
    checkNumber("hlw8012", "shuntMilliohms", shuntMilliohms, 0.01, 100);
    checkNumber("hlw8012", "divider", divider, 1, 100_000);
    checkBoolean("hlw8012", "inverted", inverted);
    checkNumber("hlw8012", "minimumVolts", minimumVolts, 0, 400);
    checkNumber("hlw8012", "pollMs", pollMs, SHORTEST_POLL_MS, LONGEST_POLL_MS);
    this.#polling.configure("hlw8012", pollMs, SHORTEST_POLL_MS);
    this.#model = model;
    this.#shuntMilliohms = shuntMilliohms;
    this.#divider = divider;
    this.#inverted = inverted;
    this.#minimumVolts = minimumVolts;
  }

  /** The newest unread sample, or undefined. A good one is not replaced by a bad one. */
  sample(): Sample | undefined {
    return this.#polling.take();
  }

  close(): void {
    this.#polling.close();
    this.#power?.close();
    this.#second?.close();
    this.#select?.close();
    this.#power = undefined;
    this.#second = undefined;
    this.#select = undefined;
  }

  /** What was opened is closed again when a later one does not open. */
  #open({ sensor, select }: Hlw8012Options): void {
    try {
      this.#power = new sensor.io({ signal: sensor.power });
      this.#second = new sensor.io({ signal: sensor.second });
      this.#select = new select.io({ pin: select.pin, mode: select.io.Output });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Selects a quantity, waits until CF1 has it, and counts until the next poll is due. */
  #poll(): void {
    this.#counters.polls++;
    try {
      this.#select?.write(this.#isVoltage === this.#inverted ? 0 : 1);
    } catch {
      this.#fail("bus");
      return;
    }
    this.#polling.wait(SETTLING_MS, () => this.#begin());
  }

  #begin(): void {
    try {
      this.#secondCount = this.#second!.read();
    } catch {
      this.#fail("bus");
      return;
    }
    this.#secondAt = this.#polling.clock.ticks;
    this.#polling.wait(this.#polling.pollMs - SETTLING_MS, () => this.#end());
  }

  #end(): void {
    const seconds = (this.#polling.clock.ticks - this.#secondAt) / 1000;
    let hertz: number;
    try {
      hertz = gained(this.#second!.read(), this.#secondCount) / seconds;
      this.#countPower(this.#power!.read());
    } catch {
      this.#fail("bus");
      return;
    }
    const wasVoltage = this.#isVoltage;
    this.#isVoltage = !wasVoltage;
    const { current, voltage } = this.#factors();
    if (wasVoltage) this.#volts = hertz / voltage;
    else this.#amperes = hertz / current;
    this.#deliver(wasVoltage);
  }

  #deliver(wasVoltage: boolean): void {
    if (wasVoltage && this.#volts === 0) this.#fail("silent");
    else if (Number.isNaN(this.#volts) || Number.isNaN(this.#amperes)) this.#poll();
    else if (!this.#isPlausible()) this.#fail("implausible");
    else this.#succeed();
  }

  /** Power is a mean over longer than S: after a step it may exceed that for as long as both take, and no longer. */
  #isPlausible(): boolean {
    const { clock, pollMs } = this.#polling;
    if (isPlausibleCircuit(this.#volts, this.#amperes, this.#watts, this.#minimumVolts)) {
      this.#plausibleAt = clock.ticks;
      return true;
    }
    if (!isPlausibleCircuit(this.#volts, this.#amperes, 0, this.#minimumVolts)) return false;
    return clock.ticks - this.#plausibleAt <= POWER_MS + 2 * pollMs;
  }

  #factors(): Model {
    const { power, current, voltage } = this.#model === "bl0937" ? BL0937 : HLW8012;
    const ohms = this.#shuntMilliohms / 1000;
    return {
      power: (power * ohms) / this.#divider,
      current: current * ohms,
      voltage: voltage / this.#divider,
    };
  }

  #countPower(count: number): void {
    const more = gained(count, this.#powerCount);
    this.#powerCount = count;
    this.#pulses += more;
    this.#counts.add(0, more / this.#factors().power / JOULES_PER_WH);
    const { ticks } = this.#polling.clock;
    const ms = ticks - this.#powerAt;
    if (this.#pulses < POWER_PULSES && ms < POWER_MS && !Number.isNaN(this.#watts)) return;
    this.#watts = this.#pulses / (ms / 1000) / this.#factors().power;
    this.#pulses = 0;
    this.#powerAt = ticks;
  }

  #succeed(): void {
    this.#counters.good++;
    const sample = this.#polling.newSample();
    const p = this.#watts;
    const s = this.#volts * this.#amperes;
    sample.v = this.#volts;
    sample.i = this.#amperes;
    sample.p = p;
    sample.s = s;
    sample.q = reactivePower(s, p);
    if (s > 0) sample.pf = Math.min(p / s, 1);
    sample.ei = this.#counts.total(0);
    this.#polling.succeed(sample);
  }

  #fail(fault: Fault): void {
    this.#isVoltage = true;
    this.#volts = Number.NaN;
    this.#amperes = Number.NaN;
    this.#counters[fault]++;
    this.#polling.fail(Quality[fault]);
  }
}

/** What a counter has gained that goes back to 0 now and then. */
function gained(now: number, last: number): number {
  return now >= last ? now - last : now - last + PULSES;
}
