import type { TerminalEvent } from "../decode/events";
import type { DecodedRecord } from "../decode/records";

/** Unix milliseconds between which a terminal says that readings may be missing. */
export interface Gap {
  from: number;
  to: number;
  /** It may be as long as the outbox is. */
  isOverflow: boolean;
}

/** What the readings of an epoch have shown so far. */
interface Epoch {
  first: number;
  last: number;
  /** A reading of it has had a date. */
  isDated: boolean;
}

const SECOND_MS = 1000;

/** Which gaps a terminal has stated, in events that may come more than once. */
export class Gaps {
  readonly #epochs = new Map<number, Epoch>();
  readonly #seen = new Set<string>();
  readonly #stated: (() => Gap)[] = [];
  readonly #point: number;
  #newest = 0;
  #steps = 0;

  /** @param point whose readings they are. */
  constructor(point = 0) {
    this.#point = point;
  }

  /** How many epochs have shown readings. */
  get epochs(): number {
    return this.#epochs.size;
  }

  /** How often the clock was set to what the terminal's own one could not explain. */
  get steps(): number {
    return this.#steps;
  }

  /** The epoch of the newest reading. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether the time was known in that epoch. */
  isDated(boot: number): boolean {
    return this.#epochs.get(boot)?.isDated ?? false;
  }

  /** Milliseconds from the epoch's first reading to this moment. */
  ageAt(boot: number, moment: number): number {
    return moment - (this.#epochs.get(boot)?.first ?? moment);
  }

  /** @param moment Unix milliseconds of what a reading shows. */
  note({ boot, time }: DecodedRecord, moment: number): void {
    if (Number.isNaN(moment)) return;
    const epoch = this.#epochs.get(boot) ?? { first: moment, last: moment, isDated: false };
    this.#epochs.set(boot, epoch);
    epoch.first = Math.min(epoch.first, moment);
    epoch.last = Math.max(epoch.last, moment);
    epoch.isDated ||= time !== null;
    this.#newest = boot;
  }

  /** @param isTrue whether a moment of the terminal's own clock can be believed. */
  state(event: TerminalEvent, isTrue: (moment: number) => boolean): void {
    const text = JSON.stringify(event);
    if (this.#seen.has(text)) return;
    this.#seen.add(text);
    if (event.kind === "clock step") this.#steps++;
    else if (event.kind === "new epoch") this.#stateEpoch(event, isTrue);
    else if (event.kind === "lost" || event.kind === "overflow") {
      const { from, to } = event;
      if (from === null || to === null) return;
      const gap = { from: from * SECOND_MS, to: to * SECOND_MS, isOverflow: event.kind === "overflow" };
      this.#stated.push(() => gap);
    }
  }

  list(): Gap[] {
    return this.#stated.map((gap) => gap());
  }

  /** From the end that it states to its first reading, which may be still to come. */
  #stateEpoch(
    { boot, before, ends }: TerminalEvent & { kind: "new epoch" },
    isTrue: (moment: number) => boolean,
  ): void {
    const end = ends.find(({ point }) => point === this.#point)?.end ?? null;
    // Where it states none, or one by a clock that was wrong, what has come of that epoch is in its place.
    const last = this.#epochs.get(before.boot)?.last ?? Number.NEGATIVE_INFINITY;
    const from = end === null || !isTrue(end * SECOND_MS) ? last : end * SECOND_MS;
    this.#stated.push(() => ({
      from,
      to: this.#epochs.get(boot)?.first ?? Number.POSITIVE_INFINITY,
      isOverflow: false,
    }));
  }
}
