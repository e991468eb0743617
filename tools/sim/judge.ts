import type { TerminalEvent } from "../decode/events";
import type { DecodedRecord } from "../decode/records";
import { type Gap, Gaps } from "./gaps";

/** What a reading is on the world's list; `again` shows a telegram that another one has shown. */
export type Taken = "listed" | "late" | "again";

/** What was to be measured at one terminal, ticked off as it comes. */
export interface Listing {
  /** How many readings were to be taken. */
  readonly count: number;
  /**
   * Undefined for what nobody was to measure.
   * @param errorMs by how much its time may be off.
   */
  take(record: DecodedRecord, errorMs: number): Taken | undefined;
  /** Unix milliseconds of what no reading was taken for, and how many readings were of a slot that had one. */
  finish(): { missing: number[]; extra: number };
}

/** What the world says was to be measured at one terminal, and what its meter has said. */
export interface Expectation {
  listing(): Listing;
  /** False: nothing in this world can make a reading bad. */
  readonly meterMayFail: boolean;
  /** What one batch holds: no stated gap may be longer. */
  readonly longestGapMs: number;
  /** By how much the time of that moment may be off where it says nothing of it, so long after its epoch's first reading. */
  errorMs(moment: number, ageMs: number): number;
  /** Unix milliseconds between which all time servers lie. */
  readonly lies: readonly { from: number; to: number }[];
  /** Looks at the world from its beginning. Ask for records in the order of their clock. */
  look(): (record: DecodedRecord) => Truth;
  /** Whether a decoded value is what the meter made of the world's own. */
  isRight(channel: string, decoded: number, own: number): boolean;
}

/** What a meter has said, and when. */
export interface Truth {
  /** Virtual Unix milliseconds between which the telegram was on the line; NaN when no telegram is like that. */
  begins: number;
  ends: number;
  /** The sensor has no clock: which moment it was the terminal's own time says, and only that. */
  isByTime?: boolean;
  /**
   * Of all channels that the meter sends; to be asked for only when the time agrees. Undefined where nobody can tell which
   * moment a reading is of.
   */
  values(): Record<string, number> | undefined;
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
  /** What was to be measured, has no reading, and lies in no gap that the terminal has stated. */
  lost: number;
  /** Telegrams that were shown a second time. */
  duplicates: number;
  /** Readings of a slot that had one: as many as restarts and steps of the clock make. */
  extra: number;
  /** Readings without a date, as a loss of power before the time was known makes them. */
  undated: number;
  /** Readings with a wrong date, which they may have had from servers that all lied. */
  misdated: number;
  /** What the terminal has stated to be missing, the longest of it, and what was to be measured there. */
  gaps: { count: number; longestS: number; readings: number; tooLong: number };
  /** Good readings of what nobody was to measure, undated or more of one slot than there is a reason for. */
  unexpected: number;
  /** Good readings that are not what the meter has said. */
  wrong: number;
  firstWrong?: Difference;
  import?: EnergyVerdict;
  export?: EnergyVerdict;
  /** Each expected reading once and exact, and nothing else but what the meter itself got wrong. */
  ok: boolean;
}

/** The verdict on a terminal, of those on its points. */
export function together(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 1) {
    const { point: _, sensor: __, ...verdict } = verdicts[0] as Verdict & { point?: number; sensor?: string };
    return verdict;
  }
  const sum = (read: (verdict: Verdict) => number) =>
    verdicts.reduce((all, verdict) => all + read(verdict), 0);
  const bad: Record<string, number> = {};
  for (const verdict of verdicts)
    for (const quality in verdict.bad) bad[quality] = (bad[quality] ?? 0) + verdict.bad[quality];
  const counts = [
    "readings",
    "good",
    "expected",
    "lost",
    "duplicates",
    "extra",
    "undated",
    "misdated",
  ] as const;
  const all = [...counts, "unexpected", "wrong"] as const;
  const summed = Object.fromEntries(all.map((name) => [name, sum((verdict) => verdict[name])]));
  return {
    ...(summed as Record<(typeof all)[number], number>),
    bad,
    gaps: {
      count: sum(({ gaps }) => gaps.count),
      longestS: Math.max(...verdicts.map(({ gaps }) => gaps.longestS)),
      readings: sum(({ gaps }) => gaps.readings),
      tooLong: sum(({ gaps }) => gaps.tooLong),
    },
    firstWrong: verdicts.find(({ firstWrong }) => firstWrong)?.firstWrong,
    ok: verdicts.every(({ ok }) => ok),
  };
}

