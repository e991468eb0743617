import type { Retained } from "../hal";
import { type LeadState, newLead } from "./lead";
import type { Batch } from "./recorder";
import { newTime, type TimeState } from "./timekeeper";

/** What a terminal has counted since its epoch began. Readings are counted by quality code. */
export interface Counters {
  readings: number[];
  /** Frames stored. */
  frames: number;
  /** Frames acknowledged by the broker. */
  acknowledged: number;
  sessions: number;
  failedSessions: number;
  /** Readings that could not be kept: the store failed until their batch was full. */
  lost: number;
  /** Records that were stored and cannot be read any more: flash has failed. */
  damaged: number;
}

/** What is known of the network from sessions before, all 0 at first. */
export interface LinkState {
  channel: number;
  /** Which of the configured brokers was there last. */
  broker: number;
}

/** A stream's part of what survives deep sleep. */
export interface StreamState extends LeadState {
  point: number;
  profile: number;
  /** Ticks of the next reading. */
  due: number;
  /** The id under which the outbox is to store the batch just now, or 0. */
  storingId: number;
  /** Unix seconds of the last reading that was stored, NaN when it is not known. */
  end: number;
  batch: Batch;
  /** What its sensor is, as a number: another one has other counters. */
  source: number;
  /** See `Integrator`, and behind that `Counts`; empty for a stream that has none of both. */
  registers: Float64Array;
  /** See `Triggers`; empty for a stream that has none. */
  triggers: Float64Array;
}

/** What a start has found of the installed app, so that a wake need not look at flash for it. */
export const AppTrust = { unknown: 0, trusted: 1, refused: 2 } as const;

/** What survives deep sleep. All numbers are integers within ±(2^53−1), or NaN. */
export interface State {
  /** The epoch: raised when this memory was lost, never by waking up. */
  boot: number;
  /** The next frame's number within the epoch. */
  seq: number;
  /** The largest id that the outbox has given. */
  lastFrameId: number;
  /** Frames that the outbox had to drop, as far as it has said. */
  dropped: number;
  /** Ticks of the next session. */
  sessionDue: number;
  /** Ticks of the end of the last session that went well. */
  lastSession: number;
  /** Sessions that have failed one after the other. */
  attempt: number;
  /** Which descriptors the broker has acknowledged, as `Terminal` numbers them; 0 for none. */
  announced: number;
  /** Ticks at which the state message is due; 0 for at once. */
  statusDue: number;
  /** 1 while the radio is on: found at a start, the supply has given way. */
  radio: number;
  /** Starts with the radio on, one after the other. */
  radioResets: number;
  /** Starts since the epoch began, and the reasons of the last ones, newest first, as `RESET_REASONS` numbers them. */
  resets: number;
  reset0: number;
  reset1: number;
  reset2: number;
  reset3: number;
  /** Unix milliseconds until which somebody wishes the terminal to stay up; 0 for never. */
  stayUntil: number;
  /** 1 until the store has said that an epoch has begun. */
  isEpochUnsaid: number;
  /** An `AppTrust`, of the app that is installed. */
  appTrust: number;
  /** Of `counters.lost`, how many readings the store has said; the Unix seconds of those that it has not, or NaN. */
  lostSaid: number;
  lostFrom: number;
  lostTo: number;
  time: TimeState;
  link: LinkState;
  counters: Counters;
  /** The device's id: on a board, asking for the MAC starts the radio. */
  device: string;
  /** What provisioning has stored, as JSON: so that a wake that only samples need not open the store. */
  provisioned: string;
  streams: StreamState[];
}

