import { crc32 } from "../../crc32";
import { ALIGN } from "./layout";

/**
 * A record: a head with a check of its own, payload, note, zeros up to a multiple of ALIGN, and in the last four bytes
 * the CRC-32 of all before it. An acknowledgement is a short one: kind, id, CRC-32.
 */

/** 0 and 255 are none: bytes that were never written, or wiped out. */
export const NOTE = 1;
export const FRAME = 2;
export const EVENT = 3;
export const GAP = 4;
export const ACKNOWLEDGEMENT = 5;

export const HEAD_BYTES = 32;
const CHECK_AT = HEAD_BYTES - 4;
export const CRC_BYTES = 4;
export const ACKNOWLEDGEMENT_BYTES = ALIGN;
const MAX_READINGS = 65_535;

/** What is known of a frame without decoding it. */
export interface FrameMeta {
  point: number;
  boot: number;
  seq: number;
  /** How many readings it has. */
  readings: number;
  /** Unix seconds of its first and last reading; null when it is not dated. */
  start: number | null;
  end: number | null;
}

/** What a record says of itself. One instance serves for all that are read. */
export class RecordHead {
  kind = 0;
  point = 0;
  payloadBytes = 0;
  noteBytes = 0;
  readings = 0;
  /** Of an acknowledgement: all ids below are done with. */
  id = 0;
  boot = 0;
  seq = 0;
  /** 0 when there is none. */
  start = 0;
  end = 0;

  get byteLength(): number {
    if (this.kind === ACKNOWLEDGEMENT) return ACKNOWLEDGEMENT_BYTES;
    return recordBytes(this.payloadBytes + this.noteBytes);
  }

  /** Whether it has an id of its own and waits to be acknowledged. */
  get isDelivered(): boolean {
    return this.kind >= FRAME && this.kind <= GAP;
  }

  /** False, and nothing has changed, when there is no head of a record at `at`. `words` are the same bytes. */
  read(bytes: Uint8Array, words: Uint32Array, at: number, available: number): boolean {
    const kind = bytes[at];
    const word = at >> 2;
    if (kind === ACKNOWLEDGEMENT) return this.#readAcknowledgement(bytes, words, at);
    if (kind < NOTE || kind > GAP || available < HEAD_BYTES) return false;
    const head = word + (CHECK_AT >> 2);
    if (words[head] !== crc32(bytes, at, at + CHECK_AT)) return false;
    this.kind = kind;
    this.point = bytes[at + 1];
    this.payloadBytes = bytes[at + 2] | (bytes[at + 3] << 8);
    this.noteBytes = bytes[at + 4];
    this.readings = bytes[at + 6] | (bytes[at + 7] << 8);
    this.id = words[word + 2];
    this.boot = words[word + 3];
    this.seq = words[word + 4];
    this.start = words[word + 5];
    this.end = words[word + 6];
    return this.byteLength <= available;
  }

  #readAcknowledgement(bytes: Uint8Array, words: Uint32Array, at: number): boolean {
    const end = at + ACKNOWLEDGEMENT_BYTES - CRC_BYTES;
    if (words[end >> 2] !== crc32(bytes, at, end)) return false;
    this.kind = ACKNOWLEDGEMENT;
    this.id = words[(at >> 2) + 1];
    return true;
  }
}

/** Bytes of a record with so many bytes of payload and note. */
export function recordBytes(bodyBytes: number): number {
  return Math.ceil((HEAD_BYTES + bodyBytes + CRC_BYTES) / ALIGN) * ALIGN;
}

export function encodeRecord(
  kind: number,
  id: number,
  { point, boot, seq, readings, start, end }: FrameMeta,
  payload: Uint8Array,
  note: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(recordBytes(payload.length + note.length));
  const words = new Uint32Array(bytes.buffer);
  const count = Math.min(readings, MAX_READINGS);
  bytes[0] = kind;
  bytes[1] = point;
  bytes[2] = payload.length & 0xff;
  bytes[3] = payload.length >> 8;
  bytes[4] = note.length;
  bytes[6] = count & 0xff;
  bytes[7] = count >> 8;
  words[2] = id;
  words[3] = boot;
  words[4] = seq;
  words[5] = start ?? 0;
  words[6] = end ?? 0;
  words[CHECK_AT >> 2] = crc32(bytes, 0, CHECK_AT);
  bytes.set(payload, HEAD_BYTES);
  bytes.set(note, HEAD_BYTES + payload.length);
  words[words.length - 1] = crc32(bytes, 0, bytes.length - CRC_BYTES);
  return bytes;
}

/** @param tail all ids below are done with. */
export function encodeAcknowledgement(tail: number): Uint8Array {
  const bytes = new Uint8Array(ACKNOWLEDGEMENT_BYTES);
  const words = new Uint32Array(bytes.buffer);
  bytes[0] = ACKNOWLEDGEMENT;
  words[1] = tail;
  words[3] = crc32(bytes, 0, ACKNOWLEDGEMENT_BYTES - CRC_BYTES);
  return bytes;
}
