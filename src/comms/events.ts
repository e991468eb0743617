import { CborWriter } from "./frame/cbor";
import type { Note } from "./note";

/**
 * What a terminal has to say beside its readings, on `gm/<device>/0/e`: an array of CBOR whose first item says what
 * kind it is. docs/events.md has them all; kind 1 is the outbox's own.
 */
const Kind = { newEpoch: 2, lost: 3, clockStep: 4 } as const;

/** Head and longest integer. */
const ITEM_BYTES = 9;

/** Retained memory was lost: what was read behind `end` of each point, and before this epoch, may be missing. */
export function newEpochEvent(boot: number, before: Note): Uint8Array {
  const { streams } = before;
  const cbor = new CborWriter(new Uint8Array((6 + 3 * streams.length) * ITEM_BYTES));
  cbor.array(5);
  cbor.integer(Kind.newEpoch);
  cbor.integer(boot);
  cbor.integer(before.boot);
  cbor.integer(before.seq);
  cbor.array(streams.length);
  for (const { point, end } of streams) {
    cbor.array(2);
    cbor.integer(point);
    writeSeconds(cbor, end);
  }
  return cbor.written;
}

/** Readings that could not be stored, of before the frame `seq`; `from` and `to` in Unix seconds, NaN when not known. */
export function lostEvent(boot: number, seq: number, readings: number, from: number, to: number): Uint8Array {
  const cbor = new CborWriter(new Uint8Array(6 * ITEM_BYTES));
  cbor.array(6);
  cbor.integer(Kind.lost);
  cbor.integer(boot);
  cbor.integer(seq);
  cbor.integer(readings);
  writeSeconds(cbor, from);
  writeSeconds(cbor, to);
  return cbor.written;
}

/** Before the frame `seq` the clock was set to what our own one cannot explain: it went by `stepMs`. */
export function clockStepEvent(boot: number, seq: number, stepMs: number): Uint8Array {
  const cbor = new CborWriter(new Uint8Array(5 * ITEM_BYTES));
  cbor.array(4);
  cbor.integer(Kind.clockStep);
  cbor.integer(boot);
  cbor.integer(seq);
  cbor.integer(stepMs);
  return cbor.written;
}

function writeSeconds(cbor: CborWriter, seconds: number): void {
  if (Number.isNaN(seconds)) cbor.null();
  else cbor.integer(seconds);
}
