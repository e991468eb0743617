/**
 * What a node verifies of an update, in this order: the announcement that the broker keeps, the signed offer in it,
 * whether it is meant for this node and its turn, the block table, and each block. docs/update.md is the format.
 */
import type { Crypto } from "../hal";
import { CborReader } from "./cbor-reader";
import { equalBytes, type TrustedKey, verifySign1 } from "./cose";
import { readManifest, TOKEN_BYTES, type UpdateKind, type UpdateManifest } from "./manifest";
import { RefusedUpdate } from "./refusal";

export { KEY_ID_BYTES, type TrustedKey } from "./cose";
export type { Base, UpdateKind, UpdateManifest } from "./manifest";
export { type Refusal, RefusedUpdate, refusalCode, refusalOf } from "./refusal";

/** What is transferred, verified and written at once; of the last block the rest. */
export const BLOCK_BYTES = 4096;
/** Of each block, in the table: the first 16 bytes of its SHA-256. */
export const ENTRY_BYTES = 16;
/** A longer table does not fit in the announcement, and is fetched in parts of a block's length. */
export const INLINE_TABLE_BYTES = 1024;
/** Of the signed offer. */
export const MAX_OFFER_BYTES = 1024;

const WITHDRAWN = 0;
const ANNOUNCED = 1;

/** What stands, retained, on `gmu/<class>/offer`. Only `offer` is signed. */
export interface Announcement {
  /** A COSE_Sign1, for `readOffer`. */
  offer: Uint8Array;
  /** How many of a hundred nodes are to take it, as far as `token` proves it. */
  percent: number;
  /** Empty where the manifest has no stages. */
  token: Uint8Array;
  /** Empty when it is too long to be here. */
  table: Uint8Array;
}

/** What a node is, and what it will not go behind. */
export interface Identity {
  vendor: Uint8Array;
  deviceClass: Uint8Array;
  /** The board's revision. */
  hardware: number;
  /** The highest version that was confirmed, of each kind; 0 for none. */
  floors: Readonly<Record<UpdateKind, number>>;
  /** The highest security epoch that was confirmed. */
  epoch: number;
  build: string;
  engine: string;
}

/**
 * An announcement; undefined when the update was withdrawn. Its parts are views of `message`.
 * @throws RefusedUpdate `format`, `manifest`, or what CborReader refuses.
 */
export function readAnnouncement(message: Uint8Array): Announcement | undefined {
  const reader = new CborReader(message, "manifest");
  const count = reader.array(1, 5);
  const form = reader.unsigned(0, 0xffff_ffff);
  if (form > ANNOUNCED) throw new RefusedUpdate("format", `an announcement of form ${form}`);
  if (count !== (form === WITHDRAWN ? 1 : 5)) throw new RefusedUpdate("manifest", `${count} items`);
  if (form === WITHDRAWN) {
    reader.end();
    return undefined;
  }
  const announcement = {
    offer: reader.bytes(1, MAX_OFFER_BYTES),
    percent: reader.unsigned(0, 100),
    token: reader.bytes(0, TOKEN_BYTES),
    table: reader.bytes(0, INLINE_TABLE_BYTES),
  };
  reader.end();
  return announcement;
}

/**
 * The manifest of a signed offer, a COSE_Sign1 (tag 18, ES256). Its byte strings are views of `bytes`.
 * @throws RefusedUpdate with the reason.
 */
export function readOffer(bytes: Uint8Array, keys: readonly TrustedKey[], crypto: Crypto): UpdateManifest {
  if (bytes.length > MAX_OFFER_BYTES) throw new RefusedUpdate("oversize");
  return readManifest(verifySign1(bytes, keys, crypto));
}

/** @throws RefusedUpdate `class`, `hardware`, `epoch`, `version` or `base` when it is not for this node. */
export function checkOffer(manifest: UpdateManifest, identity: Identity): void {
  const { vendor, deviceClass, hardware, kind, version, epoch, base } = manifest;
  if (!equalBytes(vendor, identity.vendor) || !equalBytes(deviceClass, identity.deviceClass))
    throw new RefusedUpdate("class");
  if (identity.hardware < hardware.low || identity.hardware > hardware.high)
    throw new RefusedUpdate("hardware");
  if (epoch < identity.epoch) throw new RefusedUpdate("epoch");
  if (version <= identity.floors[kind]) throw new RefusedUpdate("version");
  if (base && (base.build !== identity.build || base.engine !== identity.engine))
    throw new RefusedUpdate("base");
}

