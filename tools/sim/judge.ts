import type { DecodedRecord } from "../decode/records";

/** What the world says was to be measured at one terminal, and what its registers were. */
export interface Expectation {
  /** The index of what a record measures, or undefined when it is not on the list. */
  indexOf(record: DecodedRecord): number | undefined;
  /** How many readings were to be taken. */
  readonly count: number;
  /** The world's own registers at each of `records`, which are in the order of their time. */
  registers(records: readonly DecodedRecord[]): WorldRegisters[];
}

/** Registers in Wh under the names of their channels: `ei_t1`, `ee_t2`, or `ei` where there are no tariffs. */
export type WorldRegisters = Record<string, number>;

export interface EnergyVerdict {
  /** The registers as decoded from the last good reading, all tariffs together. */
  decodedWh: number;
  /** The world's own registers at that moment. */
  worldWh: number;
  /** The largest difference of any one register in any reading. */
  largestErrorWh: number;
}

export interface Verdict {
  readings: number;
  good: number;
  /** Readings by quality name. */
  bad: Record<string, number>;
  expected: number;
  lost: number;
  duplicates: number;
  import?: EnergyVerdict;
  export?: EnergyVerdict;
}

/** Compares what a subscriber has decoded of one terminal with the world's own list. */
export class Judge {
  readonly #expectation: Expectation;
  readonly #seen: Uint32Array;
  readonly #good: DecodedRecord[] = [];
  readonly #bad: Record<string, number> = {};
  #readings = 0;

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
    this.#seen = new Uint32Array(expectation.count);
  }

  accept(record: DecodedRecord): void {
    const { quality } = record;
    const index = this.#expectation.indexOf(record);
    if (index !== undefined) this.#seen[index]++;
    else if (!quality) return;
    this.#readings++;
    if (quality) this.#bad[quality] = (this.#bad[quality] ?? 0) + 1;
    else this.#good.push(record);
  }

  verdict(): Verdict {
    let lost = 0;
    let duplicates = 0;
    for (const count of this.#seen) {
      if (!count) lost++;
      else duplicates += count - 1;
    }
    return {
      readings: this.#readings,
      good: this.#good.length,
      bad: this.#bad,
      expected: this.#expectation.count,
      lost,
      duplicates,
      ...this.#energies(),
    };
  }

  #energies(): Pick<Verdict, "import" | "export"> {
    const records = [...this.#good].sort((a, b) => Number(a.clock ?? 0) - Number(b.clock ?? 0));
    const world = this.#expectation.registers(records);
    return { import: compare(records, world, "ei"), export: compare(records, world, "ee") };
  }
}

/** Undefined when the world has no such register. A register that was not decoded is as wrong as can be. */
function compare(
  records: readonly DecodedRecord[],
  world: readonly WorldRegisters[],
  direction: "ei" | "ee",
): EnergyVerdict | undefined {
  let largestErrorWh = 0;
  let decodedWh = 0;
  let worldWh: number | undefined;
  records.forEach((record, index) => {
    const registers = Object.entries(world[index]).filter(([name]) => name.startsWith(direction));
    if (!registers.length) return;
    decodedWh = 0;
    worldWh = 0;
    for (const [name, own] of registers) {
      const decoded = Number(record[name] ?? Number.POSITIVE_INFINITY);
      largestErrorWh = Math.max(largestErrorWh, Math.abs(decoded - own));
      decodedWh += decoded;
      worldWh += own;
    }
  });
  if (worldWh === undefined) return undefined;
  return { decodedWh, worldWh: milli(worldWh), largestErrorWh };
}

function milli(wh: number): number {
  return Math.round(wh * 1000) / 1000;
}
