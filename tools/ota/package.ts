import { nodeCrypto } from "../../hal-mocks/node/crypto";
import {
  type Announcement,
  BLOCK_BYTES,
  ENTRY_BYTES,
  INLINE_TABLE_BYTES,
  type UpdateManifest,
} from "../../src/ota/package";
import { encodeCbor } from "./cbor";

const WITHDRAWN = 0;
const ANNOUNCED = 1;

export function sha256(bytes: Uint8Array): Uint8Array {
  const hash = nodeCrypto.sha256();
  hash.update(bytes);
  return hash.digest();
}

/** An image, cut: the last block is what is left. */
export function blocksOf(image: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < image.length; at += BLOCK_BYTES) blocks.push(image.subarray(at, at + BLOCK_BYTES));
  return blocks;
}

export function tableOf(image: Uint8Array): Uint8Array {
  return new Uint8Array(
    Buffer.concat(blocksOf(image).map((block) => sha256(block).subarray(0, ENTRY_BYTES))),
  );
}

/** What of a manifest follows from the image. */
export function measure(image: Uint8Array): Pick<UpdateManifest, "byteLength" | "digest" | "tableDigest"> {
  return { byteLength: image.length, digest: sha256(image), tableDigest: sha256(tableOf(image)) };
}

/** The message of `gmu/<class>/offer`; a table that is too long is left out. */
export function encodeAnnouncement({ offer, percent, token, table }: Announcement): Uint8Array {
  const inline = table.length <= INLINE_TABLE_BYTES ? table : new Uint8Array(0);
  return encodeCbor([ANNOUNCED, offer, percent, token, inline]);
}

export function encodeWithdrawal(): Uint8Array {
  return encodeCbor([WITHDRAWN]);
}