/**
 * Whether this device's turn has come.
 * @param device its id, as in its topics.
 * @throws RefusedUpdate `stage` when the token does not prove the percentage.
 */
export function isInStage(
  manifest: UpdateManifest,
  { percent, token }: Pick<Announcement, "percent" | "token">,
  device: string,
  crypto: Crypto,
): boolean {
  const { stageAnchor } = manifest;
  if (!stageAnchor) {
    if (percent !== 100 || token.length) throw new RefusedUpdate("stage", "it has no stages");
    return true;
  }
  let end = token;
  for (let step = 0; step < percent; step++) end = nextToken(end, crypto);
  if (!equalBytes(end, stageAnchor))
    throw new RefusedUpdate("stage", "the token does not prove the percentage");
  return placeOf(manifest, device, crypto) < percent;
}

/** The token that is implied by this one: of a percentage lower by one. */
export function nextToken(token: Uint8Array, crypto: Crypto): Uint8Array {
  const sha256 = crypto.sha256();
  sha256.update(token);
  return sha256.digest().slice(0, TOKEN_BYTES);
}

/** A device's place among a hundred, 0 to 99: another one for each image, so that not always the same ones are first. */
export function placeOf({ digest }: UpdateManifest, device: string, crypto: Crypto): number {
  const sha256 = crypto.sha256();
  sha256.update(digest);
  const id = new Uint8Array(device.length);
  for (let index = 0; index < id.length; index++) id[index] = device.charCodeAt(index);
  sha256.update(id);
  const hash = sha256.digest();
  return (hash[0] * 0x1_00_00_00 + hash[1] * 0x1_00_00 + hash[2] * 0x1_00 + hash[3]) % 100;
}

export function blockCount({ byteLength }: Pick<UpdateManifest, "byteLength">): number {
  return Math.ceil(byteLength / BLOCK_BYTES);
}

/** Of block `index`, which is there. */
export function blockLength({ byteLength }: Pick<UpdateManifest, "byteLength">, index: number): number {
  return Math.min(BLOCK_BYTES, byteLength - index * BLOCK_BYTES);
}

/** @throws RefusedUpdate `truncated` or `table`. */
export function checkTable(
  manifest: Pick<UpdateManifest, "byteLength" | "tableDigest">,
  table: Uint8Array,
  crypto: Crypto,
): void {
  const expected = blockCount(manifest) * ENTRY_BYTES;
  if (table.length < expected) throw new RefusedUpdate("truncated", "the table has too few entries");
  const sha256 = crypto.sha256();
  sha256.update(table);
  if (table.length > expected || !equalBytes(sha256.digest(), manifest.tableDigest))
    throw new RefusedUpdate("table");
}

/**
 * @param table one that `checkTable` has found good.
 * @throws RefusedUpdate `truncated` when the block is too short, `block` when it is another one.
 */
export function checkBlock(
  manifest: Pick<UpdateManifest, "byteLength">,
  table: Uint8Array,
  index: number,
  block: Uint8Array,
  crypto: Crypto,
): void {
  if (!(index >= 0 && index < blockCount(manifest)))
    throw new RefusedUpdate("block", `there is no block ${index}`);
  const expected = blockLength(manifest, index);
  if (block.length < expected) throw new RefusedUpdate("truncated", `block ${index} is too short`);
  const sha256 = crypto.sha256();
  sha256.update(block);
  const at = index * ENTRY_BYTES;
  const digest = sha256.digest().subarray(0, ENTRY_BYTES);
  if (block.length > expected || !equalBytes(digest, table.subarray(at, at + ENTRY_BYTES)))
    throw new RefusedUpdate("block", `block ${index} is not the one in the table`);
}
