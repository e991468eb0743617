import { Plant, type PlantSettings } from "../../hal-mocks/world/plant";
import { STEP_MS } from "../../hal-mocks/world/step";
import type { Profile } from "../../src/model/profiles";
import type { DecodedRecord } from "../decode/records";
import { type Expectation, ROUNDING_MS, type Truth } from "./judge";
import type { SensedPart } from "./sensed";
import { SlotListing, type Slots } from "./slots";

/** From when a sensor measures to when its reading is there: questions, answers, a connection. */
const READING_MS = 700;
/** For sums of doubles. */
const EPSILON = 1e-6;

export interface PlantExpectation extends Pick<Expectation, "errorMs" | "lies" | "longestGapMs"> {
  slots: Slots;
  world: PlantSettings;
  part: SensedPart;
  profile: Profile;
}

/**
 * A reading in each slot, of a sensor that has no clock. When it was measured is known as well as the terminal knows its
 * time: each channel must be what it was at some moment within that error, as exactly as the sensor and the frame's
 * column resolve it.
 */
export function sensorSlots({ slots, world, part, profile, ...rest }: PlantExpectation): Expectation {
  const tolerances = new Map(
    profile.columns.map(({ name, exponent }) => [
      name,
      (part.resolution[name] ?? 0) + 10 ** exponent / 2 + EPSILON,
    ]),
  );
  return {
    ...rest,
    listing: () => new SlotListing(slots),
    meterMayFail: false,
    look() {
      const history = new History(world, part, tolerances);
      return (record) => history.truthOf(record, rest.errorMs);
    },
    isRight: (channel, decoded, own) => Math.abs(decoded - own) <= tolerances.get(channel)!,
  };
}

/** Least and largest that a number may be. */
interface Range {
  low: number;
  high: number;
}

/** What the world had when a register began at 0, in which epoch that was seen last, and what the world had then. */
interface Zero extends Range {
  boot: number;
  seen: number;
}

/** The plant's past, seen in the order of readings. */
class History {
  readonly #plant: Plant;
  readonly #start: number;
  readonly #part: SensedPart;
  readonly #tolerances: ReadonlyMap<string, number>;
  /** What the world had when registers began at 0, as far as all readings so far leave it open. */
  readonly #zeros = new Map<string, Zero>();
  /** Moments of the reading before, of which the next one may be, too. */
  #recent: { at: number; values: Record<string, number> }[] = [];

  constructor(world: PlantSettings, part: SensedPart, tolerances: ReadonlyMap<string, number>) {
    this.#plant = new Plant(world);
    this.#start = world.start;
    this.#part = part;
    this.#tolerances = tolerances;
  }

  truthOf(record: DecodedRecord, errorMs: Expectation["errorMs"]): Truth {
    const moment = Date.parse(record.time ?? "");
    if (Number.isNaN(moment)) return { begins: 0, ends: 0, isByTime: true, values: () => undefined };
    const earlierMs = READING_MS + (this.#part.meanMs ?? 0);
    const slack = (record.errorMs ?? errorMs(moment, 0)) + ROUNDING_MS;
    return {
      begins: moment,
      ends: moment,
      isByTime: true,
      values: () =>
        this.#nearest(record, this.#seen(Math.max(moment - slack - earlierMs, this.#start), moment + slack)),
    };
  }

  /** Each channel at both ends of a time, and at each step that begins in it. The plant never goes back. */
  #seen(from: number, to: number): Record<string, number>[] {
    this.#recent = this.#recent.filter(({ at }) => at > from - STEP_MS);
    const last = this.#recent.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    let at = from > last ? from : nextStep(last);
    for (; at < to; at = nextStep(at)) this.#look(at);
    if (to > last) this.#look(to);
    return this.#recent.map(({ values }) => values);
  }

  #look(at: number): void {
    this.#recent.push({ at, values: this.#part.values(this.#plant.at(at), at) });
  }

  /** Of what each channel was, what is nearest to what the reading says. */
  #nearest(record: DecodedRecord, seen: readonly Record<string, number>[]): Record<string, number> {
    const values: Record<string, number> = {};
    for (const name of this.#tolerances.keys()) {
      const decoded = Number(record[name] ?? Number.NaN);
      if (this.#part.unjudged?.includes(name) && !Number.isNaN(decoded)) values[name] = decoded;
      if (!(name in seen[0])) continue;
      const own = seen.map((moment) => moment[name]);
      if (this.#part.fromZero?.includes(name)) {
        const counted = this.#counted(name, record, own);
        if (counted !== undefined) values[name] = counted;
      } else if (this.#part.meanMs)
        values[name] = clamp(decoded, { low: Math.min(...own), high: Math.max(...own) });
      else if (isRegister(name)) values[name] = clamp(decoded, { low: own[0], high: own[own.length - 1] });
      else
        values[name] = own.reduce((best, one) => (apart(one, decoded) < apart(best, decoded) ? one : best));
    }
    return values;
  }

  /** Undefined for the reading before the sensor has counted anything. */
  #counted(name: string, record: DecodedRecord, own: readonly number[]): number | undefined {
    const decoded = Number(record[name] ?? Number.NaN);
    const range = { low: own[0], high: own[own.length - 1] };
    const zero = this.#zeroOf(name, record.boot, range);
    if (!zero && Number.isNaN(decoded)) return undefined;
    const tolerance = this.#tolerances.get(name)!;
    const found = { low: range.low - decoded - tolerance, high: range.high - decoded + tolerance };
    if (!zero) {
      this.#zeros.set(name, { ...found, boot: record.boot, seen: range.low });
      return decoded;
    }
    const value = clamp(decoded, { low: range.low - zero.high, high: range.high - zero.low });
    // What a good reading rules out stays ruled out.
    if (!(Math.abs(decoded - value) <= tolerance)) return value;
    const low = Math.max(zero.low, found.low);
    this.#zeros.set(name, { boot: record.boot, seen: range.low, low, high: Math.min(zero.high, found.high) });
    return value;
  }

  /** A loss of power may have taken what has flowed since the last reading, and no more. */
  #zeroOf(name: string, boot: number, now: Range): Zero | undefined {
    const zero = this.#zeros.get(name);
    if (!zero || zero.boot === boot) return zero;
    return { ...zero, high: zero.high + now.high - zero.seen };
  }
}

function nextStep(time: number): number {
  return Math.floor(time / STEP_MS + 1) * STEP_MS;
}

function isRegister(name: string): boolean {
  return /^(dc)?e[ie](_|$)/.test(name);
}

function apart(a: number, b: number): number {
  return Math.abs(a - b);
}

function clamp(value: number, { low, high }: Range): number {
  return Number.isNaN(value) ? low : Math.min(Math.max(value, low), high);
}
