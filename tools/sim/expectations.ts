import type { P1Recording } from "../../hal-mocks/chips/p1-replay";
import { House, type HouseState } from "../../hal-mocks/world/house";
import { planProfiles } from "../../src/comms/plan-profiles";
import { planOf } from "../../src/sensors/places";
import type { DecodedRecord } from "../decode/records";
import type { Household } from "./household";
import { agrees, type Expectation, type Listing, type Taken, type Truth } from "./judge";
import { sensorSlots } from "./readings";
import { sensedBy } from "./sensed";
import { FLUSH_MS, SlotListing, type Slots } from "./slots";
import { readTelegram } from "./telegram";

/** No telegram of a house's meter is longer. */
const TELEGRAM_BYTES = 1024;
const BITS_PER_BYTE = 10;
const HOUR_MS = 3_600_000;
/** Half a second that a time server's answer leaves open, both ways' latency, and what is learned of the slip by then. */
const TIME_ERROR_MS = 1100;
/** What a sleep clock that drifts adds until the time is asked for again. */
const DRIFT_ERROR_MS = 2000;
/** After an hour of settings a second apart the slip is known to so many parts per million, and may wander. */
const SLIP_PPM = 400;
/** Until a session after an outage: the longest wait of the backoff. */
const RETRY_MS = HOUR_MS;
const MILLION = 1_000_000;

// ---- Houses ----

/** What is to be measured at each point of a terminal, in the order of its streams. */
export function points(household: Household): { point: number; expectation: Expectation }[] {
  const { streams, start, end, plant, lies } = household;
  const profiles = planProfiles(streams);
  return streams.map((stream, index) => {
    const { point, sampleMs, batch } = stream;
    const { driver } = planOf(stream);
    const part = sensedBy(driver);
    const slots = { sampleMs, start, end, point, hasClock: !part };
    const rest = { longestGapMs: (batch + 1) * sampleMs, errorMs: errorOf(household), lies };
    const expectation = part
      ? sensorSlots({ ...rest, slots, world: plant, part, profile: profiles[index] })
      : meterSlots(household, slots, rest);
    return { point, expectation };
  });
}

/** A reading in each slot from the start to the end, of the meter of a house. */
function meterSlots(
  { house, offset, config, start, end }: Household,
  slots: Slots,
  rest: Pick<Expectation, "longestGapMs" | "errorMs" | "lies">,
): Expectation {
  return {
    ...rest,
    listing: () => new SlotListing(slots),
    meterMayFail: false,
    look() {
      // A second house from the same seed: the world is what it is, whoever looks.
      const world = new House(house);
      return ({ clock }) => {
        const second = Number(clock) * 1000;
        const isOurs = second >= start - 1000 && second <= end + FLUSH_MS;
        const begins = isOurs ? second + offset : Number.NaN;
        return {
          begins,
          ends: begins + durationMs(TELEGRAM_BYTES, config.p1Baud),
          values: () => said(world.at(second), Number(clock)),
        };
      };
    },
    isRight: isWithinResolution,
  };
}

/**
 * By how much a terminal's time may be off: by more while it has learned nothing of its sleep clock, and while it hears
 * of no time server.
 */
function errorOf({ driftPpm, blind }: Household): Expectation["errorMs"] {
  const perMs = Math.abs(driftPpm) / MILLION;
  const usual = TIME_ERROR_MS + (driftPpm ? DRIFT_ERROR_MS : 0);
  return (moment, ageMs) => {
    const outage = blind.find(({ from, to }) => moment > from && moment < to + RETRY_MS);
    const blindMs = outage ? Math.min(moment - outage.from, ageMs) : 0;
    const young = ageMs - blindMs < HOUR_MS ? ageMs * perMs : 0;
    return usual + young + (blindMs * SLIP_PPM) / MILLION;
  };
}

const PHASES = ["_l1", "_l2", "_l3"].map((phase) => ({
  v: `v${phase}`,
  i: `i${phase}`,
  pi: `pi${phase}`,
  pe: `pe${phase}`,
}));

/** What the meter of a house sends. Asked for each reading, so nothing is put together twice. */
function said(state: HouseState, clock: number): Record<string, number> {
  const { tariff, importWh, exportWh, importW, exportW, phases } = state;
  const values: Record<string, number> = {
    clock,
    tariff,
    pi: importW,
    pe: exportW,
    ei_t1: importWh[0],
    ei_t2: importWh[1],
    ee_t1: exportWh[0],
    ee_t2: exportWh[1],
  };
  for (let index = 0; index < phases.length; index++) {
    const names = PHASES[index];
    const phase = phases[index];
    values[names.v] = phase.v;
    values[names.i] = phase.i;
    values[names.pi] = phase.importW;
    values[names.pe] = phase.exportW;
  }
  return values;
}

/** What a DSMR 5 meter's last digit counts; of registers it cuts off what is below, the rest it rounds. */
const RESOLUTIONS = new Map<string, number>([
  ...["pi", "pe"].map((name): [string, number] => [name, 1]),
  ...PHASES.flatMap(({ v, i, pi, pe }): [string, number][] => [
    [v, 0.1],
    [i, 1],
    [pi, 1],
    [pe, 1],
  ]),
]);
/** For sums of doubles such as 230.05, which no double is. */
const EPSILON = 1e-9;

function isWithinResolution(channel: string, decoded: number, own: number): boolean {
  if (channel.startsWith("e")) return decoded <= own && own - decoded < 1;
  return Math.abs(decoded - own) <= (RESOLUTIONS.get(channel) ?? 0) / 2 + EPSILON;
}

