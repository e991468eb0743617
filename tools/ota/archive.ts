import { Failure } from "../cli/command";

/** An atom of the SDK's archives: its length with this head, then four letters. */
const ATOM_BYTES = 8;
const VERSION_BYTES = 4;
/** What `npm run target` makes for XS on this machine (target/engine/archive.c), and the engine's version there. */
const HOST_MAGIC = "GMBYTES1";
export const HOST_ENGINE = "13.3";

/**
 * The version of XS, `major.minor`, on which an app's bytecode runs.
 * @throws Failure when it is no archive: neither one of the SDK (`mcrun -m`), nor one of `npm run target`.
 */
export function engineOf(image: Uint8Array, path: string): string {
  const bytes = Buffer.from(image);
  if (bytes.toString("latin1", 0, HOST_MAGIC.length) === HOST_MAGIC) return HOST_ENGINE;
  if (atomName(bytes, 0) !== "XS_A") throw new Failure(`"${path}" is no archive of bytecode (XS_A)`);
  if (bytes.readUInt32BE(0) !== bytes.length)
    throw new Failure(
      `"${path}" has ${bytes.length} bytes, and says ${bytes.readUInt32BE(0)}: it is cut or padded`,
    );
  const isVersion = atomName(bytes, ATOM_BYTES) === "VERS";
  if (!isVersion || bytes.readUInt32BE(ATOM_BYTES) < ATOM_BYTES + VERSION_BYTES)
    throw new Failure(`"${path}" does not say which version of XS it is for`);
  const at = 2 * ATOM_BYTES;
  if (bytes.length < at + VERSION_BYTES) throw new Failure(`"${path}" ends too early`);
  return `${bytes[at]}.${bytes[at + 1]}`;
}

function atomName(bytes: Buffer, at: number): string {
  return bytes.length < at + ATOM_BYTES ? "" : bytes.toString("latin1", at + 4, at + ATOM_BYTES);
}
