import { Encoder } from "cbor-x";
import type { Format } from "./format";
import { packOf, type SenmlOptions, type SenmlRecord } from "./senml";

/** RFC 8428 §6, table 4. */
const LABELS: Readonly<Record<keyof SenmlRecord, number>> = {
  bver: -1,
  bn: -2,
  bt: -3,
  bu: -4,
  n: 0,
  u: 1,
  v: 2,
  vs: 3,
  t: 6,
};

/**
 * SenML in CBOR (RFC 8428 §6): the packs of `senmlJson`, one after the other as a CBOR sequence (RFC 8742). A number is
 * an integer where it is one of 32 bits, else a double.
 */
export function senmlCbor(options: SenmlOptions): Format {
  // Maps as they are: cbor-x would turn the keys of an object into text.
  const encoder = new Encoder({ useRecords: false, mapsAsObjects: false });
  return {
    needsTime: true,
    write(frame) {
      const pack = packOf(frame, options);
      return pack.length ? Uint8Array.from(encoder.encode(pack.map(labelled))) : new Uint8Array(0);
    },
  };
}

function labelled(record: SenmlRecord): Map<number, unknown> {
  const entries = Object.entries(record) as [keyof SenmlRecord, unknown][];
  return new Map(entries.map(([label, value]) => [LABELS[label], value]));
}
