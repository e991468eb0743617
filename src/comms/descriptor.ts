import { crc32 } from "../crc32";
import { type Kind, quantityOf } from "../model/channels";
import { type Column, FIRST_FREE_NUMBER, type Profile } from "../model/profiles";
import { CborWriter } from "./frame/cbor";

/** The version of the descriptor's form. */
export const DESCRIPTOR_VERSION = 1;

/** Kinds by their number in a descriptor; never reordered. */
export const KINDS: readonly Kind[] = ["gauge", "register", "state", "flags"];

/** The last number that CBOR writes in three bytes. */
const LAST_NUMBER = 65_535;
const NUMBERS = LAST_NUMBER - FIRST_FREE_NUMBER + 1;

/** Two heads, a channel and an exponent: what one column takes at most where it is a pair. */
const PAIR_BYTES = 1 + 9 + 9;

/**
 * The number of a profile that is not built in, from its columns: 1024 + c mod 64,512, where c is the CRC-32 (IEEE
 * 802.3) of `[[channel, exponent], …]` in CBOR, time included, each head in its shortest form.
 *
 * @param taken numbers that other profiles of the same terminal have. Of these it takes the next one that is free, and
 *   after 65,535 goes on at 1024: so a number means one list of columns at one terminal, and no more than that.
 */
export function profileNumber(columns: readonly Column[], taken: readonly number[] = []): number {
  const cbor = new CborWriter(new Uint8Array(5 + PAIR_BYTES * columns.length));
  cbor.array(columns.length);
  for (const { channel, exponent } of columns) {
    cbor.array(2);
    cbor.integer(channel);
    cbor.integer(exponent);
  }
  let place = crc32(cbor.written) % NUMBERS;
  while (taken.includes(FIRST_FREE_NUMBER + place)) place = (place + 1) % NUMBERS;
  return FIRST_FREE_NUMBER + place;
}

/** The longest unit of the registry is shorter. */
const MAX_UNIT = 8;

/** What `encodeDescriptor` takes at most. */
export function descriptorBytes({ columns }: Profile): number {
  let bytes = PAIR_BYTES;
  for (const { name } of columns) bytes += PAIR_BYTES + 2 + name.length + 1 + MAX_UNIT + 1;
  return bytes;
}

/**
 * Writes what a reader who knows neither this terminal nor its registry needs to read a profile's frames, into
 * `target`: `[version, [[channel, exponent, name, unit, kind], …]]`. It is to be retained on
 * `gm/<device>/<point>/d/<profile>`.
 *
 * @returns the descriptor, a view of `target`.
 * @throws RangeError when it does not fit.
 */
export function encodeDescriptor({ columns }: Profile, target: Uint8Array): Uint8Array {
  const cbor = new CborWriter(target);
  cbor.array(2);
  cbor.integer(DESCRIPTOR_VERSION);
  cbor.array(columns.length);
  for (const { channel, exponent, name } of columns) {
    const quantity = quantityOf(channel);
    cbor.array(5);
    cbor.integer(channel);
    cbor.integer(exponent);
    cbor.ascii(name);
    cbor.ascii(quantity?.unit ?? "");
    cbor.integer(KINDS.indexOf(quantity?.kind ?? "gauge"));
  }
  return cbor.written;
}
