import type { DecodedRecord } from "../decode/records";
import type { Household } from "./household";
import type { Listing, Taken } from "./judge";
import { Seconds } from "./seconds";

/** How long terminals get, after the end, to send what they have. */
export const FLUSH_MS = 4 * 3_600_000;
/** A slot needs so long for its reading: a second until the meter speaks, and what a telegram takes. */
const SLOT_MS = 2000;
/** From one telegram's second to the end of the next one. */
const TELEGRAM_MS = 1100;
const SECOND_MS = 1000;
/** A sleep clock is a tenth slow at most. */
const LONGEST_PERIOD = 1.1;

/** A reading in a slot that had one. */
interface Spare {
  moment: number;
  reachMs: number;
}

/**
 * The slots of a house from the start to the end: multiples of the period in Unix time, as firmware has them. The meter's
 * clock says which telegram a reading shows; which slot it was taken for, the terminal's own time, if it is right.
 */
export class SlotListing implements Listing {
  readonly count: number;
  readonly #household: Household;
  readonly #first: number;
  readonly #filled: Uint8Array;
  readonly #shown = new Seconds();
  readonly #spares: Spare[] = [];
  /** Unix milliseconds of readings that were not taken by the true time. */
  readonly #loose: number[] = [];
  /** The last one of them that no other has followed yet, and its epoch. */
  #last = { boot: 0, moment: Number.NaN };
  /** Between them the time was learned: a slot that came meanwhile has its reading before or behind it. */
  readonly #learned: { from: number; to: number }[] = [];

  constructor(household: Household) {
    const { sampleMs, start, end } = household;
    this.#household = household;
    this.#first = Math.ceil(start / sampleMs);
    this.count = Math.max(Math.floor((end - SLOT_MS) / sampleMs) - this.#first + 1, 0);
    this.#filled = new Uint8Array(this.count);
  }

  take(record: DecodedRecord, errorMs: number): Taken | undefined {
    if (record.point) return undefined;
    const own = record.time === null ? Number.NaN : Date.parse(record.time);
    const said = record.quality ? undefined : this.#telegramOf(record);
    const moment = said ?? own;
    if (!this.#isWithin(moment)) return undefined;
    if (said !== undefined && !this.#shown.add(said / SECOND_MS)) return "again";
    return this.#fill(record, moment, errorMs);
  }

  /** Unix milliseconds of the slots that no reading was taken for, and how many readings had none. */
  finish(): { missing: number[]; extra: number } {
    const { sampleMs } = this.#household;
    const spares = this.#spares.sort((a, b) => a.moment - b.moment);
    this.#loose.sort((a, b) => a - b);
    const missing: number[] = [];
    let next = 0;
    let used = 0;
    for (let index = 0; index < this.count; index++) {
      if (this.#filled[index]) continue;
      const slot = (this.#first + index) * sampleMs;
      while (next < spares.length && spares[next].moment + spares[next].reachMs < slot) next++;
      if (next < spares.length && spares[next].moment - spares[next].reachMs <= slot) {
        next++;
        used++;
      } else if (!this.#isSpanned(slot)) missing.push(slot);
    }
    return { missing, extra: spares.length - used };
  }

  /** Whether two readings by a clock of their own, a period apart, have a slot between them. */
  #isSpanned(slot: number): boolean {
    const loose = this.#loose;
    let low = 0;
    for (let high = loose.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (loose[middle] < slot) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && loose[low] - loose[low - 1] <= LONGEST_PERIOD * this.#household.sampleMs) return true;
    return this.#learned.some(({ from, to }) => slot > from - TELEGRAM_MS && slot < to);
  }

  #loosen(boot: number, moment: number): void {
    this.#loose.push(moment);
    this.#last = { boot, moment };
  }

  #learn(boot: number, moment: number): void {
    const { boot: epoch, moment: from } = this.#last;
    if (epoch === boot && moment - from <= 2 * LONGEST_PERIOD * this.#household.sampleMs)
      this.#learned.push({ from, to: moment });
    this.#last = { boot, moment: Number.NaN };
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

  #fill(record: DecodedRecord, moment: number, errorMs: number): Taken {
    const { sampleMs } = this.#household;
    const own = record.time === null ? Number.NaN : Date.parse(record.time);
    // What states an error was dated later: the terminal did not know the time when it took the reading.
    const isAligned = record.errorMs === undefined;
    const near = errorMs + TELEGRAM_MS;
    const isOwn = isAligned && Math.abs(own - moment) <= near;
    // Without the time it divides its ticks, and under a wrong time its hours: any telegram of the period will do.
    // Of slots so near to each other the next one may have been meant.
    const reachMs = isOwn && sampleMs > 2 * near ? near : near + sampleMs;
    if (isOwn) this.#learn(record.boot, moment);
    else this.#loosen(record.boot, moment);
    const index = Math.floor((isOwn ? own : moment + Math.min(near, sampleMs / 2)) / sampleMs) - this.#first;
    if (index >= this.count) return "late";
    if (index < 0 || this.#filled[index]) this.#spares.push({ moment, reachMs });
    else this.#filled[index] = 1;
    return "listed";
  }
}