const NUMBERS = [
  ...[
    "boot",
    "seq",
    "lastFrameId",
    "dropped",
    "sessionDue",
    "lastSession",
    "attempt",
    "announced",
    "statusDue",
  ],
  ...["radio", "radioResets", "resets", "reset0", "reset1", "reset2", "reset3", "stayUntil"],
  ...["isEpochUnsaid", "appTrust", "lostSaid", "lostFrom", "lostTo"],
] as readonly (keyof State)[];
const TIME = [
  ...[
    "ticks",
    "time",
    "errorMs",
    "slip",
    "slipError",
    "baseTicks",
    "baseTime",
    "baseErrorMs",
    "due",
    "doubt",
  ],
] as readonly (keyof TimeState)[];
const LINK = ["channel", "broker"] as const;
const COUNTERS = ["frames", "acknowledged", "sessions", "failedSessions", "lost", "damaged"] as const;
const STREAM = [
  ...(["point", "profile", "due", "storingId", "end", "source"] as const),
  ...(["lead", "spare", "floor", "taken"] as const),
] as readonly (keyof StreamState)[];
const BATCH = ["count", "length", "start", "end"] as const;

/** "GM", and behind it what is raised with every change of the layout: another version is no state of ours. */
const MARK = 0x474d_0009;
const PREFIX_BYTES = 8;
const NUMBER_BYTES = 8;
/** Text is stored as UTF-16 code units. */
const CHARACTER_BYTES = 2;
export const QUALITY_CODES = 8;
/** Behind the lists above: streams, characters of both texts; the counts of readings. */
const HEADER_NUMBERS = NUMBERS.length + TIME.length + LINK.length + COUNTERS.length + 3 + QUALITY_CODES;
/** Behind the lists above: how many numbers `last`, `registers` and `triggers` are. */
const STREAM_NUMBERS = STREAM.length + BATCH.length + 3;

/** Bytes that are left for the rows of each of `streams` streams with up to `numbers` columns, registers and so on. */
export function rowBytes(retained: Retained, state: State, streams: number, numbers: number): number {
  return (
    Math.floor((retained.byteLength - fixedBytes(state)) / streams) -
    (STREAM_NUMBERS + numbers) * NUMBER_BYTES
  );
}

function fixedBytes({ device, provisioned }: State): number {
  return (
    PREFIX_BYTES + HEADER_NUMBERS * NUMBER_BYTES + CHARACTER_BYTES * (device.length + provisioned.length)
  );
}

/** An epoch's first state. */
export function newState(boot: number, slipError?: number): State {
  return {
    boot,
    seq: 0,
    lastFrameId: 0,
    dropped: 0,
    sessionDue: 0,
    lastSession: 0,
    attempt: 0,
    announced: 0,
    statusDue: 0,
    radio: 0,
    radioResets: 0,
    resets: 0,
    reset0: 0,
    reset1: 0,
    reset2: 0,
    reset3: 0,
    stayUntil: 0,
    isEpochUnsaid: 1,
    appTrust: AppTrust.unknown,
    lostSaid: 0,
    lostFrom: Number.NaN,
    lostTo: Number.NaN,
    time: newTime(slipError),
    link: { channel: 0, broker: 0 },
    counters: {
      readings: new Array(QUALITY_CODES).fill(0),
      frames: 0,
      acknowledged: 0,
      sessions: 0,
      failedSessions: 0,
      lost: 0,
      damaged: 0,
    },
    device: "",
    provisioned: "{}",
    streams: [],
  };
}

type Numbers = Record<string, number>;

function write(numbers: Float64Array, start: number, from: object, names: readonly string[]): number {
  const count = names.length;
  for (let index = 0; index < count; index++) numbers[start + index] = (from as Numbers)[names[index]];
  return start + count;
}

function read(numbers: Float64Array, start: number, into: object, names: readonly string[]): number {
  const count = names.length;
  for (let index = 0; index < count; index++) (into as Numbers)[names[index]] = numbers[start + index];
  return start + count;
}

/**
 * Layout: u32 mark, u32 length; the numbers as float64; the texts as UTF-16; the rows. In the byte order of the machine,
 * which is the one that reads it again. Whether it is whole, the platform knows.
 */
