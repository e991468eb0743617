import { NUMBER_BYTES, NumberReader, writeNumber } from "../lowpower/rows";
import type { State, StreamState } from "../lowpower/state";

/**
 * What is stored with a frame, so that it survives the loss of retained memory: numbers as the rows of a batch have
 * them. Version, epoch, seq, ticks of the frame's first reading; then for each stream its point, profile, the Unix
 * seconds of its last stored reading (missing when that was not dated), how many registers, and those.
 */

const VERSION = 1;
/** What the outbox takes with a frame. */
const MAX_BYTES = 255;
const HEAD_NUMBERS = 5;
const STREAM_NUMBERS = 4;

/** A stream in a note. */
export interface NotedStream {
  point: number;
  profile: number;
  /** Unix seconds, NaN when it is not known. */
  end: number;
  registers: number[];
}

export interface Note {
  boot: number;
  seq: number;
  /** Ticks of the frame's first reading. */
  start: number;
  /** Of seconds, as the frame's column 0 counts them. */
  exponent: number;
  streams: NotedStream[];
}

/**
 * @param start ticks of the first reading of the frame that it goes with.
 * @param exponent of the frame's column 0.
 */
export function encodeNote({ boot, seq, streams }: State, start: number, exponent: number): Uint8Array {
  const longest = streams.reduce((most, { registers }) => Math.max(most, registers.length), 0);
  const bytes = new Uint8Array(MAX_BYTES + (STREAM_NUMBERS + longest) * NUMBER_BYTES);
  let at = writeNumber(bytes, 0, VERSION);
  at = writeNumber(bytes, at, boot);
  at = writeNumber(bytes, at, seq);
  at = writeNumber(bytes, at, start);
  at = writeNumber(bytes, at, exponent);
  for (const stream of streams) {
    const end = writeStream(bytes, at, stream);
    // What does not fit is not known after a power loss. Ten streams do.
    if (end > MAX_BYTES) break;
    at = end;
  }
  return bytes.subarray(0, at);
}

function writeStream(bytes: Uint8Array, start: number, stream: StreamState): number {
  let at = writeNumber(bytes, start, stream.point);
  at = writeNumber(bytes, at, stream.profile);
  at = writeNumber(bytes, at, stream.end);
  at = writeNumber(bytes, at, stream.registers.length);
  for (const register of stream.registers) at = writeNumber(bytes, at, register);
  return at;
}

/** Undefined when it is of another version, or there is none. */
export function decodeNote(bytes: Uint8Array | undefined): Note | undefined {
  if (!bytes || bytes.length < HEAD_NUMBERS) return undefined;
  const reader = new NumberReader(bytes);
  if (reader.next() !== VERSION) return undefined;
  const note: Note = {
    boot: reader.next(),
    seq: reader.next(),
    start: reader.next(),
    exponent: reader.next(),
    streams: [],
  };
  while (reader.at < bytes.length) {
    const stream: NotedStream = {
      point: reader.next(),
      profile: reader.next(),
      end: reader.next(),
      registers: [],
    };
    for (let left = reader.next(); left > 0; left--) stream.registers.push(reader.next());
    note.streams.push(stream);
  }
  return note;
}
