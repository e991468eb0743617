/** How many numbers a driver keeps of its chip's counters, and how many registers it adds up. */
export interface CountsShape {
  /** Counters of the chip as they were read last, and when; NaN while that is not known. */
  raw: number;
  /** Totals in millionths of the register's unit. */
  totals: number;
}

const MILLION = 1_000_000;

/**
 * What a driver has counted, in integers that outlive it. Whoever gives them to the next driver of the same chip has its
 * registers go on, with what the chip has counted in between.
 */
export class Counts {
  readonly #numbers: Float64Array;
  readonly #raw: number;
  /** Below a millionth, of each total. */
  readonly #rests: Float64Array;

  /** Numbers of a chip that nobody has read yet, and of registers that begin at 0. */
  static create({ raw, totals }: CountsShape): Float64Array {
    const numbers = new Float64Array(raw + totals);
    numbers.fill(Number.NaN, 0, raw);
    return numbers;
  }

  /** From before a loss of power: registers go on; what the chip's counters stood at means nothing any more. */
  static resume(numbers: Float64Array, { raw }: CountsShape): void {
    numbers.fill(Number.NaN, 0, raw);
  }

  /**
   * @param numbers grow in place. Default: new ones.
   * @throws RangeError that begins with the driver's name, unless they are as many as `shape` says.
   */
  constructor(name: string, shape: CountsShape, numbers: Float64Array | undefined) {
    const { raw, totals } = shape;
    if (numbers !== undefined && numbers.length !== raw + totals)
      throw new RangeError(`${name}: counts are ${numbers.length} numbers, expected ${raw + totals}`);
    this.#numbers = numbers ?? Counts.create(shape);
    this.#raw = raw;
    this.#rests = new Float64Array(totals);
  }

  raw(index: number): number {
    return this.#numbers[index];
  }

  keep(index: number, value: number): void {
    this.#numbers[index] = value;
  }

  /** The chip's counters have begun anew. */
  forget(): void {
    this.#numbers.fill(Number.NaN, 0, this.#raw);
  }

  /** @param amount in the register's unit, not negative. What is below a millionth is added next time. */
  add(index: number, amount: number): void {
    const exact = amount * MILLION + this.#rests[index];
    const whole = Math.floor(exact);
    this.#numbers[this.#raw + index] += whole;
    this.#rests[index] = exact - whole;
  }

  /** In the register's unit. */
  total(index: number): number {
    return this.#numbers[this.#raw + index] / MILLION;
  }

  /** Whether anything has been counted. */
  get hasTotals(): boolean {
    const numbers = this.#numbers;
    for (let index = this.#raw; index < numbers.length; index++) if (numbers[index] > 0) return true;
    return false;
  }
}
