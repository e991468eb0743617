import type { Column } from "../../model/profiles";
import { BitReader, DenseError } from "./bit-reader";
import { columnPredictors, qualityPredictor, timePredictor } from "./column-predictors";
import {
  expectFirst,
  expectNext,
  frameContexts,
  HAS_MISSING,
  PRESENT,
  PRESENT_AFTER_MISSING,
} from "./contexts";
import { LAST_RANK, type Predictor } from "./predictors";

/** What a dense body holds, in the form that the encoder takes. */
export interface DenseRows {
  times: Float64Array;
  qualities: Float64Array;
  /** For each column but the time, one after the other; NaN where a value is missing. */
  values: Float64Array;
}

export type DenseResult = { ok: true; rows: DenseRows } | { ok: false; error: string };

/**
 * Decodes a dense body. Never throws for what the bytes hold: what is wrong comes back as one line that names the
 * place. Time and memory go with `count` and the number of columns, whatever the bytes are.
 *
 * @param body the byte string's content.
 * @param columns of the frame's profile, column 0 the time.
 * @param start the frame's t0, 0 in an undated frame; times are then relative to the first reading.
 * @param count the frame's count, at least 1: the caller says how many are too many.
 */
export function decodeDense(
  body: Uint8Array,
  columns: readonly Column[],
  start: number,
  count: number,
): DenseResult {
  const reader = new Reader(body, columns, start, count);
  try {
    return { ok: true, rows: reader.read() };
  } catch (error) {
    if (error instanceof DenseError) return { ok: false, error: `${reader.place}: ${error.message}` };
    throw error;
  }
}

class Reader {
  readonly #bits: BitReader;
  readonly #contexts = frameContexts();
  readonly #columns: readonly Column[];
  readonly #count: number;
  readonly #rows: DenseRows;
  #column = "";
  #row = -1;

  constructor(body: Uint8Array, columns: readonly Column[], start: number, count: number) {
    this.#bits = new BitReader(body, this.#contexts);
    this.#columns = columns;
    this.#count = count;
    this.#rows = {
      times: new Float64Array(count).fill(start),
      qualities: new Float64Array(count),
      values: new Float64Array(count * (columns.length - 1)).fill(Number.NaN),
    };
  }

  /** Where it is, in the words that a plain body's errors have. */
  get place(): string {
    return this.#row < 0 ? this.#column : `${this.#column}: entry ${this.#row + 1}`;
  }

  read(): DenseRows {
    const columns = this.#columns;
    const count = this.#count;
    const { times, qualities, values } = this.#rows;
    this.#column = "times";
    this.#read(times, 0, 1, timePredictor(columns, times[0]));
    this.#column = "quality";
    this.#read(qualities, 0, 0, qualityPredictor());
    const predictors = columnPredictors(columns, { count, times, values });
    for (let rank = 0; rank <= LAST_RANK; rank++) {
      predictors.forEach((predictor, index) => {
        if (predictor.rank !== rank) return;
        this.#column = `column ${index + 1} (${columns[index + 1].name})`;
        this.#read(values, index * count, 0, predictor);
      });
    }
    this.#column = "the end of the body";
    this.#bits.finish();
    return this.#rows;
  }

  #read(values: Float64Array, start: number, from: number, predictor: Predictor): void {
    const bits = this.#bits;
    const contexts = this.#contexts;
    const isColumn = values === this.#rows.values;
    const hasMissing = bits.bit(HAS_MISSING);
    if (hasMissing && !isColumn) throw new DenseError("an entry is missing");
    expectFirst(contexts, predictor.firstBits);
    let last = predictor.start;
    let isFirst = true;
    let missing = 0;
    let presence = PRESENT;
    for (let row = from; row < this.#count; row++) {
      this.#row = row;
      const isThere = !hasMissing || bits.bit(presence);
      presence = isThere ? PRESENT : PRESENT_AFTER_MISSING;
      if (!isThere) {
        missing++;
        continue;
      }
      const value = bits.value(predictor.predict(row, last));
      if (value < 0 && values === this.#rows.qualities) throw new DenseError("a code below 0");
      values[start + row] = value;
      last = value;
      if (isFirst) expectNext(contexts, predictor.nextBits);
      isFirst = false;
    }
    this.#row = -1;
    if (hasMissing && missing === 0) throw new DenseError("an entry is said to be missing, and none is");
  }
}