/** One line that says at which terminal nothing is to be measured, if there is one. */
export function unmeasured(households: readonly Household[]): string | undefined {
  for (const { device, streams, start, end } of households) {
    const empty = streams.find(({ sampleMs }) => new SlotListing({ sampleMs, start, end }).count === 0);
    if (empty)
      return `nothing is to be measured at ${device}: the run ends before its first reading (sampleMs is ${empty.sampleMs})`;
  }
  return undefined;
}

// ---- Recordings ----

/** A line at rest before the first telegram. */
const REST_MS = 1000;
/** Firmware takes no time from before 2024, so older recordings are shown after 28 years, in which calendars repeat. */
const FIRST_MOMENT = Date.UTC(2024, 0, 1);
const CALENDAR_MS = 10_227 * 86_400_000;

export function recent(recording: P1Recording): P1Recording {
  if (!recording.telegrams.length || recording.telegrams[0].at - REST_MS >= FIRST_MOMENT) return recording;
  const telegrams = recording.telegrams.map(({ at, bytes }) => ({ at: at + CALENDAR_MS, bytes }));
  return recent({ ...recording, telegrams });
}

/** What a recording holds, and what is expected of it. */
export interface RecordingExpectation extends Expectation {
  /** Virtual Unix milliseconds: when the first byte is sent, and when the last one has come. */
  readonly start: number;
  readonly end: number;
  /** How many telegrams are whole and sound. */
  readonly count: number;
  /** Telegrams that are damaged in the recording itself. */
  readonly damaged: number;
  /** Its last telegram is not whole. */
  readonly endsInside: boolean;
}

/** One reading for each telegram that is whole and sound in the recording, told apart by clock and time. */
export function telegrams(recording: P1Recording, baud: number, utcOffset: number): RecordingExpectation {
  const start = recording.telegrams[0].at - REST_MS;
  const plain = recording.telegrams.map(({ bytes }) => readTelegram(textOf(bytes), utcOffset));
  const spans = spansOf(recording, start, baud);
  const endsInside = plain[plain.length - 1].state === "cut off";
  const truths = plain.flatMap(({ state, values }, index): Truth[] =>
    state === "whole" ? [{ ...spans[index], values: () => values }] : [],
  );
  return {
    start,
    end: spans[spans.length - 1].ends + REST_MS,
    damaged: plain.length - truths.length - Number(endsInside),
    endsInside,
    count: truths.length,
    meterMayFail: true,
    longestGapMs: 0,
    errorMs: () => TIME_ERROR_MS,
    lies: [],
    listing: () => new TelegramListing(truths),
    look() {
      const places = new TelegramListing(truths);
      return (record) => truths[places.indexOf(record)!];
    },
    isRight: (_, decoded, own) => decoded === own,
  };
}

export function hasWholeTelegram(recording: P1Recording): boolean {
  return recording.telegrams.some(({ bytes }) => readTelegram(textOf(bytes), 0).state === "whole");
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** When each telegram is on the line, one behind the other. */
function spansOf({ lead, telegrams }: P1Recording, start: number, baud: number) {
  let ends = start + durationMs(lead.length, baud);
  return telegrams.map(({ at, bytes }) => {
    const begins = Math.max(at, ends);
    ends = begins + durationMs(bytes.length, baud);
    return { begins, ends };
  });
}

/** Telegrams of the same clock, or without one, are told apart by their time; a further reading is a duplicate. */
class TelegramListing implements Listing {
  readonly #truths: readonly Truth[];
  readonly #byClock = new Map<number | undefined, number[]>();
  readonly #taken = new Set<number>();

  constructor(truths: readonly Truth[]) {
    this.#truths = truths;
    truths.forEach(({ values }, index) => {
      const { clock } = values()!;
      const same = this.#byClock.get(clock);
      if (same) same.push(index);
      else this.#byClock.set(clock, [index]);
    });
  }

  get count(): number {
    return this.#truths.length;
  }

  take(record: DecodedRecord): Taken | undefined {
    if (record.quality) return "listed";
    const taken = this.#taken.size;
    const index = this.indexOf(record);
    if (index === undefined) return undefined;
    return this.#taken.size > taken ? "listed" : "again";
  }

  finish(): { missing: number[]; extra: number } {
    const missing = this.#truths.filter((_, index) => !this.#taken.has(index)).map(({ begins }) => begins);
    return { missing, extra: 0 };
  }

  /** The place of the telegram that a record shows, which is taken then. */
  indexOf(record: DecodedRecord): number | undefined {
    const { time, point } = record;
    if (time === null || point) return undefined;
    const same = this.#byClock.get(record.clock as number | undefined) ?? [];
    const isFree = (index: number) => !this.#taken.has(index);
    const apart = (index: number) => Math.abs(Date.parse(time) - this.#truths[index].ends);
    const fits = (index: number) => agrees(time, this.#truths[index], TIME_ERROR_MS);
    const nearest = (indices: readonly number[]) =>
      indices.length ? indices.reduce((a, b) => (apart(b) < apart(a) ? b : a)) : undefined;
    const index =
      nearest(same.filter((index) => isFree(index) && fits(index))) ??
      nearest(same.filter(fits)) ??
      same.find(isFree) ??
      same.at(-1);
    if (index !== undefined) this.#taken.add(index);
    return index;
  }
}

function durationMs(byteLength: number, baud: number): number {
  return (byteLength * BITS_PER_BYTE * 1000) / baud;
}
