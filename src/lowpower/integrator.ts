import type { Column, Profile } from "../model/profiles";
import type { Sample } from "../model/reading";
import { powerOfTen, quantise } from "./recorder";

/**
 * Registers for devices that have none: the integral of what they measure by the trapezoidal rule, in integers. What
 * is below a register's resolution is carried on, so nothing is lost by rounding; between two samples of different
 * sign the mean decides which register grows.
 */

interface Rule {
  /** What is integrated, and the registers of its positive and its negative part. */
  from: string;
  into: readonly [string, string | undefined];
}

const RULES: readonly Rule[] = [
  { from: "p", into: ["ei", "ee"] },
  { from: "pi", into: ["ei", undefined] },
  { from: "pe", into: ["ee", undefined] },
  { from: "dcp", into: ["dcei", "dcee"] },
  { from: "dci", into: ["ahi", "ahe"] },
];

/** Watts and amperes are integrated in thousandths: quantised once, like all that is recorded. */
const EXPONENT = -3;
const HOUR_MS = 3_600_000;
/** A trapezoid is half the sum of its sides; the half is left out, and the unit doubled. */
const DOUBLED = 2;
/** Between samples that are further apart, nobody knows what has flowed. */
const LONGEST_PERIODS = 3;
const LEAST_GAP_MS = 10_000;

/** Per rule: each register and what is left below it, then the last value, and its ticks. */
const NUMBERS = 6;
const VALUE = 4;
const TICKS = 5;

/** One rule of a stream, with the resolution of its registers. */
interface Integral {
  rule: Rule;
  exponents: readonly number[];
}

export class Integrator {
  readonly #integrals: readonly Integral[];
  readonly #registers: Float64Array;
  readonly #gapMs: number;

  /** What registers a stream of this profile needs; empty when nothing of it can be integrated. */
  static registers(profile: Profile): Float64Array {
    const registers = new Float64Array(NUMBERS * integralsOf(profile).length);
    for (let at = 0; at < registers.length; at += NUMBERS) registers[at + VALUE] = Number.NaN;
    return registers;
  }

  /** Registers from before a power loss: what was measured last, and when, means nothing any more. */
  static resume(registers: Float64Array): void {
    for (let at = 0; at < registers.length; at += NUMBERS) registers[at + VALUE] = Number.NaN;
  }

  /**
   * @param registers as `registers` has made them; they grow in place.
   * @param sampleMs milliseconds between samples.
   */
  constructor(profile: Profile, registers: Float64Array, sampleMs: number) {
    this.#integrals = integralsOf(profile);
    this.#registers = registers;
    this.#gapMs = Math.max(LONGEST_PERIODS * sampleMs, LEAST_GAP_MS);
  }

  /** The sample with its registers: its own where the device has sent them. */
  add(ticks: number, sample: Sample): Sample {
    let added = sample;
    for (let index = 0; index < this.#integrals.length; index++) {
      const { rule } = this.#integrals[index];
      if (sample[rule.into[0]] !== undefined) continue;
      if (added === sample) added = { ...sample };
      this.#integrate(index, ticks, sample[rule.from]);
      this.#read(index, added);
    }
    return added;
  }

  #integrate(index: number, ticks: number, value: number | undefined): void {
    const registers = this.#registers;
    const at = index * NUMBERS;
    const now = quantise(value, EXPONENT);
    if (Number.isNaN(now)) return;
    const before = registers[at + VALUE];
    const span = ticks - registers[at + TICKS];
    registers[at + VALUE] = now;
    registers[at + TICKS] = ticks;
    if (Number.isNaN(before) || span <= 0 || span > this.#gapMs) return;
    const area = (before + now) * span;
    const side = area < 0 ? 1 : 0;
    const { rule, exponents } = this.#integrals[index];
    if (rule.into[side] === undefined) return;
    // Of one unit of the register: doubled thousandths, times milliseconds.
    const unit = scaled(DOUBLED * HOUR_MS * 1000, exponents[side]);
    const rest = registers[at + 2 * side + 1] + Math.abs(area);
    const whole = Math.floor(rest / unit);
    registers[at + 2 * side] += whole;
    registers[at + 2 * side + 1] = rest - whole * unit;
  }

  #read(index: number, sample: Sample): void {
    const { rule, exponents } = this.#integrals[index];
    for (let side = 0; side < 2; side++) {
      const name = rule.into[side];
      if (name === undefined) continue;
      const counted = this.#registers[index * NUMBERS + 2 * side];
      sample[name] = scaled(counted, exponents[side]);
    }
  }
}

function scaled(value: number, exponent: number): number {
  return exponent < 0 ? value / powerOfTen(-exponent) : value * powerOfTen(exponent);
}

/** The rules whose value and registers are columns of the profile, each register once. */
function integralsOf({ columns }: Profile): Integral[] {
  const taken = new Set<string>();
  const integrals: Integral[] = [];
  for (const rule of RULES) {
    if (!columnOf(columns, rule.from)) continue;
    const into = rule.into.filter((name) => name !== undefined);
    const found = into.map((name) => columnOf(columns, name));
    if (found.some((column) => !column) || into.some((name) => taken.has(name))) continue;
    for (const name of into) taken.add(name);
    integrals.push({ rule, exponents: found.map((column) => column!.exponent) });
  }
  return integrals;
}

/** Each wake looks for some: without a call a column. */
function columnOf(columns: readonly Column[], name: string): Column | undefined {
  for (let index = 0; index < columns.length; index++)
    if (columns[index].name === name) return columns[index];
  return undefined;
}
