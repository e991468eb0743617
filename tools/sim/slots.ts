import type { DecodedRecord } from "../decode/records";
import type { Listing, Taken } from "./judge";
import { Seconds } from "./seconds";

/** How long terminals get, after the end, to send what they have. */
export const FLUSH_MS = 4 * 3_600_000;
/** A slot needs so long for its reading: a second until the meter speaks, and what a telegram takes. */
const SLOT_MS = 2000;
/** From one telegram's second to the end of the next one: what a reading may be late in its slot. */
const TELEGRAM_MS = 1100;
const SECOND_MS = 1000;

/** What is to be measured at one point of a terminal. */
export interface Slots {
  sampleMs: number;
  /** Virtual Unix milliseconds. */
  start: number;
  end: number;
  /** Default 0. */
  point?: number;
  /** False: its readings carry no clock of the sensor's, and are told by the terminal's own time. Default true. */
  hasClock?: boolean;
}

/**
 * The readings of a house from the start to the end, one a period: the meter's clock says which telegram each shows.
 * A terminal counts its periods by a time that it knows to a second or so, and by its ticks while it knows none; so none
 * is missing between two that are a period apart, wherever in their slots they lie.
 */
export class SlotListing implements Listing {
  readonly count: number;
  readonly #slots: Slots;
  readonly #first: number;
  readonly #shown = new Seconds();
  /** Unix milliseconds of the readings, up to the end. */
  readonly #moments: number[] = [];

  constructor(slots: Slots) {
    const { sampleMs, start, end } = slots;
    this.#slots = slots;
    this.#first = Math.ceil(start / sampleMs);
    this.count = Math.max(Math.floor((end - SLOT_MS) / sampleMs) - this.#first + 1, 0);
  }

  take(record: DecodedRecord): Taken | undefined {
    const { point = 0, hasClock = true } = this.#slots;
    if (record.point !== point) return undefined;
    const own = record.time === null ? Number.NaN : Date.parse(record.time);
    // Without a clock of its own nothing says which slot it is of.
    if (!hasClock && record.time === null) return "late";
    const said = record.quality ? undefined : hasClock ? this.#telegramOf(record) : own;
    const moment = said ?? own;
    if (!this.#isWithin(moment)) return undefined;
    if (said !== undefined && !this.#shown.add(said / SECOND_MS)) return "again";
    if (moment >= this.#slot(this.count)) return "late";
    this.#moments.push(moment);
    return "listed";
  }

  /** Unix milliseconds at which readings are missing, and how many there are more than one a period. */
  finish(): { missing: number[]; extra: number } {
    const { sampleMs } = this.#slots;
    const missing: number[] = [];
    let extra = 0;
    let before = this.#slot(-1);
    const end = this.#slot(this.count) - lateIn(sampleMs);
    for (const moment of [...this.#moments.sort((a, b) => a - b), end]) {
      const periods = periodsIn(moment - before, sampleMs);
      if (periods < 1 && moment !== end) extra++;
      for (let period = 1; period < periods; period++) missing.push(before + period * sampleMs);
      before = moment;
    }
    return { missing, extra };
  }

  #slot(index: number): number {
    return (this.#first + index) * this.#slots.sampleMs;
  }

  /** Unix milliseconds of the telegram, or undefined where its clock shows what this world has not. */
  #telegramOf({ clock }: DecodedRecord): number | undefined {
    const moment = Number(clock ?? Number.NaN) * SECOND_MS;
    return this.#isWithin(moment) ? moment : undefined;
  }

  #isWithin(moment: number): boolean {
    const { start, end } = this.#slots;
    return moment >= start - SECOND_MS && moment <= end + FLUSH_MS;
  }
}

/** How many periods a time is, to the nearest; one of them may be longer by what a reading may be late. */
function periodsIn(ms: number, period: number): number {
  const least = Math.floor((ms - lateIn(period)) / period + 0.5);
  return Math.max(least, ms * 2 >= period ? 1 : 0);
}

function lateIn(period: number): number {
  return Math.min(TELEGRAM_MS, period / 2);
}
