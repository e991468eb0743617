import { Encoder, type Options, Tag } from "cbor-x";

/** Byte strings and maps without a tag of their own. The typings lack the last one. */
const options = { tagUint8Array: false, useRecords: false, useTag259ForMaps: false } as Options;
const encoder = new Encoder(options);

/** Deterministic (RFC 8949 §4.2.1) as long as a Map's keys come in order; a node refuses what is not. */
export function encodeCbor(value: unknown): Uint8Array {
  return new Uint8Array(encoder.encode(value));
}

export function tagged(tag: number, value: unknown): Tag {
  return new Tag(value, tag);
}
