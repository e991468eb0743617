import type { DecodedRecord } from "../decode/records";
import type { Household } from "./household";
import type { Listing, Taken } from "./judge";
import { Seconds } from "./seconds";

/** How long terminals get, after the end, to send what they have. */
export const FLUSH_MS = 4 * 3_600_000;
/** A slot needs so long for its reading: a second until the meter speaks, and what a telegram takes. */
const SLOT_MS = 2000;
/** From one telegram's second to the end of the next one: what a reading may be late in its slot. */
const TELEGRAM_MS = 1100;
const SECOND_MS = 1000;

/**
 * The readings of a house from the start to the end, one a period: the meter's clock says which telegram each shows.
 * A terminal counts its periods by a time that it knows to a second or so, and by its ticks while it knows none; so none
 * is missing between two that are a period apart, wherever in their slots they lie.
 */
export class SlotListing implements Listing {
  readonly count: number;
  readonly #household: Household;
  readonly #first: number;
  readonly #shown = new Seconds();
  /** Unix milliseconds of the readings, up to the end. */
  readonly #moments: number[] = [];

  constructor(household: Household) {
    const { sampleMs, start, end } = household;
    this.#household = household;
    this.#first = Math.ceil(start / sampleMs);
    this.count = Math.max(Math.floor((end - SLOT_MS) / sampleMs) - this.#first + 1, 0);
  }

  take(record: DecodedRecord): Taken | undefined {
    if (record.point) return undefined;
    const own = record.time === null ? Number.NaN : Date.parse(record.time);
    const said = record.quality ? undefined : this.#telegramOf(record);
    const moment = said ?? own;
    if (!this.#isWithin(moment)) return undefined;
    if (said !== undefined && !this.#shown.add(said / SECOND_MS)) return "again";
    if (moment >= this.#slot(this.count)) return "late";
    this.#moments.push(moment);
    return "listed";
  }

  /** Unix milliseconds at which readings are missing, and how many there are more than one a period. */
  finish(): { missing: number[]; extra: number } {
    const { sampleMs } = this.#household;
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
    return (this.#first + index) * this.#household.sampleMs;
  }

  /** Unix milliseconds of the telegram, or undefined where its clock shows what this world has not. */
  #telegramOf({ clock }: DecodedRecord): number | undefined {
    const moment = Number(clock ?? Number.NaN) * SECOND_MS;
    return this.#isWithin(moment) ? moment : undefined;
  }

  #isWithin(moment: number): boolean {
    const { start, end } = this.#household;
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
