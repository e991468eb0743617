/** Counts equal measurements in a row. Where the lowest bits are noise, many of them are no measurements. */
export class Repeats {
  readonly #limit: number;
  #first = Number.NaN;
  #second = Number.NaN;
  #count = 0;

  /** @param limit so many repeats are too many. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when the two raw values are those of `limit` measurements before. */
  isStuck(first: number, second: number): boolean {
    this.#count = first === this.#first && second === this.#second ? this.#count + 1 : 0;
    this.#first = first;
    this.#second = second;
    return this.#count >= this.#limit;
  }
}
