import type { DecodedRecord } from "../decode/records";

/** What the world says was to be measured at one terminal, and what its meter has said. */
export interface Expectation {
  /** How many readings were to be taken. */
  readonly count: number;
  /** False: nothing in this world can make a reading bad. */
  readonly meterMayFail: boolean;
  /**
   * The index of what a record measures, `count` or more for what was measured after the end, or undefined for what
   * nobody was to measure.
   */
  indexOf(record: DecodedRecord): number | undefined;
  /** Looks at the world from its beginning. Ask for records in the order of their clock. */
  look(): (record: DecodedRecord, index: number) => Truth;
  /** Whether a decoded value is what the meter made of the world's own. */
  isRight(channel: string, decoded: number, own: number): boolean;
}

/** What a meter has said, and when. */
export interface Truth {
  /** Virtual Unix milliseconds between which the telegram was on the line; NaN when no telegram is like that. */
  begins: number;
  ends: number;
  /** Of all channels that the meter sends; to be asked for only when the time agrees. */
  values(): Record<string, number>;
}

export interface EnergyVerdict {
  /** The registers as decoded from the last good reading, all tariffs together. */
  decodedWh: number;
  /** The world's own registers at that moment. */
  worldWh: number;
  /** The largest difference of any one register in any reading. */
  largestErrorWh: number;
}

/** One channel of one reading, or its `time`; null for what is not there. */
export interface Difference {
  time: string | null;
  channel: string;
  decoded: string | number | null;
  world: string | number | null;
}

export interface Verdict {
  readings: number;
  good: number;
  /** Readings by quality name. */
  bad: Record<string, number>;
  expected: number;
  lost: number;
  duplicates: number;
  /** Good readings of what nobody was to measure: undated, or from before the start. */
  unexpected: number;
  /** Good readings that are not what the meter has said. */
  wrong: number;
  firstWrong?: Difference;
  import?: EnergyVerdict;
  export?: EnergyVerdict;
  /** Each expected reading once and exact, and nothing else but what the meter itself got wrong. */
  ok: boolean;
}

/** Times are those of a telegram's end, rounded to whole seconds; a timer may be a millisecond late. */
const TIME_TOLERANCE_MS = 501;
/** What a record has besides its channels. */
const ENVELOPE = new Set(["device", "point", "boot", "seq", "time", "quality"]);

/** Whether a record's time is that of a telegram's end. */
export function agrees(time: string, { begins, ends }: Pick<Truth, "begins" | "ends">): boolean {
  const moment = Date.parse(time);
  return moment >= begins - TIME_TOLERANCE_MS && moment <= ends + TIME_TOLERANCE_MS;
}

