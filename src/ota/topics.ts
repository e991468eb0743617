import type { UpdateManifest } from "./manifest";

const NAME_BYTES = 8;
const DIGITS = "0123456789abcdef";

/** Lower case. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += `${DIGITS[byte >> 4]}${DIGITS[byte & 15]}`;
  return text;
}

/** What topics and state messages call an image: the first 16 hexadecimal digits of its SHA-256. */
export function imageName({ digest }: Pick<UpdateManifest, "digest">): string {
  return hexOf(digest.subarray(0, NAME_BYTES));
}

/** Where the announcement for a class of devices stands. */
export function offerTopic(deviceClass: Uint8Array): string {
  return `gmu/${hexOf(deviceClass)}/offer`;
}

export function blockTopic(image: string, index: number): string {
  return `gmu/${image}/${index}`;
}

/** A table that is too long for the announcement comes in parts of a block's length. */
export function tableTopic(image: string, part: number): string {
  return `gmu/${image}/t${part}`;
}
