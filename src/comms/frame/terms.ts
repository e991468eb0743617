import type { Column } from "../../model/profiles";

/** Times, and for each column of a profile but the time, `count` values one after the other, NaN where there is none. */
export interface Rows {
  count: number;
  times: ArrayLike<number>;
  values: ArrayLike<number>;
}

/** How a channel is made up, as the registry says. */
export const INDICES = 128;
export const PHASES = 8;
export const CHANNELS = PHASES * INDICES;

/** Numbers of quantities in the registry: a power as its net, its import and its export. */
export type Power = readonly [net: number, imported: number, exported: number];
export const POWER: Power = [14, 4, 5];
export const REACTIVE: Power = [15, 6, 7];

/** A term beyond it is as good as missing: what is reckoned from terms stays an integer. */
const MAX_TERM = 2 ** 40;

/** The channel of a quantity and phase, without an index. */
export function channelOf(quantity: number, phase: number): number {
  return (quantity * PHASES + phase) * INDICES;
}

/** A sum over columns of one exponent, with signs. */
export class Terms {
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
