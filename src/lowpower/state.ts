import { crc32 } from "../crc32";
import type { Retained } from "../hal";
import type { Batch } from "./recorder";

/** What a terminal has counted since its epoch began. Readings are counted by quality code. */
export interface Counters {
  readings: number[];
  /** Frames stored. */
  frames: number;
  /** Frames and events acknowledged by the broker. */
  acknowledged: number;
  sessions: number;
  failedSessions: number;
  /** Readings that could not be kept: the store failed until their batch was full. */
  lost: number;
}

/** A stream's part of what survives deep sleep. */
export interface StreamState {
  point: number;
  profile: number;
  /** Ticks of the next reading. */
  due: number;
  /** One more than the `seq` of the frame as which the outbox is to store the batch just now, or 0. */
  storing: number;
  batch: Batch;
}

/** What survives deep sleep. All numbers are integers within ±(2^53−1). */
export interface State {
  /** The epoch: raised when this memory was lost, never by waking up. */
  boot: number;
  /** The next frame's number within the epoch. */
  seq: number;
  /** The largest id that the outbox has given. */
  lastFrameId: number;
  /** Frames that the outbox had to drop, as far as it has said. */
  dropped: number;
  /** Whether the last write to the outbox is certain to have ended well. */
  isOutboxClean: boolean;
  /** Ticks of the next session. */
  sessionDue: number;
  /** Unix time at ticks 0 by which the due times were computed; NaN while it was not known. */
  epoch: number;
  /** Sessions that have failed one after the other. */
  attempt: number;
  /** Which descriptors the broker has acknowledged, as `Terminal` numbers them; 0 for none. */
  announced: number;
  /** The device's id: on a board, asking for the MAC starts the radio. */
  device: string;
  /** What provisioning has stored, as JSON: so that a wake that only samples need not open the store. */
  provisioned: string;
  counters: Counters;
  streams: StreamState[];
}

/** Raised with every change of the layout; another version is no state of ours. */
const VERSION = 4;
const PREFIX_BYTES = 8;
const NUMBER_BYTES = 8;
/** Text is stored as UTF-16 code units. */
const CHARACTER_BYTES = 2;
export const QUALITY_CODES = 8;
/**
 * boot, seq, lastFrameId, sessionDue, attempt, 4 counters, streams, characters of both texts, dropped, lost, epoch,
 * announced, isOutboxClean; qualities.
 */
const HEADER_NUMBERS = 17 + QUALITY_CODES;
/** point, profile, due, count, length, start, end, columns, storing. */
const STREAM_NUMBERS = 9;
/** Its place among them. */
const COLUMNS = 7;

/** Bytes that are left for the rows of each of `streams` streams of up to `columns` columns. */
export function rowBytes(retained: Retained, state: State, streams: number, columns: number): number {
  return (
    Math.floor((retained.byteLength - fixedBytes(state)) / streams) -
    (STREAM_NUMBERS + columns) * NUMBER_BYTES
  );
}

function fixedBytes({ device, provisioned }: State): number {
  return (
    PREFIX_BYTES + HEADER_NUMBERS * NUMBER_BYTES + CHARACTER_BYTES * (device.length + provisioned.length)
  );
}

/** An epoch's first state. */
export function newState(boot: number): State {
  return {
    boot,
    seq: 0,
    lastFrameId: 0,
    dropped: 0,
    isOutboxClean: false,
    sessionDue: 0,
    epoch: Number.NaN,
    attempt: 0,
    announced: 0,
    device: "",
    provisioned: "{}",
    counters: {
      readings: new Array(QUALITY_CODES).fill(0),
      frames: 0,
      acknowledged: 0,
      sessions: 0,
      failedSessions: 0,
      lost: 0,
    },
    streams: [],
  };
}

/**
 * Layout: CRC-32 of all behind it, u16 version, u16 length; the numbers as float64; the texts as UTF-16; the rows. In
 * the byte order of the machine, which is the one that reads it again.
 */
