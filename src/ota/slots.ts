import type { Crypto, Flash, FlashStorage } from "../hal";
import { equalBytes } from "./cose";
import { JOURNAL_BLOCKS } from "./journal";
import { kindOf } from "./manifest";
import { BLOCK_BYTES, ENTRY_BYTES, type UpdateKind } from "./package";
import { MAX_BLOCKS, NO_SLOT, type UpdateState } from "./state";

/** What is transferred is erased at once: all flash that the SDK knows has such blocks. */
export const SECTOR_BYTES = BLOCK_BYTES;

// ---- The partitions, as partitions.csv and the SDK name them ----

/** Of 8 blocks at least. */
export const UPDATE = "update";
/** Where things are in it, behind the journal, in blocks. */
export const TABLE_BLOCK = JOURNAL_BLOCKS;
const TABLE_BLOCKS = Math.ceil((MAX_BLOCKS * ENTRY_BYTES) / BLOCK_BYTES);
/** New settings, and those that they replace. */
export const SETTINGS_BLOCK = TABLE_BLOCK + TABLE_BLOCKS;
export const OLD_SETTINGS_BLOCK = SETTINGS_BLOCK + 1;
export const UPDATE_BLOCKS = OLD_SETTINGS_BLOCK + 1;
export const RUNNING = "running";
export const NEXT = "nextota";
export const MAPPED = "xs";
const APP_SLOTS = ["mod_0", "mod_1"];
/** Writes are aligned so with flash encryption. */
const ALIGN = 16;
/** What is hashed at once. */
const CHUNK_BYTES = 1024;

/** The partition of an app's slot, 0 or 1. */
export function appPartition(slot: number): string {
  return APP_SLOTS[slot];
}

/** The slot for the next app, when this one has the app that is confirmed. */
export function otherSlot(slot: number): number {
  return slot === NO_SLOT ? 0 : 1 - slot;
}

/** Where the image of an update goes, `offset` in bytes. */
export function slotOf(kind: UpdateKind, appSlot: number): { path: string; offset: number } {
  if (kind === "native") return { path: NEXT, offset: 0 };
  if (kind === "app") return { path: appPartition(otherSlot(appSlot)), offset: 0 };
  return { path: UPDATE, offset: SETTINGS_BLOCK * SECTOR_BYTES };
}

/** Whether the slot of what is under way has the whole image. */
export function hasImage(state: UpdateState, storage: FlashStorage, crypto: Crypto): boolean {
  const { kind, appSlot, byteLength, digest } = state;
  return holds(storage, { ...slotOf(kindOf(kind), appSlot), byteLength, digest }, crypto);
}

/** Uses a partition, and closes it. @throws Error when there is none of that name. */
export function withFlash<T>(storage: FlashStorage, path: string, use: (flash: Flash) => T): T {
  const flash = storage.open({ path, mode: "r+" });
  try {
    return use(flash);
  } finally {
    flash.close();
  }
}

/**
 * Writes a block of flash that is erased first, and reads it again. What is behind the bytes stays erased.
 * @returns false when it has something else then: the sector is worn.
 * @throws Error when the flash refuses.
 */
export function writeBlock(flash: Flash, index: number, bytes: Uint8Array): boolean {
  const padded = new Uint8Array(Math.ceil(bytes.length / ALIGN) * ALIGN).fill(0xff);
  padded.set(bytes);
  flash.eraseBlock(index);
  flash.write(padded, index * SECTOR_BYTES);
  return equalBytes(new Uint8Array(flash.read(padded.length, index * SECTOR_BYTES)), padded);
}

/** The SHA-256 of what stands in a partition from an offset on. */
export function digestOf(flash: Flash, byteLength: number, crypto: Crypto, offset = 0): Uint8Array {
  const hash = crypto.sha256();
  // One buffer for all of it: an image has a thousand times as much.
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, byteLength));
  for (let at = 0; at < byteLength; at += CHUNK_BYTES) {
    const part = chunk.subarray(0, Math.min(CHUNK_BYTES, byteLength - at));
    flash.read(part, offset + at);
    hash.update(part);
  }
  return hash.digest();
}

/** Whether an image stands in a partition. In one that cannot be read it does not. */
export function holds(
  storage: FlashStorage,
  {
    path,
    offset,
    byteLength,
    digest,
  }: { path: string; offset?: number; byteLength: number; digest: Uint8Array },
  crypto: Crypto,
): boolean {
  try {
    return withFlash(storage, path, (flash) =>
      equalBytes(digestOf(flash, byteLength, crypto, offset), digest),
    );
  } catch {
    return false;
  }
}

/** Copies what a partition begins with, block by block. @returns false when the copy is worn. */
export function copyImage(storage: FlashStorage, from: string, to: string, byteLength: number): boolean {
  return withFlash(storage, from, (source) =>
    withFlash(storage, to, (target) => {
      // The first block goes first and comes last: in between there is no beginning of an image.
      target.eraseBlock(0);
      for (let index = Math.ceil(byteLength / SECTOR_BYTES) - 1; index >= 0; index--) {
        const at = index * SECTOR_BYTES;
        const bytes = new Uint8Array(source.read(Math.min(SECTOR_BYTES, byteLength - at), at));
        if (!writeBlock(target, index, bytes)) return false;
      }
      return true;
    }),
  );
}
