import { quantityOf } from "../../model/channels";
import type { Column } from "../../model/profiles";

/**
 * Says what a column's next value will be, from what both ends have by then: the column's earlier values, all times,
 * and, by `rank`, the columns of lower rank. All in integers, division rounded down, so that every engine says the same.
 */
export interface Predictor {
  /** Columns of rank 0 need no other, those of rank 1 need such, those of rank 2 need both. */
  readonly rank: number;
  /** About how many bits the residual of the first value has, and those of the later ones. */
  readonly firstBits: number;
  readonly nextBits: number;
  /** Of the first value, when none was learnt. */
  predict(row: number): number;
  /** After `predict` of that row; rows that have no value are left out. */
  learn(row: number, value: number): void;
}

export const LAST_RANK = 2;

/** Times, and for each column of a profile but the time, `count` values one after the other, NaN where there is none. */
export interface Rows {
  count: number;
  times: ArrayLike<number>;
  values: ArrayLike<number>;
}

// How a channel is made up, and numbers of quantities, as in the channel registry.
const INDICES = 128;
const PHASES = 8;
const CHANNELS = PHASES * INDICES;
const TIME = 0;
const CLOCK = 1;
const VOLTAGE = 2;
const CURRENT = 3;
type Power = readonly [net: number, imported: number, exported: number];
const POWER: Power = [14, 4, 5];
const REACTIVE: Power = [15, 6, 7];
/** What a register sums up, and in which direction. */
const REGISTERS: Readonly<Record<number, readonly [Power, number]>> = {
  9: [POWER, 1],
  10: [POWER, -1],
  11: [REACTIVE, 1],
  12: [REACTIVE, -1],
};

/** How many bits a first value needs at an exponent, beside a usual value: a choice, fitted to `npm run bench:bytes`. */
type First = readonly [bits: number, exponent: number, usual: number];
const FIRST: Readonly<Record<number, First>> = {
  [TIME]: [5, 0, 0],
  [VOLTAGE]: [5, -1, 2300],
  [CURRENT]: [4, -2, 0],
  4: [10, 0, 0],
  5: [10, 0, 0],
  // Frequency.
  8: [2, -2, 5000],
  14: [10, 0, 0],
  16: [10, 0, 0],
  // Temperature.
  37: [3, -1, 200],
};
const FIRST_BY_KIND: Readonly<Record<string, First>> = {
  gauge: [6, 0, 0],
  register: [23, 0, 0],
  state: [3, 0, 0],
  flags: [3, 0, 0],
};

/** A term beyond it is as good as missing: what is reckoned from terms stays an integer. */
const MAX_TERM = 2 ** 40;
/** The squares of what is below it sum up to less than 2^52, where a root rounded down is exact. */
const MAX_ROOT = 2 ** 25;
const MAX_WORK = 2 ** 50;
/** A root of watts keeps sixteenths of them. */
const ROOT_PARTS = 16;
const MOST_BITS = 53;
/** Decades that a conversion between columns may span. */
const MAX_DECADES = 6;
const SECONDS_PER_HOUR = 3600;

/** Repeats the last value. */
class Last implements Predictor {
  rank = 0;
  readonly firstBits: number;
  readonly nextBits: number;
  protected last: number;

  constructor(firstBits: number, nextBits: number, usual: number) {
    this.firstBits = firstBits;
    this.nextBits = nextBits;
    this.last = usual;
  }

  predict(_row: number): number {
    return this.last;
  }

  learn(_row: number, value: number): void {
    this.last = value;
  }
}

/** Times: the step that last came twice in a row comes again. */
class Steps extends Last {
  #step = 0;
  #lastStep = 0;

  override predict(_row: number): number {
    return this.last + this.#step;
  }

  override learn(row: number, value: number): void {
    const step = difference(value, this.last);
    if (row === 1 || step === this.#lastStep) this.#step = step;
    this.#lastStep = step;
    this.last = value;
  }
}

/** A clock that keeps its distance to the times. */
class Clock extends Last {
  readonly #times: ArrayLike<number>;

  constructor(firstBits: number, times: ArrayLike<number>) {
    super(firstBits, 0, 0);
    this.#times = times;
  }

