import { CborWriter } from "./cbor";

const ARRAY_OF_SIX = 0x86;
const NULL = 0xf6;
/** Bytes behind an initial byte with additional information of 24 to 27 (RFC 8949 §3). */
const ARGUMENT_BYTES = [1, 2, 4, 8];
const LONGEST_INTEGER = 9;

/**
 * Says of a dated frame, as its `ext`, by how many milliseconds all its times may be off. What has an `ext` already comes
 * back as it is.
 */
export function stateError(frame: Uint8Array, errorMs: number): Uint8Array {
  if (frame[0] !== ARRAY_OF_SIX) return frame;
  const stated = new Uint8Array(frame.length + 1 + LONGEST_INTEGER);
  stated.set(frame);
  stated[0] = ARRAY_OF_SIX + 1;
  const ext = new CborWriter(stated.subarray(frame.length));
  ext.array(1);
  ext.integer(errorMs);
  return stated.subarray(0, frame.length + ext.written.length);
}

/**
 * Dates a frame that was stored before the time was known: its null becomes `t0`, and `[errorMs]`, by how much all its
 * times may be off, becomes its `ext`. What is no undated frame comes back as it is.
 * @param t0 in the unit of the profile's column 0.
 */
export function dateFrame(frame: Uint8Array, t0: number, errorMs: number): Uint8Array {
  if (frame[0] !== ARRAY_OF_SIX) return frame;
  let at = 1;
  for (let item = 0; item < 3; item++) at += 1 + (ARGUMENT_BYTES[(frame[at] & 0x1f) - 24] ?? 0);
  if (frame[at] !== NULL) return frame;
  const dated = new Uint8Array(frame.length + LONGEST_INTEGER);
  dated.set(frame.subarray(0, at));
  const time = new CborWriter(dated.subarray(at));
  time.integer(t0);
  const body = at + time.written.length;
  dated.set(frame.subarray(at + 1), body);
  return stateError(dated.subarray(0, body + frame.length - at - 1), errorMs);
}
