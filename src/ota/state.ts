/** Where an update stands. Its place here is what flash has; new ones go to the end. */
const PHASES = [
  "idle",
  "offered",
  "receiving",
  "verified",
  "pending",
  "trial",
  "confirmed",
  "reverted",
  "refused",
] as const;

export type Phase = (typeof PHASES)[number];

/** Of the largest image, which a native slot of 1,344 KB takes. */
export const MAX_BLOCKS = 336;
const HAVE_BYTES = 48;
const DIGEST_BYTES = 32;

/** What `xs`, the partition from which an app runs, holds. */
export const Mapping = {
  /** Nobody knows, or nothing. */
  none: 0,
  /** A whole copy of a slot; the next boot lets the engine rewrite its symbols. */
  copied: 1,
  /** The engine has rewritten it, and `mappedDigest` is what came of that. */
  mapped: 2,
  /** An app that is to go. */
  unwanted: 3,
} as const;

/** No slot: of an app there is only the one that the base brings. */
export const NO_SLOT = 2;

/** What a node remembers of updates, in flash. All numbers are integers. */
export interface UpdateState {
  /** A `Phase`'s place. */
  phase: number;
  /** Why it is in that phase, as `refusalCode` numbers it. */
  reason: number;
  /** The manifest: kind as `kindNumber` has it. */
  kind: number;
  version: number;
  epoch: number;
  byteLength: number;
  healthMs: number;
  /** CRC-32 of the base that it is made for; 0 for none. */
  base: number;
  /** CRC-32 of its signed offer, so that the same one is not verified again. */
  offer: number;
  /** CRC-32 of the last announcement that was refused, so that it is counted once. */
  refusedOffer: number;
  /** 1 when the block table is in flash. */
  hasTable: number;
  /** How often it was tried. */
  trials: number;
  /** Sessions, one after the other, in which a block that was asked for has not come. */
  missed: number;
  /** The highest version that was confirmed, of each kind, and the highest security epoch. */
  floorNative: number;
  floorApp: number;
  floorConfig: number;
  floorEpoch: number;
  /** Updates refused and taken back so far, and why the last one was. */
  refused: number;
  lastRefusal: number;
  /** The app that is confirmed: its slot, or NO_SLOT. */
  appSlot: number;
  appBytes: number;
  appBase: number;
  /** What `xs` holds: a `Mapping`, and of which slot. */
  mapping: number;
  mappedSlot: number;
  mappedBytes: number;
  /** Copies to `xs`, one after the other, that did not come to run. */
  copies: number;
  /** 1 while settings are to be put back. */
  isRestoring: number;
  /** 1 from when the bootloader is told that a trial went well until that is the update's phase. */
  isConfirming: number;
  digest: Uint8Array;
  tableDigest: Uint8Array;
  appDigest: Uint8Array;
  mappedDigest: Uint8Array;
  /** A bit for each block that is in its slot. */
  have: Uint8Array;
}

/** New ones go to the end: an image on trial and the one before it must understand each other. */
const NUMBERS = [
  ...[
    "phase",
    "reason",
    "kind",
    "version",
    "epoch",
    "byteLength",
    "healthMs",
    "base",
    "offer",
    "refusedOffer",
  ],
  ...["hasTable", "trials", "missed", "floorNative", "floorApp", "floorConfig", "floorEpoch", "refused"],
  ...["lastRefusal", "appSlot", "appBytes", "appBase", "mapping", "mappedSlot", "mappedBytes", "copies"],
  ...["isRestoring", "isConfirming"],
] as readonly (keyof UpdateState)[];
const DIGESTS = ["digest", "tableDigest", "appDigest", "mappedDigest"] as const;
const WORD_BYTES = 4;
/** Of the part that all versions have. */
const FIXED_BYTES = DIGESTS.length * DIGEST_BYTES + HAVE_BYTES;

/** Of a node that has never seen an update. */
export function newUpdateState(): UpdateState {
  const state: Record<string, number | Uint8Array> = {};
  for (const name of NUMBERS) state[name] = 0;
  for (const name of DIGESTS) state[name] = new Uint8Array(DIGEST_BYTES);
  state.have = new Uint8Array(HAVE_BYTES);
  state.appSlot = NO_SLOT;
  state.mappedSlot = NO_SLOT;
  return state as unknown as UpdateState;
}

/** Digests; the bits; unsigned words, little-endian, as the machine has to be. */
export function encodeUpdateState(state: UpdateState): Uint8Array {
  const bytes = new Uint8Array(FIXED_BYTES + NUMBERS.length * WORD_BYTES);
  const words = new Uint32Array(bytes.buffer, FIXED_BYTES);
  let at = 0;
  for (const name of DIGESTS) {
    bytes.set(state[name], at);
    at += DIGEST_BYTES;
  }
  bytes.set(state.have, at);
  for (let index = 0; index < NUMBERS.length; index++) words[index] = state[NUMBERS[index]] as number;
  return bytes;
}

/**
 * What `encodeUpdateState` has made, of this version or another one: what that did not know is as it is at first.
 * Whoever stored the bytes has checked them. Undefined when they are too short for any.
 */
export function decodeUpdateState(bytes: Uint8Array): UpdateState | undefined {
  if (bytes.length < FIXED_BYTES) return undefined;
  const state = newUpdateState();
  let at = 0;
  for (const name of DIGESTS) {
    state[name] = bytes.slice(at, at + DIGEST_BYTES);
    at += DIGEST_BYTES;
  }
  state.have = bytes.slice(at, at + HAVE_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset + FIXED_BYTES);
  const count = Math.min(NUMBERS.length, Math.floor((bytes.length - FIXED_BYTES) / WORD_BYTES));
  const numbers = state as unknown as Record<string, number>;
  for (let index = 0; index < count; index++)
    numbers[NUMBERS[index]] = view.getUint32(index * WORD_BYTES, true);
  return state;
}

export function phaseOf(state: UpdateState): Phase {
  return PHASES[state.phase] ?? "idle";
}

/** @param reason as `refusalCode` numbers it; 0 for none. */
export function enter(state: UpdateState, phase: Phase, reason = 0): void {
  state.phase = PHASES.indexOf(phase);
  state.reason = reason;
}

export function hasBlock({ have }: UpdateState, index: number): boolean {
  return (have[index >> 3] & (1 << (index & 7))) !== 0;
}

export function addBlock({ have }: UpdateState, index: number): void {
  have[index >> 3] |= 1 << (index & 7);
}

export function countBlocks({ have }: UpdateState): number {
  let count = 0;
  for (const byte of have) for (let bits = byte; bits; bits &= bits - 1) count++;
  return count;
}