  override predict(row: number): number {
    return this.#times[row] + this.last;
  }

  override learn(row: number, value: number): void {
    this.last = difference(value, this.#times[row]);
  }
}

/** A sum over columns of one exponent, with signs. */
class Terms {
  readonly #columns: readonly Column[];
  readonly #rows: Rows;
  readonly #starts: number[] = [];
  readonly #signs: number[] = [];
  #exponent = 0;
  #isMixed = false;

  constructor(columns: readonly Column[], rows: Rows) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** Undefined when there is nothing that could be summed up. */
  get exponent(): number | undefined {
    return this.#starts.length && !this.#isMixed ? this.#exponent : undefined;
  }

  /** Adds the column of that quantity and phase, if there is one. */
  add(quantity: number, phase: number, sign: number): boolean {
    const channel = channelOf(quantity, phase);
    const at = this.#columns.findIndex((column, index) => index > 0 && column.channel === channel);
    if (at < 0) return false;
    const { exponent } = this.#columns[at];
    if (this.#starts.length && exponent !== this.#exponent) this.#isMixed = true;
    this.#exponent = exponent;
    this.#starts.push((at - 1) * this.#rows.count);
    this.#signs.push(sign);
    return true;
  }

  /** Adds the net power of a phase: as it is, or import less export. */
  addNet(power: Power, phase: number): void {
    const [net, imported, exported] = power;
    if (this.add(net, phase, 1)) return;
    this.add(imported, phase, 1);
    this.add(exported, phase, -1);
  }

  /** NaN when a term is missing, or as good as that. */
  at(row: number): number {
    const { values } = this.#rows;
    let sum = 0;
    for (let index = 0; index < this.#starts.length; index++) {
      const value = values[this.#starts[index] + row];
      sum += value <= MAX_TERM && value >= -MAX_TERM ? this.#signs[index] * value : Number.NaN;
    }
    return sum;
  }
}

/** The power of the whole connection: what its phases have together, in the direction of the column. */
class Total extends Last {
  override rank = 1;
  readonly #phases: Terms;
  readonly #direction: number;

  /** `direction`: 1 counts what is positive, −1 what is negative, 0 both. */
  constructor(phases: Terms, direction: number) {
    super(1, 0, 0);
    this.#phases = phases;
    this.#direction = direction;
  }

  override predict(row: number): number {
    const sum = this.#phases.at(row);
    if (Number.isNaN(sum)) return this.last;
    return this.#direction === 0 ? sum : Math.max(0, this.#direction * sum);
  }
}

/**
 * Current from voltage and power: I² = (P² + Q²)/V² + D², where D, the part that carries no power (harmonics, and what
 * power swings about its mean), is that of the last reading.
 */
class Current extends Last {
  override rank = 2;
  readonly #voltage: Terms;
  readonly #power: Terms;
  readonly #reactive: Terms;
  readonly #numerator: number;
  readonly #denominator: number;
  #square = 0;
  #rest = 0;

  constructor(first: First, voltage: Terms, power: Terms, reactive: Terms, decades: number) {
    super(first[0], first[0] >> 1, 0);
    this.#voltage = voltage;
    this.#power = power;
    this.#reactive = reactive;
    this.#numerator = tenTo(decades);
    this.#denominator = ROOT_PARTS * tenTo(-decades);
  }

  override predict(row: number): number {
    const voltage = this.#voltage.at(row);
    const power = ROOT_PARTS * Math.abs(this.#power.at(row));
    const reactive =
      this.#reactive.exponent === undefined ? 0 : ROOT_PARTS * Math.abs(this.#reactive.at(row));
    this.#square = Number.NaN;
    if (!(voltage > 0 && voltage < MAX_ROOT && power < MAX_ROOT && reactive < MAX_ROOT)) return this.last;
    const apparent = Math.floor(Math.sqrt(power * power + reactive * reactive));
    const current = Math.floor((apparent * this.#numerator) / (this.#denominator * voltage));
    if (current >= MAX_ROOT) return this.last;
    this.#square = current * current;
    return Math.floor(Math.sqrt(Math.max(0, this.#square + this.#rest)));
  }

  override learn(_row: number, value: number): void {
    this.last = value;
    if (Math.abs(value) < MAX_ROOT && !Number.isNaN(this.#square)) this.#rest = value * value - this.#square;
  }
}

/**
 * An energy register from the power that it sums up. How much of its next unit has been reached is known within
 * [low, high], in `#unit` parts of it: each reading narrows that, and the rounding of power widens it again.
 */
class Register extends Last {
  override rank = 2;
  readonly #power: Terms;
  readonly #direction: number;
  readonly #times: ArrayLike<number>;
  /** Parts that a power of 1 adds in a time of 1. */
  readonly #parts: number;
  readonly #unit: number;
  #low = 0;
  #high: number;
  #row = -1;
  /** Units that the prediction added. */
  #units = 0;
  #slack = 0;
  #stands = false;

  constructor(first: First, power: Terms, direction: number, times: ArrayLike<number>, decades: number) {
    super(first[0], 0, 0);
    this.#power = power;
    this.#direction = direction;
    this.#times = times;
    this.#parts = tenTo(decades);
    this.#unit = SECONDS_PER_HOUR * tenTo(-decades);
    this.#high = this.#unit;
  }

  override predict(row: number): number {
    // Of the first one nothing is known: all of a unit.
    this.#slack = this.#row < 0 ? this.#unit : 0;
    if (this.#row < 0) this.#row = row;
    while (this.#row < row) this.#work(++this.#row);
    const units = Math.floor(Math.floor((this.#low + this.#high) / 2) / this.#unit);
    this.#units = units;
    return this.#stands ? this.last : this.last + units;
  }

  override learn(_row: number, value: number): void {
    const units = value - this.last;
    this.last = value;
    this.#stands = units === 0 && this.#units > 1;
    const unit = this.#unit;
    if (Math.abs(units - this.#units) > 1) {
      this.#low = 0;
      this.#high = unit;
      return;
    }
    const slack = Math.min(this.#slack, unit);
    this.#low = Math.max(0, Math.min(unit - slack, this.#low - units * unit - slack));
    this.#high = Math.min(unit, Math.max(slack, this.#high - units * unit + slack));
  }

  /** Adds what the power of a row is over the time since the row before. */
  #work(row: number): void {
    const power = this.#direction * this.#power.at(row);
    const time = this.#times[row] - this.#times[row - 1];
    const parts = power * time * this.#parts;
    if (!(power > 0 && time > 0 && this.#low + parts <= MAX_WORK)) return;
    this.#low += parts;
    this.#high += parts;
    this.#slack += Math.floor((time * this.#parts) / 2);
  }
}

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
  const isGauge = (quantityOf(column.channel)?.kind ?? "gauge") === "gauge";
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
  return new Current(first, voltage, power, reactive, decades);
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
  return new Register(first, power, direction, rows.times, decades);
}

/** What is usual of a column's first value, at its exponent. */
function firstOf(column: Column): First {
  const quantity = Math.floor(column.channel / CHANNELS);
  const [bits, exponent, usual] =
    FIRST[quantity] ?? FIRST_BY_KIND[quantityOf(column.channel)?.kind ?? "gauge"];
  const decades = exponent - column.exponent;
  const scaledBits = Math.max(0, Math.min(MOST_BITS, bits + Math.floor((10 * decades) / 3)));
  const scaled = Math.abs(decades) > MAX_DECADES ? 0 : Math.floor((usual * tenTo(decades)) / tenTo(-decades));
  return [scaledBits, column.exponent, scaled];
}

function channelOf(quantity: number, phase: number): number {
  return (quantity * PHASES + phase) * INDICES;
}

/** 10^exponent, 1 for exponents below 0. By products, because pow() differs between C libraries. */
function tenTo(exponent: number): number {
  let power = 1;
  for (let count = 0; count < exponent; count++) power *= 10;
  return power;
}

/** 0 when it is no integer within ±(2^53−1). */
function difference(value: number, from: number): number {
  return Number.isSafeInteger(value - from) ? value - from : 0;
}

/** A prediction within ±(2^53−1). */
export function bounded(prediction: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, prediction));
}
