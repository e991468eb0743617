import { CborWriter } from "./cbor";

const ARRAY_OF_SIX = 0x86;
const NULL = 0xf6;
/** Bytes behind an initial byte with additional information of 24 to 27 (RFC 8949 §3). */
const ARGUMENT_BYTES = [1, 2, 4, 8];
const LONGEST_INTEGER = 9;

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
  const dated = new Uint8Array(frame.length + 3 * LONGEST_INTEGER);
  dated.set(frame.subarray(0, at));
  dated[0] = ARRAY_OF_SIX + 1;
  const time = new CborWriter(dated.subarray(at));
  time.integer(t0);
  const body = at + time.written.length;
  dated.set(frame.subarray(at + 1), body);
  const end = body + frame.length - at - 1;
  const ext = new CborWriter(dated.subarray(end));
  ext.array(1);
  ext.integer(errorMs);
  return dated.subarray(0, end + ext.written.length);
}