/** Times are rounded to whole seconds; a timer may be a millisecond late. */
export const ROUNDING_MS = 501;
/** Frames that wait get the date that is known when they are sent, and a clock that was wrong is asked for the time daily. */
const BEFORE_A_LIE_MS = 3_600_000;
const AFTER_A_LIE_MS = 86_400_000;
/** The first reading comes at once, and another one may when the time is learned. */
const EXTRA_AT_A_START = 2;
const EXTRA_AT_A_STEP = 2;
/** What a record has besides its channels. */
const ENVELOPE = new Set(["device", "point", "boot", "seq", "time", "errorMs", "quality"]);

/** Whether a record's time is that of a telegram's end. */
export function agrees(
  time: string,
  { begins, ends }: Pick<Truth, "begins" | "ends">,
  errorMs: number,
): boolean {
  const moment = Date.parse(time);
  return moment >= begins - errorMs - ROUNDING_MS && moment <= ends + errorMs + ROUNDING_MS;
}

/** Compares what a subscriber has decoded of one terminal with the world's own list. */
export class Judge {
  readonly #expectation: Expectation;
  readonly #listing: Listing;
  readonly #gaps: Gaps;
  readonly #comparison: Comparison;
  #clock = 0;
  /** What came after what was measured later. There is little of that: the rest is judged, and forgotten, as it comes. */
  readonly #disordered: Judged[] = [];
  readonly #bad: Record<string, number> = {};
  readonly #undated = new Map<number, number>();
  #restarts = 0;
  #readings = 0;
  #good = 0;
  #duplicates = 0;
  #unexpected = 0;

  /** @param point of the terminal, whose readings are judged. */
  constructor(expectation: Expectation, point = 0) {
    this.#gaps = new Gaps(point);
    this.#expectation = expectation;
    this.#listing = expectation.listing();
    this.#comparison = new Comparison(expectation);
  }

  accept(record: DecodedRecord): void {
    const { quality, boot } = record;
    this.#gaps.note(record, momentOf(record));
    const errorMs = this.#errorOf(record);
    const taken = this.#listing.take(record, errorMs);
    if (quality) this.#bad[quality] = (this.#bad[quality] ?? 0) + 1;
    else if (record.time === null && taken) this.#undated.set(boot, (this.#undated.get(boot) ?? 0) + 1);
    if (taken === "again") this.#duplicates++;
    if (taken === "listed") this.#readings++;
    if (quality) return;
    if (!taken) this.#unexpected++;
    else if (taken !== "again") this.#acceptGood({ record, errorMs, isListed: taken === "listed" });
  }

  /** What the terminal says beside its readings. */
  hear(event: TerminalEvent): void {
    this.#gaps.state(event, (moment) => !isLied(this.#expectation.lies, moment));
  }

  /** The terminal was reset. */
  restarted(): void {
    this.#restarts++;
  }

  verdict(): Verdict {
    const { meterMayFail } = this.#expectation;
    const bad = this.#bad;
    const good = this.#good;
    const { missing, extra } = this.#listing.finish();
    const { lost, gaps } = this.#judgeGaps(missing);
    const undated = [...this.#undated.values()].reduce((sum, count) => sum + count, 0);
    const unexpected = this.#unexpected + this.#needless(extra) + this.#undatable;
    const duplicates = this.#duplicates;
    const { wrong, ...compared } = this.#compared();
    const isClean = meterMayFail || !Object.keys(bad).length;
    const isWhole = !lost && !duplicates && !unexpected && !gaps.tooLong;
    const ok = good > 0 && isClean && isWhole && !wrong;
    return {
      ...{ readings: this.#readings, good, bad, expected: this.#listing.count, lost, duplicates },
      ...{ extra, undated, gaps, unexpected, wrong },
      ...compared,
      ok,
    };
  }

  #errorOf(record: DecodedRecord): number {
    const { errorMs, boot } = record;
    const moment = momentOf(record);
    return errorMs ?? this.#expectation.errorMs(moment, this.#gaps.ageAt(boot, moment));
  }

  #judgeGaps(missing: readonly number[]): { lost: number; gaps: Verdict["gaps"] } {
    const { longestGapMs, errorMs } = this.#expectation;
    const stated = this.#gaps.list();
    const isIn = (moment: number) => {
      const slack = errorMs(moment, 0) + ROUNDING_MS;
      return ({ from, to }: Gap) => moment >= from - slack && moment <= to + slack;
    };
    const readings = missing.filter((moment) => stated.some(isIn(moment))).length;
    const lengths = stated.map(({ from, to }) => to - from);
    const gaps = {
      count: stated.length,
      longestS: Math.round(Math.max(0, ...lengths) / 1000),
      readings,
      tooLong: lengths.filter((length) => length > longestGapMs).length,
    };
    return { lost: missing.length - readings, gaps };
  }

