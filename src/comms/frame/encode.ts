import { CborWriter } from "./cbor";

/** A frame's rows as the encoder takes them: integers in column-major order, NaN where a value is missing. */
export interface FrameContent {
  profile: number;
  boot: number;
  seq: number;
  count: number;
  /** False when the clock was never set: the times are then relative to the first reading. */
  dated: boolean;
  /** `count` integers of 10^exponent seconds, as the profile's column 0 says. */
  times: ArrayLike<number>;
  /** `count` quality codes. */
  qualities: ArrayLike<number>;
  /** For each further column of the profile, `count` integers one after the other. */
  values: ArrayLike<number>;
  columns: number;
}

/**
 * Writes a frame with a plain body, `[profile, boot, seq, t0, count, [times, quality, ...columns]]`, into `target`.
 *
 * - `t0`: the first reading's time, or null when it is undated.
 * - `times`: the step between readings when it is the same throughout, else an array of `count − 1` steps.
 * - `quality`: one code when it is the same throughout, else an array of `count` codes.
 * - a column: null when nothing is known, one integer when all readings have that value, else an array of `count`
 *   entries: null for a missing one, the first value in full, every later one as the difference to the one before.
 *
 * @returns the frame, a view of `target`.
 * @throws RangeError when it does not fit, or a difference is outside ±(2^53−1).
 */
export function encodeFrame(content: FrameContent, target: Uint8Array): Uint8Array {
  const cbor = new CborWriter(target);
  const { count, columns } = content;
  writeEnvelope(cbor, content);
  cbor.array(2 + columns);
  writeTimes(cbor, content.times, count);
  writeQualities(cbor, content.qualities, count);
  for (let column = 0; column < columns; column++) writeColumn(cbor, content.values, column * count, count);
  return cbor.written;
}

/** A frame's items before its body. */
export function writeEnvelope(cbor: CborWriter, content: FrameContent): void {
  cbor.array(6);
  cbor.integer(content.profile);
  cbor.integer(content.boot);
  cbor.integer(content.seq);
  if (content.dated) cbor.integer(content.times[0]);
  else cbor.null();
  cbor.integer(content.count);
}

function writeTimes(cbor: CborWriter, times: ArrayLike<number>, count: number): void {
  const step = count > 1 ? times[1] - times[0] : 0;
  let regular = true;
  for (let row = 2; row < count; row++) regular &&= times[row] - times[row - 1] === step;
  if (regular) {
    cbor.integer(step);
    return;
  }
  cbor.array(count - 1);
  for (let row = 1; row < count; row++) cbor.integer(times[row] - times[row - 1]);
}

function writeQualities(cbor: CborWriter, qualities: ArrayLike<number>, count: number): void {
  if (isConstant(qualities, 0, count)) {
    cbor.integer(qualities[0]);
    return;
  }
  cbor.array(count);
  for (let row = 0; row < count; row++) cbor.integer(qualities[row]);
}

function writeColumn(cbor: CborWriter, values: ArrayLike<number>, start: number, count: number): void {
  if (isConstant(values, start, count)) {
    if (Number.isNaN(values[start])) cbor.null();
    else cbor.integer(values[start]);
    return;
  }
  cbor.array(count);
  let previous = 0;
  for (let index = start; index < start + count; index++) {
    const value = values[index];
    if (Number.isNaN(value)) cbor.null();
    else {
      cbor.integer(value - previous);
      previous = value;
    }
  }
}

function isConstant(values: ArrayLike<number>, start: number, count: number): boolean {
  for (let index = start + 1; index < start + count; index++) {
    if (!Object.is(values[index], values[start])) return false;
  }
  return true;
}