export function saveState(state: State, retained: Retained): void {
  const { counters, streams, device, provisioned } = state;
  let count = HEADER_NUMBERS;
  let length = fixedBytes(state);
  for (const { batch } of streams) {
    count += STREAM_NUMBERS + batch.last.length;
    length += (STREAM_NUMBERS + batch.last.length) * NUMBER_BYTES + batch.length;
  }
  const bytes = new Uint8Array(length);
  const numbers = new Float64Array(bytes.buffer, PREFIX_BYTES, count);
  numbers[0] = state.boot;
  numbers[1] = state.seq;
  numbers[2] = state.lastFrameId;
  numbers[3] = state.sessionDue;
  numbers[4] = state.attempt;
  numbers[5] = counters.frames;
  numbers[6] = counters.acknowledged;
  numbers[7] = counters.sessions;
  numbers[8] = counters.failedSessions;
  numbers[9] = streams.length;
  numbers[10] = device.length;
  numbers[11] = provisioned.length;
  numbers[12] = state.dropped;
  numbers[13] = counters.lost;
  numbers[14] = state.epoch;
  numbers[15] = state.announced;
  numbers[16] = state.isOutboxClean ? 1 : 0;
  numbers.set(counters.readings, HEADER_NUMBERS - QUALITY_CODES);
  let at = writeText(bytes, PREFIX_BYTES + count * NUMBER_BYTES, device);
  at = writeText(bytes, at, provisioned);
  let index = HEADER_NUMBERS;
  for (const { point, profile, due, storing, batch } of streams) {
    numbers[index] = point;
    numbers[index + 1] = profile;
    numbers[index + 2] = due;
    numbers[index + 3] = batch.count;
    numbers[index + 4] = batch.length;
    numbers[index + 5] = batch.start;
    numbers[index + 6] = batch.end;
    numbers[index + COLUMNS] = batch.last.length;
    numbers[index + 8] = storing;
    numbers.set(batch.last, index + STREAM_NUMBERS);
    index += STREAM_NUMBERS + batch.last.length;
    bytes.set(batch.rows.subarray(0, batch.length), at);
    at += batch.length;
  }
  const view = new DataView(bytes.buffer);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, length, true);
  view.setUint32(0, crc32(bytes, 4), true);
  retained.write(bytes);
}

function writeText(bytes: Uint8Array, start: number, text: string): number {
  let at = start;
  for (let index = 0; index < text.length; index++, at += CHARACTER_BYTES) {
    const unit = text.charCodeAt(index);
    bytes[at] = unit & 0xff;
    bytes[at + 1] = unit >> 8;
  }
  return at;
}

function readText(bytes: Uint8Array, start: number, length: number): string {
  let text = "";
  for (let at = start; at < start + length * CHARACTER_BYTES; at += CHARACTER_BYTES) {
    text += String.fromCharCode(bytes[at] | (bytes[at + 1] << 8));
  }
  return text;
}

/** What `saveState` wrote, or undefined when it is lost, corrupt or of another version. */
export function loadState(retained: Retained): State | undefined {
  const bytes = retained.read();
  if (!bytes || !isIntact(bytes)) return undefined;
  const count = Math.floor((bytes.length - PREFIX_BYTES) / NUMBER_BYTES);
  const numbers = new Float64Array(bytes.buffer, PREFIX_BYTES, count);
  const state = newState(numbers[0]);
  const { counters } = state;
  state.seq = numbers[1];
  state.lastFrameId = numbers[2];
  state.sessionDue = numbers[3];
  state.attempt = numbers[4];
  counters.frames = numbers[5];
  counters.acknowledged = numbers[6];
  counters.sessions = numbers[7];
  counters.failedSessions = numbers[8];
  state.dropped = numbers[12];
  counters.lost = numbers[13];
  state.epoch = numbers[14];
  state.announced = numbers[15];
  state.isOutboxClean = numbers[16] === 1;
  for (let code = 0; code < QUALITY_CODES; code++) {
    counters.readings[code] = numbers[HEADER_NUMBERS - QUALITY_CODES + code];
  }
  let index = HEADER_NUMBERS;
  for (let stream = 0; stream < numbers[9]; stream++) {
    state.streams.push(readStream(numbers, index));
    index += STREAM_NUMBERS + numbers[index + COLUMNS];
  }
  let at = PREFIX_BYTES + index * NUMBER_BYTES;
  state.device = readText(bytes, at, numbers[10]);
  at += numbers[10] * CHARACTER_BYTES;
  state.provisioned = readText(bytes, at, numbers[11]);
  at += numbers[11] * CHARACTER_BYTES;
  for (const { batch } of state.streams) {
    batch.rows = bytes.subarray(at, at + batch.length);
    at += batch.length;
  }
  return state;
}

function isIntact(bytes: Uint8Array): boolean {
  if (bytes.length < PREFIX_BYTES + HEADER_NUMBERS * NUMBER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(4, true) !== VERSION || view.getUint16(6, true) !== bytes.length) return false;
  return view.getUint32(0, true) === crc32(bytes, 4);
}

/** A stream's numbers; its rows stand elsewhere. */
function readStream(numbers: Float64Array, index: number): StreamState {
  const columns = numbers[index + COLUMNS];
  const length = numbers[index + 4];
  const batch: Batch = {
    count: numbers[index + 3],
    length,
    start: numbers[index + 5],
    end: numbers[index + 6],
    capacity: length,
    rows: new Uint8Array(0),
    last: numbers.subarray(index + STREAM_NUMBERS, index + STREAM_NUMBERS + columns),
  };
  return {
    point: numbers[index],
    profile: numbers[index + 1],
    due: numbers[index + 2],
    storing: numbers[index + 8],
    batch,
  };
}
