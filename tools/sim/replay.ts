import type { BusHead, BusRecording } from "../../hal-mocks/chips/bus-recording";
import type { Config } from "../../src/config";
import { placeOf, planOf } from "../../src/sensors/places";
import type { DecodedRecord } from "../decode/records";
import type { Household } from "./household";
import type { Expectation, Listing, Taken } from "./judge";

/** What follows the last byte: an answer's end, and a reading. */
const REST_MS = 5000;
const TIME_ERROR_MS = 1100;

/** When a replay ends, in Unix milliseconds. */
export function endOf({ start, events }: BusRecording): number {
  return start + (events.at(-1)?.at ?? 0) + REST_MS;
}

/**
 * All readings that the terminal has taken of a recording, each once. Nobody but the driver reads the bytes, so what they
 * mean is not judged.
 */
export class ReplayListing implements Listing {
  readonly #end: number;
  #listed = 0;
  /** How many readings the terminal has taken; to be set at the end. */
  count = 0;

  constructor(end: number) {
    this.#end = end;
  }

  take({ time }: DecodedRecord): Taken {
    if (time !== null && Date.parse(time) >= this.#end) return "late";
    this.#listed++;
    return "listed";
  }

  finish(): { missing: number[]; extra: number } {
    const missing = Math.max(this.count - this.#listed, 0);
    return { missing: new Array(missing).fill(Number.NaN), extra: 0 };
  }
}

export function replayed(listing: ReplayListing): Expectation {
  return {
    listing: () => listing,
    meterMayFail: true,
    longestGapMs: 0,
    errorMs: () => TIME_ERROR_MS,
    lies: [],
    look: () => (record) => {
      const moment = Date.parse(record.time ?? "") || 0;
      return { begins: moment, ends: moment, isByTime: true, values: () => undefined };
    },
    isRight: () => true,
  };
}

/** The sensors of a terminal that are on a serial port, by port, with all that it takes to replay them. */
export function headsOf({ streams, config, start }: Household): Map<number, BusHead> {
  const texts = config.sensors.split(";").map((text) => text.trim());
  const heads = new Map<number, BusHead>();
  streams.forEach((stream, index) => {
    const port = portOf(stream, config);
    if (port === undefined) return;
    const text = texts.filter((one) => one)[index];
    const sensors = text.includes(" point=") ? text : `${text} point=${stream.point}`;
    const known = heads.get(port);
    const { mode } = config;
    heads.set(port, {
      ...{ start, mode, sampleMs: config.sampleMs },
      sensors: known ? `${known.sensors}; ${sensors}` : sensors,
    });
  });
  return heads;
}

/** The number of the serial port that a stream's sensor is on. */
export function portOf(stream: Household["streams"][number], config: Config): number | undefined {
  const { settings } = placeOf(planOf(stream), config);
  return "receive" in settings ? Number(settings.port) : undefined;
}
