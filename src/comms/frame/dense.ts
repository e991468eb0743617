import type { Column } from "../../model/profiles";
import { BitWriter } from "./bit-writer";
import { CborWriter } from "./cbor";
import { columnPredictors, qualityPredictor, timePredictor } from "./column-predictors";
import {
  expectFirst,
  expectNext,
  frameContexts,
  HAS_MISSING,
  PRESENT,
  PRESENT_AFTER_MISSING,
} from "./contexts";
import { encodeFrame, type FrameContent, writeEnvelope } from "./encode";
import { bounded, LAST_RANK, type Predictor } from "./predictors";

export const MAX_READINGS = 1024;

/**
 * Writes a frame with a dense body, `[profile, boot, seq, t0, count, body]`, into `target`; a single reading with a
 * plain body where that is smaller.
 *
 * The body is a byte string of arithmetically coded bits: the times, the quality codes, then each column by itself,
 * first those whose predictors need no other (docs/frame.md has all of it).
 *
 * @param columns of the content's profile, column 0 the time.
 * @returns the frame, a view of `target`, which needs some bytes more than that: of a single reading the plain body is tried too.
 * @throws RangeError when it does not fit, or for what a frame cannot say: no reading or more than 1,024; a time, a
 * quality code or a value that is no integer within ±(2^53−1); an undated frame whose first time is not 0. What is in
 * `target` is then no frame.
 */
export function encodeDenseFrame(
  content: FrameContent,
  columns: readonly Column[],
  target: Uint8Array,
): Uint8Array {
  check(content, columns);
  if (content.count > 1) return writeFrame(content, columns, target);
  const plain = encodeFrame(content, target).length;
  const dense = writeFrame(content, columns, target);
  return dense.length < plain ? dense : encodeFrame(content, target);
}

function writeFrame(content: FrameContent, columns: readonly Column[], target: Uint8Array): Uint8Array {
  const cbor = new CborWriter(target);
  writeEnvelope(cbor, content);
  const contexts = frameContexts();
  const bits = new BitWriter(target, cbor.written.length, contexts);
  const { count, times, values } = content;
  const writer = new ColumnWriter(bits, contexts, count);
  writer.write(times, 0, 1, timePredictor(columns, times[0]));
  writer.write(content.qualities, 0, 0, qualityPredictor());
  const predictors = columnPredictors(columns, content);
  for (let rank = 0; rank <= LAST_RANK; rank++) {
    for (let column = 0; column < predictors.length; column++) {
      if (predictors[column].rank === rank) writer.write(values, column * count, 0, predictors[column]);
    }
  }
  cbor.byteString(bits.finish());
  return cbor.written;
}

class ColumnWriter {
  readonly #bits: BitWriter;
  readonly #contexts: Int32Array;
  readonly #count: number;

  constructor(bits: BitWriter, contexts: Int32Array, count: number) {
    this.#bits = bits;
    this.#contexts = contexts;
    this.#count = count;
  }

  /** The values from `start` on, without the first `from` rows of them. */
  write(values: ArrayLike<number>, start: number, from: number, predictor: Predictor): void {
    const bits = this.#bits;
    const contexts = this.#contexts;
    const count = this.#count;
    const hasMissing = isAnyMissing(values, start + from, start + count);
    bits.bit(HAS_MISSING, hasMissing);
    expectFirst(contexts, predictor.firstBits);
    let isFirst = true;
    let presence = PRESENT;
    for (let row = from; row < count; row++) {
      const value = values[start + row];
      const isThere = !Number.isNaN(value);
      if (hasMissing) bits.bit(presence, isThere);
      presence = isThere ? PRESENT : PRESENT_AFTER_MISSING;
      if (!isThere) continue;
      writeValue(bits, value, predictor.predict(row));
      predictor.learn(row, value);
      if (isFirst) expectNext(contexts, predictor.nextBits);
      isFirst = false;
    }
  }
}

function writeValue(bits: BitWriter, value: number, prediction: number): void {
  const residual = value - bounded(prediction);
  if (Number.isSafeInteger(residual)) bits.residual(residual);
  else bits.verbatim(value);
}

function isAnyMissing(values: ArrayLike<number>, from: number, to: number): boolean {
  for (let index = from; index < to; index++) if (Number.isNaN(values[index])) return true;
  return false;
}

function check(content: FrameContent, columns: readonly Column[]): void {
  const { count, times, qualities, values } = content;
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_READINGS)) {
    throw new RangeError(`frame: ${count} readings, expected 1 to ${MAX_READINGS}`);
  }
  if (content.columns !== columns.length - 1) {
    throw new RangeError(`frame: ${content.columns} columns, expected ${columns.length - 1} and the time`);
  }
  checkIntegers("times", times, count, -Number.MAX_SAFE_INTEGER);
  checkIntegers("quality", qualities, count, 0);
  if (!content.dated && times[0] !== 0)
    throw new RangeError("frame: undated times are relative to the first one");
  for (let index = 0; index < count * content.columns; index++) {
    const value = values[index];
    if (!Number.isSafeInteger(value) && !Number.isNaN(value)) throw new RangeError(`frame: values: ${value}`);
  }
}

function checkIntegers(name: string, integers: ArrayLike<number>, count: number, low: number): void {
  for (let row = 0; row < count; row++) {
    const integer = integers[row];
    if (!Number.isSafeInteger(integer) || integer < low) throw new RangeError(`frame: ${name}: ${integer}`);
  }
}
