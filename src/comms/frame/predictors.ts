import type { Terms } from "./terms";

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
  /** What stands for the value before the first one. */
  readonly start: number;
  /**
   * An integer within ±(2^53−1) for the value of a row. Rows come in their order; those that have no value are left out.
   * @param last the value that came before it, at first `start`.
   */
  predict(row: number, last: number): number;
}

export const LAST_RANK = 2;

/** The squares of what is below it sum up to less than 2^52, where a root rounded down is exact. */
const MAX_ROOT = 2 ** 25;
const MAX_WORK = 2 ** 50;
/** A root of watts keeps sixteenths of them. */
const ROOT_PARTS = 16;
const SECONDS_PER_HOUR = 3600;

/** Repeats the last value. */
export class Last implements Predictor {
  rank = 0;
  readonly firstBits: number;
  readonly nextBits: number;
  readonly start: number;

  constructor(firstBits: number, nextBits: number, start: number) {
    this.firstBits = firstBits;
    this.nextBits = nextBits;
    this.start = start;
  }

  predict(_row: number, last: number): number {
    return last;
  }
}

/** Times: the step that last came twice in a row comes again. */
export class Steps extends Last {
  #before: number;
  #step = 0;
  #lastStep = 0;

  constructor(firstBits: number, start: number) {
    super(firstBits, 0, start);
    this.#before = start;
  }

  override predict(row: number, last: number): number {
    const step = difference(last, this.#before);
    if (row === 2 || step === this.#lastStep) this.#step = step;
    this.#lastStep = step;
    this.#before = last;
    return bounded(last + this.#step);
  }
}

/** A clock that keeps its distance to the times. */
export class Clock extends Last {
  readonly #times: ArrayLike<number>;
  /** Of the row of the last value. */
  #time = 0;

  constructor(firstBits: number, times: ArrayLike<number>) {
    super(firstBits, 0, 0);
    this.#times = times;
  }

  override predict(row: number, last: number): number {
    const offset = difference(last, this.#time);
    this.#time = this.#times[row];
    return bounded(this.#time + offset);
  }
}

/** The power of the whole connection: what its phases have together, in the direction of the column. */
export class Total extends Last {
  override rank = 1;
  readonly #phases: Terms;
  readonly #direction: number;

  /** `direction`: 1 counts what is positive, −1 what is negative, 0 both. */
  constructor(phases: Terms, direction: number) {
    super(1, 0, 0);
    this.#phases = phases;
    this.#direction = direction;
  }

  override predict(row: number, last: number): number {
    const sum = this.#phases.at(row);
    if (Number.isNaN(sum)) return last;
    return this.#direction === 0 ? sum : Math.max(0, this.#direction * sum);
  }
}

/**
 * Current from voltage and power: I² = (P² + Q²)/V² + D², where D, the part that carries no power (harmonics, and what
 * power swings about its mean), is that of the last reading.
 */
export class Current extends Last {
  override rank = 2;
  readonly #voltage: Terms;
  readonly #power: Terms;
  /** Undefined where there is none. */
  readonly #reactive: Terms | undefined;
  readonly #numerator: number;
  readonly #denominator: number;
  /** Of the current that the last prediction has found, NaN where it found none. */
  #square = Number.NaN;
  #rest = 0;

  constructor(firstBits: number, voltage: Terms, power: Terms, reactive: Terms | undefined, decades: number) {
    super(firstBits, firstBits >> 1, 0);
    this.#voltage = voltage;
    this.#power = power;
    this.#reactive = reactive;
    this.#numerator = tenTo(decades);
    this.#denominator = ROOT_PARTS * tenTo(-decades);
  }

  override predict(row: number, last: number): number {
    if (Math.abs(last) < MAX_ROOT && !Number.isNaN(this.#square)) this.#rest = last * last - this.#square;
    const current = this.#currentAt(row);
    this.#square = current * current;
    return Number.isNaN(current) ? last : Math.floor(Math.sqrt(Math.max(0, this.#square + this.#rest)));
  }

  /** NaN where it is not known. */
  #currentAt(row: number): number {
    const voltage = this.#voltage.at(row);
    const power = ROOT_PARTS * Math.abs(this.#power.at(row));
    const reactive = this.#reactive ? ROOT_PARTS * Math.abs(this.#reactive.at(row)) : 0;
    if (!(voltage > 0 && voltage < MAX_ROOT && power < MAX_ROOT && reactive < MAX_ROOT)) return Number.NaN;
    const apparent = Math.floor(Math.sqrt(power * power + reactive * reactive));
    const current = Math.floor((apparent * this.#numerator) / (this.#denominator * voltage));
    return current < MAX_ROOT ? current : Number.NaN;
  }
}

/**
 * An energy register from the power that it sums up. How much of its next unit has been reached is known within
 * [low, high], in `#unit` parts of it: each reading narrows that, and the rounding of power widens it again.
 */
export class Register extends Last {
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
  /** The value before, units that the prediction added to it, and what the rounding of power makes of them. */
  #before = 0;
  #units = 0;
  #slack = 0;

  constructor(firstBits: number, power: Terms, direction: number, times: ArrayLike<number>, decades: number) {
    super(firstBits, 0, 0);
    this.#power = power;
    this.#direction = direction;
    this.#times = times;
    this.#parts = tenTo(decades);
    this.#unit = SECONDS_PER_HOUR * tenTo(-decades);
    this.#high = this.#unit;
  }

  override predict(row: number, last: number): number {
    let stands = false;
    if (this.#row < 0) {
      this.#row = row;
      // Of the first one nothing is known: all of a unit.
      this.#slack = this.#unit;
    } else {
      const units = last - this.#before;
      stands = units === 0 && this.#units > 1;
      this.#narrow(units);
      this.#slack = 0;
    }
    this.#before = last;
    while (this.#row < row) this.#work(++this.#row);
    this.#units = Math.floor(Math.floor((this.#low + this.#high) / 2) / this.#unit);
    return stands ? last : bounded(last + this.#units);
  }

  #narrow(units: number): void {
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
    if (!(power > 0)) return;
    const time = this.#times[row] - this.#times[row - 1];
    const parts = power * time * this.#parts;
    if (!(time > 0 && this.#low + parts <= MAX_WORK)) return;
    this.#low += parts;
    this.#high += parts;
    this.#slack += Math.floor((time * this.#parts) / 2);
  }
}

/** 10^exponent, 1 for exponents below 0. By products, because pow() differs between C libraries. */
export function tenTo(exponent: number): number {
  let power = 1;
  for (let count = 0; count < exponent; count++) power *= 10;
  return power;
}

/** 0 when it is no integer within ±(2^53−1). */
function difference(value: number, from: number): number {
  return Number.isSafeInteger(value - from) ? value - from : 0;
}

/** A prediction within ±(2^53−1). */
function bounded(prediction: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, prediction));
}