  /** Readings of slots that had one, beyond what restarts and steps of the clock make. */
  #needless(extra: number): number {
    const starts = Math.max(this.#restarts + 1, this.#gaps.epochs);
    return Math.max(0, extra - EXTRA_AT_A_START * starts - EXTRA_AT_A_STEP * this.#gaps.steps);
  }

  /** Undated readings of an epoch that has gone on. */
  get #undatable(): number {
    return this.#undated.get(this.#gaps.newest) ?? 0;
  }

  #acceptGood(judged: Judged): void {
    if (judged.isListed) this.#good++;
    if (clockOf(judged) < this.#clock) {
      this.#disordered.push(judged);
      return;
    }
    this.#clock = clockOf(judged);
    this.#comparison.add(judged);
  }

  #compared(): Compared {
    const compared = this.#comparison.result;
    if (!this.#disordered.length) return compared;
    const later = new Comparison(this.#expectation);
    for (const judged of this.#disordered.sort((a, b) => clockOf(a) - clockOf(b))) later.add(judged);
    const { wrong, misdated, firstWrong, import: imported, export: exported } = later.result;
    return {
      wrong: compared.wrong + wrong,
      misdated: compared.misdated + misdated,
      firstWrong: compared.firstWrong ?? firstWrong,
      import: withLargest(compared.import, imported),
      export: withLargest(compared.export, exported),
    };
  }
}

/** A good reading, and by how much its time may be off. */
interface Judged {
  record: DecodedRecord;
  errorMs: number;
  /** False for what was measured after the end. */
  isListed: boolean;
}

function momentOf({ clock, time }: DecodedRecord): number {
  return typeof clock === "number" ? clock * 1000 : Date.parse(time ?? "");
}

function isLied(lies: Expectation["lies"], moment: number): boolean {
  return lies.some(({ from, to }) => moment >= from - BEFORE_A_LIE_MS && moment <= to + AFTER_A_LIE_MS);
}

type Compared = Pick<Verdict, "wrong" | "misdated" | "firstWrong" | "import" | "export">;

/** Unix seconds, 0 where there are none. */
function clockOf({ record }: Judged): number {
  return Number(record.clock ?? (Date.parse(record.time ?? "") / 1000 || 0));
}

/** The registers of the first, and the largest error of both. */
function withLargest(a: EnergyVerdict | undefined, b: EnergyVerdict | undefined): EnergyVerdict | undefined {
  return a && b ? { ...a, largestErrorWh: Math.max(a.largestErrorWh, b.largestErrorWh) } : (a ?? b);
}

/** Compares good readings, in the order of their clock, with what the meter has said. */
class Comparison {
  readonly #expectation: Expectation;
  readonly #truthOf: ReturnType<Expectation["look"]>;
  readonly #energies = { ei: new Energy("ei", "dcei"), ee: new Energy("ee", "dcee") };
  #wrong = 0;
  #misdated = 0;
  #firstWrong: Difference | undefined;

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
    this.#truthOf = expectation.look();
  }

  get result(): Compared {
    const { ei, ee } = this.#energies;
    return {
      wrong: this.#wrong,
      misdated: this.#misdated,
      firstWrong: this.#firstWrong,
      import: ei.verdict,
      export: ee.verdict,
    };
  }

  add({ record, errorMs, isListed }: Judged): void {
    const { isRight, lies } = this.#expectation;
    const truth = this.#truthOf(record);
    if (Number.isNaN(truth.ends) || (record.time !== null && !agrees(record.time, truth, errorMs))) {
      if (!isLied(lies, truth.ends)) {
        this.#differs(timeDifference(record, truth));
        return;
      }
      this.#misdated++;
    }
    const values = truth.values();
    if (!values) return;
    const difference = firstDifference(record, values, isRight);
    if (difference && truth.isByTime && isLied(lies, truth.ends)) this.#misdated++;
    else if (difference) this.#differs(difference);
    if (!isListed) return;
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
  readonly #names: readonly string[];
  /** Undefined while the world has no such register. */
  #verdict: EnergyVerdict | undefined;

  /** @param names of the total, or where there is none of what its tariffs begin with; that of a battery. */
  constructor(...names: string[]) {
    this.#names = names;
  }

  get verdict(): EnergyVerdict | undefined {
    return this.#verdict && { ...this.#verdict, worldWh: milli(this.#verdict.worldWh) };
  }

  /** A register that was not decoded is as wrong as can be. */
  add(record: DecodedRecord, values: Record<string, number>): void {
    let largestErrorWh = this.#verdict?.largestErrorWh ?? 0;
    let decodedWh = 0;
    let worldWh: number | undefined;
    const total = this.#names.find((name) => name in values);
    for (const name in values) {
      if (total ? name !== total : !name.startsWith(`${this.#names[0]}_t`)) continue;
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
