import { BLOCK_BYTES, type Partition } from "../../hal-mocks/flash";

export const BLOCK = BLOCK_BYTES;
const NATIVE_MAGIC = 0xe9;
/** Where an app has its tag, as a native image, and whether the engine has rewritten it. */
const TAG_AT = 4;
const MARK_AT = 5;
const RAW = 0;
const MAPPED = 1;
/** In each block of an app something is rewritten. */
const SYMBOL_AT = 100;
const APP_BYTES = 2 * BLOCK + 900;
const NATIVE_BYTES = 3 * BLOCK + 333;

const made = new Map<string, Uint8Array>();

/** The same each time, so it is made once. */
function once(what: string, tag: number, make: () => Uint8Array): Uint8Array {
  const key = `${what} ${tag}`;
  const bytes = made.get(key) ?? make();
  made.set(key, bytes);
  return bytes;
}

function filled(byteLength: number, tag: number): Uint8Array {
  const bytes = Uint8Array.from(
    { length: byteLength },
    (_, index) => (index * (tag + 3) + (index >> 7)) & 0xff,
  );
  bytes[TAG_AT] = tag;
  return bytes;
}

/** A native image that says which one it is. */
export function nativeImage(tag: number): Uint8Array {
  return once("native", tag, () => {
    const bytes = filled(NATIVE_BYTES, tag);
    bytes[0] = NATIVE_MAGIC;
    return bytes;
  });
}

/** An app as it comes: length, big-endian; tag; whether it is rewritten; code. */
export function appImage(tag: number): Uint8Array {
  return once("app", tag, () => {
    const bytes = filled(APP_BYTES, tag);
    new DataView(bytes.buffer).setUint32(0, APP_BYTES);
    bytes[MARK_AT] = RAW;
    return bytes;
  });
}

export function tagOf(bytes: Uint8Array): number {
  return bytes[TAG_AT];
}

function isArchive(bytes: Uint8Array): boolean {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === APP_BYTES;
}

/** What the engine makes of an app. */
export function mappedOf(tag: number): Uint8Array {
  return once("mapped", tag, () => {
    const bytes = appImage(tag).slice();
    bytes[MARK_AT] = MAPPED;
    for (let at = SYMBOL_AT; at < bytes.length; at += BLOCK) bytes[at] ^= 0x55;
    return bytes;
  });
}

export function isMapped(bytes: Uint8Array): boolean {
  return isArchive(bytes) && bytes[MARK_AT] === MAPPED;
}

/**
 * The engine finds an app: it rewrites the symbols in it, sector after sector, and so has marked it as done (IDEN, in the
 * first one) before the rest is: the order of the SDK's fxMapArchive (8.2).
 */
export function mapArchive(xs: Partition): void {
  if (!isArchive(xs.bytes) || xs.bytes[MARK_AT] === MAPPED) return;
  const sectors = Math.ceil(APP_BYTES / BLOCK);
  for (let index = 0; index < sectors; index++) {
    const sector = xs.bytes.slice(index * BLOCK, (index + 1) * BLOCK);
    if (!index) sector[MARK_AT] = MAPPED;
    sector[SYMBOL_AT] ^= 0x55;
    xs.erase(index, index + 1);
    xs.write(sector, index * BLOCK);
  }
}