export function saveState(state: State, retained: Retained): void {
  const { counters, streams, device, provisioned } = state;
  let count = HEADER_NUMBERS;
  let length = fixedBytes(state);
  for (const { batch, registers, triggers } of streams) {
    const own = STREAM_NUMBERS + batch.last.length + registers.length + triggers.length;
    count += own;
    length += own * NUMBER_BYTES + batch.length;
  }
  const bytes = new Uint8Array(length);
  const numbers = new Float64Array(bytes.buffer, PREFIX_BYTES, count);
  let index = write(numbers, 0, state, NUMBERS);
  index = write(numbers, index, state.time, TIME);
  index = write(numbers, index, state.link, LINK);
  index = write(numbers, index, counters, COUNTERS);
  numbers[index++] = streams.length;
  numbers[index++] = device.length;
  numbers[index++] = provisioned.length;
  numbers.set(counters.readings, index);
  index += QUALITY_CODES;
  let at = writeText(bytes, PREFIX_BYTES + count * NUMBER_BYTES, device);
  at = writeText(bytes, at, provisioned);
  for (const stream of streams) {
    const { batch, registers, triggers } = stream;
    index = write(numbers, index, stream, STREAM);
    index = write(numbers, index, batch, BATCH);
    for (const list of [batch.last, registers, triggers]) {
      numbers[index++] = list.length;
      numbers.set(list, index);
      index += list.length;
    }
    bytes.set(batch.rows.subarray(0, batch.length), at);
    at += batch.length;
  }
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MARK, true);
  view.setUint32(4, length, true);
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

/** What `saveState` wrote, or undefined when it is lost, not whole or of another version. */
export function loadState(retained: Retained): State | undefined {
  const bytes = retained.read();
  if (!bytes || !isOurs(bytes)) return undefined;
  const count = Math.floor((bytes.length - PREFIX_BYTES) / NUMBER_BYTES);
  const numbers = new Float64Array(bytes.buffer, PREFIX_BYTES, count);
  const state = newState(0);
  let index = read(numbers, 0, state, NUMBERS);
  index = read(numbers, index, state.time, TIME);
  index = read(numbers, index, state.link, LINK);
  index = read(numbers, index, state.counters, COUNTERS);
  const streams = numbers[index++];
  const deviceLength = numbers[index++];
  const provisionedLength = numbers[index++];
  for (let code = 0; code < QUALITY_CODES; code++) state.counters.readings[code] = numbers[index++];
  for (let stream = 0; stream < streams; stream++) index = readStream(numbers, index, state.streams);
  let at = PREFIX_BYTES + index * NUMBER_BYTES;
  state.device = readText(bytes, at, deviceLength);
  at += deviceLength * CHARACTER_BYTES;
  state.provisioned = readText(bytes, at, provisionedLength);
  at += provisionedLength * CHARACTER_BYTES;
  for (const { batch } of state.streams) {
    batch.rows = bytes.subarray(at, at + batch.length);
    at += batch.length;
  }
  return state;
}

/** `State.appTrust` of what `saveState` wrote, without the rest: it is asked before there is an app to load a state for. */
export function loadAppTrust(retained: Retained): number {
  const bytes = retained.read();
  if (!bytes || !isOurs(bytes)) return AppTrust.unknown;
  const at = PREFIX_BYTES + NUMBERS.indexOf("appTrust") * NUMBER_BYTES;
  return new Float64Array(bytes.buffer, at, 1)[0];
}

function isOurs(bytes: Uint8Array): boolean {
  if (bytes.length < PREFIX_BYTES + HEADER_NUMBERS * NUMBER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(0, true) === MARK && view.getUint32(4, true) === bytes.length;
}

/** A stream's numbers; its rows stand elsewhere. Returns the index behind them. */
function readStream(numbers: Float64Array, start: number, streams: StreamState[]): number {
  const none = numbers.subarray(0, 0);
  const batch: Batch = {
    count: 0,
    length: 0,
    start: 0,
    end: 0,
    capacity: 0,
    rows: new Uint8Array(0),
    last: none,
  };
  const stream = {
    point: 0,
    profile: 0,
    due: 0,
    storingId: 0,
    end: 0,
    source: 0,
    ...newLead(),
    batch,
    registers: none,
    triggers: none,
  };
  let index = read(numbers, start, stream, STREAM);
  index = read(numbers, index, batch, BATCH);
  batch.capacity = batch.length;
  const list = () => {
    const from = index + 1;
    index = from + numbers[index];
    return numbers.subarray(from, index);
  };
  batch.last = list();
  stream.registers = list();
  stream.triggers = list();
  streams.push(stream);
  return index;
}