/** Compares what a subscriber has decoded of one terminal with the world's own list. */
export class Judge {
  readonly #expectation: Expectation;
  readonly #seen: Uint32Array;
  /** Indices behind the list. */
  readonly #late = new Set<number>();
  readonly #comparison: Comparison;
  #clock = 0;
  /** What came after what was measured later. There is little of that: the rest is judged, and forgotten, as it comes. */
  readonly #disordered: Listed[] = [];
  readonly #bad: Record<string, number> = {};
  #readings = 0;
  #good = 0;
  #duplicates = 0;
  #unexpected = 0;

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
    this.#seen = new Uint32Array(expectation.count);
    this.#comparison = new Comparison(expectation);
  }

  accept(record: DecodedRecord): void {
    const { quality } = record;
    const index = this.#expectation.indexOf(record);
    const isListed = index !== undefined && index < this.#expectation.count;
    if (isListed) this.#seen[index]++;
    if (quality) this.#bad[quality] = (this.#bad[quality] ?? 0) + 1;
    else if (index === undefined) this.#unexpected++;
    else this.#acceptGood({ record, index });
    if (isListed || quality) this.#readings++;
    else if (index !== undefined) this.#acceptLate(index);
  }

  verdict(): Verdict {
    const { count, meterMayFail } = this.#expectation;
    const bad = this.#bad;
    const good = this.#good;
    let lost = 0;
    let duplicates = this.#duplicates;
    for (const seen of this.#seen) {
      if (!seen) lost++;
      else duplicates += seen - 1;
    }
    const unexpected = this.#unexpected;
    const { wrong, ...compared } = this.#compared();
    const isClean = meterMayFail || !Object.keys(bad).length;
    const ok = good > 0 && isClean && !lost && !duplicates && !unexpected && !wrong;
    return {
      ...{ readings: this.#readings, good, bad, expected: count, lost, duplicates, unexpected, wrong },
      ...compared,
      ok,
    };
  }

  #acceptLate(index: number): void {
    if (this.#late.has(index)) this.#duplicates++;
    this.#late.add(index);
  }

  #acceptGood(listed: Listed): void {
    if (listed.index < this.#expectation.count) this.#good++;
    if (clockOf(listed) < this.#clock) {
      this.#disordered.push(listed);
      return;
    }
    this.#clock = clockOf(listed);
    this.#comparison.add(listed);
  }

  #compared(): Compared {
    const compared = this.#comparison.result;
    if (!this.#disordered.length) return compared;
    const later = new Comparison(this.#expectation);
    for (const listed of this.#disordered.sort((a, b) => clockOf(a) - clockOf(b))) later.add(listed);
    const { wrong, firstWrong, import: imported, export: exported } = later.result;
    return {
      wrong: compared.wrong + wrong,
      firstWrong: compared.firstWrong ?? firstWrong,
      import: withLargest(compared.import, imported),
      export: withLargest(compared.export, exported),
    };
  }
}

/** A good reading, and its place on the world's list. */
interface Listed {
  record: DecodedRecord;
  index: number;
}

type Compared = Pick<Verdict, "wrong" | "firstWrong" | "import" | "export">;

function clockOf({ record }: Listed): number {
  return Number(record.clock ?? 0);
}

/** The registers of the first, and the largest error of both. */
function withLargest(a: EnergyVerdict | undefined, b: EnergyVerdict | undefined): EnergyVerdict | undefined {
  return a && b ? { ...a, largestErrorWh: Math.max(a.largestErrorWh, b.largestErrorWh) } : (a ?? b);
}

/** Compares good readings, in the order of their clock, with what the meter has said. */
class Comparison {
  readonly #expectation: Expectation;
  readonly #truthOf: ReturnType<Expectation["look"]>;
  readonly #energies = { ei: new Energy("ei"), ee: new Energy("ee") };
  #wrong = 0;
  #firstWrong: Difference | undefined;

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
    this.#truthOf = expectation.look();
  }

  get result(): Compared {
    const { ei, ee } = this.#energies;
    return { wrong: this.#wrong, firstWrong: this.#firstWrong, import: ei.verdict, export: ee.verdict };
  }

  add({ record, index }: Listed): void {
    const { isRight, count } = this.#expectation;
    const truth = this.#truthOf(record, index);
    if (!agrees(record.time!, truth)) {
      this.#differs(timeDifference(record, truth));
      return;
    }
    const values = truth.values();
    const difference = firstDifference(record, values, isRight);
    if (difference) this.#differs(difference);
    if (index >= count) return;
    for (const energy of Object.values(this.#energies)) energy.add(record, values);
  }

  #differs(difference: Difference): void {
    this.#wrong++;
    this.#firstWrong ??= difference;
  }
}

/** The meter's clock and the reading's time are of one moment: here they are not, or the clock is missing. */
function timeDifference({ time, clock }: DecodedRecord, { ends }: Truth): Difference {
  if (Number.isNaN(ends)) return { time, channel: "clock", decoded: clock ?? null, world: null };
  return { time, channel: "time", decoded: time, world: isoSecond(ends) };
}

/** A clock that is damaged may show what no calendar has. */
function isoSecond(moment: number): string | null {
  const date = new Date(Math.round(moment / 1000) * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(".000Z", "Z");
}

function firstDifference(
  record: DecodedRecord,
  values: Record<string, number>,
  isRight: Expectation["isRight"],
): Difference | undefined {
  const { time } = record;
  for (const channel in values) {
    const decoded = record[channel];
    const world = values[channel];
    if (typeof decoded === "number" && isRight(channel, decoded, world)) continue;
    return { time, channel, decoded: decoded ?? null, world };
  }
  for (const channel in record) {
    if (ENVELOPE.has(channel) || channel in values) continue;
    return { time, channel, decoded: record[channel] ?? null, world: null };
  }
  return undefined;
}

/** Follows the registers of one direction from reading to reading. */
class Energy {
  readonly #prefix: string;
  /** Undefined while the world has no such register. */
  #verdict: EnergyVerdict | undefined;

  constructor(prefix: "ei" | "ee") {
    this.#prefix = prefix;
  }

  get verdict(): EnergyVerdict | undefined {
    return this.#verdict && { ...this.#verdict, worldWh: milli(this.#verdict.worldWh) };
  }

  /** A register that was not decoded is as wrong as can be. */
  add(record: DecodedRecord, values: Record<string, number>): void {
    let largestErrorWh = this.#verdict?.largestErrorWh ?? 0;
    let decodedWh = 0;
    let worldWh: number | undefined;
    for (const name in values) {
      if (!name.startsWith(this.#prefix)) continue;
      const decoded = Number(record[name] ?? Number.POSITIVE_INFINITY);
      largestErrorWh = Math.max(largestErrorWh, Math.abs(decoded - values[name]));
      decodedWh += decoded;
      worldWh = (worldWh ?? 0) + values[name];
    }
    if (worldWh !== undefined) this.#verdict = { decodedWh, worldWh, largestErrorWh };
  }
}

function milli(wh: number): number {
  return Math.round(wh * 1000) / 1000;
}
