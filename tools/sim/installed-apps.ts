import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Partition } from "../../hal-mocks/flash";

/** Of an archive of `npm run target`, target/engine/archive.c: magic, u64 hash of what follows, u32 bytes of it, u32 count. */
const MAGIC = "GMBYTES1";
const HASH_AT = 8;
const BYTES_AT = 16;
const HEADER_BYTES = 24;
/** FNV-1a with 64 bits. */
const HASH_START = 0xcbf29ce484222325n;
const HASH_PRIME = 0x100000001b3n;
const HASH_BITS = 64;

/** The app in the partition `xs`, as the file that an engine takes. */
export class InstalledApps {
  readonly #xs: Partition;
  readonly #folder = mkdtempSync(join(tmpdir(), "gridmote-apps-"));
  /** Changes of the partition, and what it had then. */
  #seen: { operations: number; file: string | undefined } | undefined;

  constructor(xs: Partition) {
    this.#xs = xs;
    process.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** Undefined when there is none, or only a part of one, at which an engine would end. Another app is another file. */
  get file(): string | undefined {
    const { operations } = this.#xs.power;
    if (this.#seen?.operations !== operations) this.#seen = { operations, file: this.#write() };
    return this.#seen.file;
  }

  #write(): string | undefined {
    const archive = archiveIn(Buffer.from(this.#xs.bytes));
    if (!archive) return undefined;
    const file = join(this.#folder, createHash("sha256").update(archive).digest("hex"));
    writeFileSync(file, archive);
    return file;
  }
}

function archiveIn(bytes: Buffer): Buffer | undefined {
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  const end = HEADER_BYTES + bytes.readUInt32LE(BYTES_AT);
  if (end > bytes.length || bytes.readBigUInt64LE(HASH_AT) !== hashOf(bytes.subarray(HEADER_BYTES, end)))
    return undefined;
  return bytes.subarray(0, end);
}

function hashOf(bytes: Uint8Array): bigint {
  let hash = HASH_START;
  for (const byte of bytes) hash = BigInt.asUintN(HASH_BITS, (hash ^ BigInt(byte)) * HASH_PRIME);
  return hash;
}
