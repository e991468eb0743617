import type { Column } from "../../model/profiles";

/** A frame's readings: times, and for each column but the time `count` values one after the other, NaN where there is none. */
export interface Table {
  columns: readonly Column[];
  /** Those of the columns, in their order. */
  channels: readonly number[];
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
  readonly #table: Table;
  readonly #starts: number[] = [];
  readonly #signs: number[] = [];
  /** Undefined when there is nothing that could be summed up: no column, or columns of several exponents. */
  exponent: number | undefined;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Adds the column of that quantity and phase, if there is one. */
  add(quantity: number, phase: number, sign: number): boolean {
    const { channels, columns, count } = this.#table;
    const at = channels.indexOf(channelOf(quantity, phase), 1);
    if (at < 0) return false;
    const { exponent } = columns[at];
    this.exponent = this.#starts.length === 0 || exponent === this.exponent ? exponent : undefined;
    this.#starts.push((at - 1) * count);
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
    const { values } = this.#table;
    const starts = this.#starts;
    const signs = this.#signs;
    const count = starts.length;
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const value = values[starts[index] + row];
      if (!(value <= MAX_TERM && value >= -MAX_TERM)) return Number.NaN;
      sum += signs[index] * value;
    }
    return sum;
  }
}
