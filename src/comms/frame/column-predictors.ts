import type { Column } from "../../model/profiles";
import { Clock, Current, Last, type Predictor, Register, Steps, Total, tenTo } from "./predictors";
import { CHANNELS, channelOf, INDICES, PHASES, POWER, type Power, REACTIVE, type Rows, Terms } from "./terms";

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
  return new Steps(firstOf(columns[0])[0], 0, start);
}

/** Of the quality codes. */
export function qualityPredictor(): Predictor {
  return new Last(0, 0, 0);
}

/** Of a profile's columns but the time, in their order. */
export function columnPredictors(columns: readonly Column[], rows: Rows): Predictor[] {
  return columns.slice(1).map((column) => predictorOf(column, columns, rows));
}

function predictorOf(column: Column, columns: readonly Column[], rows: Rows): Predictor {
  const quantity = Math.floor(column.channel / CHANNELS);
  const phase = Math.floor(column.channel / INDICES) % PHASES;
  const first = firstOf(column);
  const terms = () => new Terms(columns, rows);
  let predictor: Predictor | undefined;
  if (quantity === CLOCK && column.exponent === columns[0].exponent)
    predictor = new Clock(first[0], rows.times);
  else if (column.channel === channelOf(CURRENT, phase)) predictor = currentOf(column, first, phase, terms);
  else if (POWER.includes(quantity) && column.channel === channelOf(quantity, 0))
    predictor = totalOf(column, terms);
  else if (REGISTERS[quantity]) predictor = registerOf(column, columns[0].exponent, first, rows, terms);
  const isGauge = !COUNTERS.includes(quantity) && !STATES.includes(quantity);
  return predictor ?? new Last(first[0], isGauge ? first[0] >> 1 : 0, first[2]);
}

function totalOf(column: Column, newTerms: () => Terms): Predictor | undefined {
  const direction = [0, 1, -1][POWER.indexOf(Math.floor(column.channel / CHANNELS))];
  const phases = newTerms();
  for (let phase = 1; phase <= 3; phase++) phases.addNet(POWER, phase);
  return phases.exponent === column.exponent ? new Total(phases, direction) : undefined;
}

function currentOf(
  column: Column,
  first: First,
  phase: number,
  newTerms: () => Terms,
): Predictor | undefined {
  const voltage = newTerms();
  const power = newTerms();
  const reactive = newTerms();
  voltage.add(VOLTAGE, phase, 1);
  power.addNet(POWER, phase);
  reactive.addNet(REACTIVE, phase);
  if (voltage.exponent === undefined || power.exponent === undefined) return undefined;
  if (reactive.exponent !== undefined && reactive.exponent !== power.exponent) return undefined;
  const decades = power.exponent - voltage.exponent - column.exponent;
  if (Math.abs(decades) > MAX_DECADES) return undefined;
  return new Current(first[0], voltage, power, reactive, decades);
}

function registerOf(
  column: Column,
  timeExponent: number,
  first: First,
  rows: Rows,
  newTerms: () => Terms,
): Predictor | undefined {
  const [kind, direction] = REGISTERS[Math.floor(column.channel / CHANNELS)];
  const phase = Math.floor(column.channel / INDICES) % PHASES;
  const power = newTerms();
  power.addNet(kind, phase);
  // Where the whole connection has none, its phases together.
  if (phase === 0 && power.exponent === undefined)
    for (let part = 1; part <= 3; part++) power.addNet(kind, part);
  if (power.exponent === undefined) return undefined;
  const decades = power.exponent + timeExponent - column.exponent;
  if (Math.abs(decades) > MAX_DECADES) return undefined;
  return new Register(first[0], power, direction, rows.times, decades);
}

/** What is usual of a column's first value, at its exponent. */
function firstOf(column: Column): First {
  const quantity = Math.floor(column.channel / CHANNELS);
  const [bits, exponent, usual] = usualOf(quantity);
  const decades = exponent - column.exponent;
  const scaledBits = Math.max(0, Math.min(MOST_BITS, bits + Math.floor((10 * decades) / 3)));
  const scaled = Math.abs(decades) > MAX_DECADES ? 0 : Math.floor((usual * tenTo(decades)) / tenTo(-decades));
  return [scaledBits, column.exponent, scaled];
}

function usualOf(quantity: number): First {
  if (COUNTERS.includes(quantity)) return COUNTER;
  return STATES.includes(quantity) ? STATE : (GAUGES[quantity] ?? GAUGE);
}
