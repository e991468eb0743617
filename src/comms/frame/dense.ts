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
import { LAST_RANK, type Predictor } from "./predictors";

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
  check(content, columns.length - 1);
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
    const count = this.#count;
    const hasMissing = isAnyMissing(values, start + from, start + count);
    bits.bit(HAS_MISSING, hasMissing);
    expectFirst(this.#contexts, predictor.firstBits);
    let last = predictor.start;
    let isFirst = true;
    let wasThere = true;
    for (let row = from; row < count; row++) {
      const value = values[start + row];
      if (hasMissing) {
        const isThere = !Number.isNaN(value);
        bits.bit(wasThere ? PRESENT : PRESENT_AFTER_MISSING, isThere);
        wasThere = isThere;
        if (!isThere) continue;
      }
      bits.value(value, predictor.predict(row, last));
      last = value;
      if (isFirst) expectNext(this.#contexts, predictor.nextBits);
      isFirst = false;
    }
  }
}

/** @throws RangeError for what is neither an integer within ±(2^53−1) nor missing. */
function isAnyMissing(values: ArrayLike<number>, from: number, to: number): boolean {
  let isAny = false;
  for (let index = from; index < to; index++) {
    const value = values[index];
    // So most are seen to be integers without a call.
    if ((value | 0) === value || Number.isSafeInteger(value)) continue;
    if (!Number.isNaN(value)) throw new RangeError(`frame: values: ${value}`);
    isAny = true;
  }
  return isAny;
}

function check({ count, columns, times, qualities, dated }: FrameContent, expected: number): void {
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_READINGS)) {
    throw new RangeError(`frame: ${count} readings, expected 1 to ${MAX_READINGS}`);
  }
  if (columns !== expected) {
    throw new RangeError(`frame: ${columns} columns, expected ${expected} and the time`);
  }
  for (let row = 0; row < count; row++) {
    if (!Number.isSafeInteger(times[row])) throw new RangeError(`frame: times: ${times[row]}`);
    if (!(Number.isSafeInteger(qualities[row]) && qualities[row] >= 0))
      throw new RangeError(`frame: quality: ${qualities[row]}`);
  }
  if (!dated && times[0] !== 0) throw new RangeError("frame: undated times are relative to the first one");
}
