import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { CborReader } from "../../src/ota/cbor-reader";
import {
  BLOCK_BYTES,
  blockCount,
  checkBlock,
  checkTable,
  ENTRY_BYTES,
  MAX_OFFER_BYTES,
  RefusedUpdate,
  readOffer,
  type TrustedKey,
  type UpdateManifest,
} from "../../src/ota/package";
import { encodeCbor } from "./cbor";
import { blocksOf, sha256, tableOf } from "./package";

/** Of 2^24 bytes. */
const MAX_BLOCKS = 4096;

/** A package, as it lies in a file: a sequence of CBOR byte strings (RFC 8742): offer, table, and each block. */
export interface Package {
  /** A COSE_Sign1. */
  offer: Uint8Array;
  table: Uint8Array;
  blocks: readonly Uint8Array[];
}

export function encodePackage({ offer, table, blocks }: Package): Uint8Array {
  return new Uint8Array(Buffer.concat([offer, table, ...blocks].map(encodeCbor)));
}

export function packageOf(offer: Uint8Array, image: Uint8Array): Package {
  return { offer, table: tableOf(image), blocks: blocksOf(image) };
}

/** @throws RefusedUpdate when it is none. Nothing in it is verified. */
export function readPackage(bytes: Uint8Array): Package {
  const reader = new CborReader(bytes, "unsigned");
  const offer = reader.bytes(1, MAX_OFFER_BYTES);
  const table = reader.bytes(ENTRY_BYTES, MAX_BLOCKS * ENTRY_BYTES);
  const count = Math.floor(table.length / ENTRY_BYTES);
  const blocks = Array.from({ length: count }, () => reader.bytes(1, BLOCK_BYTES));
  reader.end();
  return { offer, table, blocks };
}

/**
 * All that a node verifies but what is its own business: class, hardware, versions, base.
 * @param onBlock called after each block.
 * @throws RefusedUpdate as a node refuses.
 */
export function verifyPackage(
  { offer, table, blocks }: Package,
  keys: readonly TrustedKey[],
  onBlock: (done: number, of: number) => void = () => {},
): UpdateManifest {
  const manifest = readOffer(offer, keys, nodeCrypto);
  checkTable(manifest, table, nodeCrypto);
  const count = blockCount(manifest);
  for (const [index, block] of blocks.entries()) {
    checkBlock(manifest, table, index, block, nodeCrypto);
    onBlock(index + 1, count);
  }
  if (!Buffer.from(sha256(Buffer.concat(blocks))).equals(manifest.digest)) throw new RefusedUpdate("digest");
  return manifest;
}
