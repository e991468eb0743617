import type { Column } from "../../model/profiles";
import { Clock, Current, Last, type Predictor, Register, Steps, Total, tenTo } from "./predictors";
import {
  CHANNELS,
  channelOf,
  INDICES,
  PHASES,
  POWER,
  type Power,
  REACTIVE,
  type Table,
  Terms,
} from "./terms";

// Numbers of quantities in the channel registry.
const TIME = 0;
const CLOCK = 1;
const VOLTAGE = 2;
const CURRENT = 3;

/** What a register sums up, and in which direction. */
const REGISTERS: Readonly<Record<number, readonly [Power, number]>> = {
  9: [POWER, 1],
  10: [POWER, -1],
  11: [REACTIVE, 1],
  12: [REACTIVE, -1],
};

/** How many bits a first value has beside what is usual, at an exponent. */
type First = readonly [bits: number, exponent: number, usual: number];
/**
 * Fitted to `npm run bench:bytes`. These numbers are part of the format, as all are here: a row that is changed, and one
 * that is added for a quantity that frames have already, makes those frames unreadable. What has no row is a gauge.
 */
const GAUGE: First = [6, 0, 0];
const POWERS: First = [10, 0, 0];
const GAUGES: Readonly<Record<number, First>> = {
  [TIME]: [5, 0, 0],
  [VOLTAGE]: [5, -1, 2300],
  [CURRENT]: [4, -2, 0],
  4: POWERS,
  5: POWERS,
  // Frequency.
  8: [2, -2, 5000],
  14: POWERS,
  16: POWERS,
  // Temperature.
  37: [3, -1, 200],
};
const COUNTER: First = [23, 0, 0];
/** Registers: of energy, then of charge, and of what an EV took. */
const COUNTERS: readonly number[] = [9, 10, 11, 12, 20, 21, 25, 26, 27, 28, 35];
const STATE: First = [3, 0, 0];
/** States and flags: tariff, EV, relay, inverter, battery, a device's bits. */
const STATES: readonly number[] = [13, 31, 36, 41, 42, 43];

const MOST_BITS = 53;
/** Decades that a conversion between columns may span. */
const MAX_DECADES = 6;

/** Of the times, in a frame whose first one is `start`. */
export function timePredictor(columns: readonly Column[], start: number): Predictor {
  return new Steps(firstOf(columns[0])[0], start);
}

/** Of the quality codes. */
export function qualityPredictor(): Predictor {
  return new Last(0, 0, 0);
}

/** Of a profile's columns but the time, in their order. */
export function columnPredictors(
  columns: readonly Column[],
  { count, times, values }: Pick<Table, "count" | "times" | "values">,
): Predictor[] {
  const table = { columns, channels: columns.map(({ channel }) => channel), count, times, values };
  return columns.slice(1).map((column) => predictorOf(column, table));
}

function predictorOf(column: Column, table: Table): Predictor {
  const { channel, exponent } = column;
  const quantity = Math.floor(channel / CHANNELS);
  const phase = Math.floor(channel / INDICES) % PHASES;
  const [bits, start] = firstOf(column);
  let predictor: Predictor | undefined;
  if (quantity === CLOCK && exponent === table.columns[0].exponent) predictor = new Clock(bits, table.times);
  else if (channel === channelOf(CURRENT, phase)) predictor = currentOf(column, bits, phase, table);
  else if (channel === channelOf(quantity, 0) && POWER.includes(quantity)) predictor = totalOf(column, table);
  else if (REGISTERS[quantity]) predictor = registerOf(column, bits, REGISTERS[quantity], phase, table);
  const isGauge = !COUNTERS.includes(quantity) && !STATES.includes(quantity);
  return predictor ?? new Last(bits, isGauge ? bits >> 1 : 0, start);
}

function totalOf({ channel, exponent }: Column, table: Table): Predictor | undefined {
  const direction = [0, 1, -1][POWER.indexOf(channel / CHANNELS)];
  const phases = new Terms(table);
  for (let phase = 1; phase <= 3; phase++) phases.addNet(POWER, phase);
  return phases.exponent === exponent ? new Total(phases, direction) : undefined;
}

function currentOf({ exponent }: Column, bits: number, phase: number, table: Table): Predictor | undefined {
  const voltage = new Terms(table);
  const power = new Terms(table);
  const reactive = new Terms(table);
  voltage.add(VOLTAGE, phase, 1);
  power.addNet(POWER, phase);
  if (voltage.exponent === undefined || power.exponent === undefined) return undefined;
  reactive.addNet(REACTIVE, phase);
  const hasReactive = reactive.exponent !== undefined;
  if (hasReactive && reactive.exponent !== power.exponent) return undefined;
  const decades = power.exponent - voltage.exponent - exponent;
  if (Math.abs(decades) > MAX_DECADES) return undefined;
  return new Current(bits, voltage, power, hasReactive ? reactive : undefined, decades);
}

function registerOf(
  { exponent }: Column,
  bits: number,
  [kind, direction]: readonly [Power, number],
  phase: number,
  table: Table,
): Predictor | undefined {
  const power = new Terms(table);
  power.addNet(kind, phase);
  // Where the whole connection has none, its phases together.
  if (phase === 0 && power.exponent === undefined)
    for (let part = 1; part <= 3; part++) power.addNet(kind, part);
  if (power.exponent === undefined) return undefined;
  const decades = power.exponent + table.columns[0].exponent - exponent;
  if (Math.abs(decades) > MAX_DECADES) return undefined;
  return new Register(bits, power, direction, table.times, decades);
}

/** How many bits the residual of a column's first value has, and what is usual of it, at the column's exponent. */
function firstOf({ channel, exponent }: Column): readonly [bits: number, start: number] {
  const [bits, usualExponent, usual] = usualOf(Math.floor(channel / CHANNELS));
  const decades = usualExponent - exponent;
  const scaledBits = Math.max(0, Math.min(MOST_BITS, bits + Math.floor((10 * decades) / 3)));
  const start = Math.abs(decades) > MAX_DECADES ? 0 : Math.floor((usual * tenTo(decades)) / tenTo(-decades));
  return [scaledBits, start];
}

function usualOf(quantity: number): First {
  if (COUNTERS.includes(quantity)) return COUNTER;
  return STATES.includes(quantity) ? STATE : (GAUGES[quantity] ?? GAUGE);
}
