import { Decoder, setSizeLimits } from "cbor-x";
import { endOf } from "./items";

/** What is wrong with something that was received, and where. */
export class DecodeError extends Error {}

export type Checked<T> = { ok: true; value: T } | { ok: false; error: string };

// A head may claim any length: nothing of ours has more in one place.
setSizeLimits({ maxArraySize: 65_536, maxMapSize: 1024, maxObjectSize: 1024 });
const decoder = new Decoder({ useRecords: false, mapsAsObjects: false });

/** One CBOR item. @throws Error when it is none, or something follows it. */
export function decodeItem(bytes: Uint8Array): unknown {
  // Checked first: cbor-x recurses, and makes room for what a damaged head claims.
  if (endOf(bytes, 0) !== bytes.length) throw new Error("it is not one whole item");
  return decoder.decode(bytes);
}

/**
 * What `read` makes of the one item in `payload`, or in one line what is wrong: DecodeError does not get past this.
 * @param itemOf makes the item; it throws Error where there is none.
 */
export function checked<T>(
  payload: Uint8Array,
  read: (item: unknown) => T,
  itemOf: (bytes: Uint8Array) => unknown = decodeItem,
): Checked<T> {
  let item: unknown;
  try {
    item = itemOf(payload);
  } catch (error) {
    return { ok: false, error: `not CBOR: ${error instanceof Error ? error.message : String(error)}` };
  }
  try {
    return { ok: true, value: read(item) };
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, error: error.message };
    throw error;
  }
}

/** An integer from `low` to `high`, or undefined for anything else. */
export function asInteger(value: unknown, low: number, high: number): number | undefined {
  // cbor-x gives 64-bit integers as bigint.
  const number = typeof value === "bigint" ? Number(value) : value;
  const isGood =
    typeof number === "number" && Number.isSafeInteger(number) && number >= low && number <= high;
  return isGood ? number : undefined;
}
