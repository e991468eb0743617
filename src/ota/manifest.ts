import { CborReader } from "./cbor-reader";
import { RefusedUpdate } from "./refusal";

/** Its place is its number in a manifest. */
const KINDS = ["native", "app", "config"] as const;

/** `native`: the whole firmware; `app`: bytecode of the application; `config`: settings. */
export type UpdateKind = (typeof KINDS)[number];

/** What an app is made for. */
export interface Base {
  /** The base's version, `VERSION` in src/version.ts. */
  build: string;
  /** The engine's, `major.minor`: bytecode runs on no other. */
  engine: string;
}

/** What a signature says of an update: docs/update.md, "Manifest". */
export interface UpdateManifest {
  /** UUIDs, 16 bytes each. */
  vendor: Uint8Array;
  deviceClass: Uint8Array;
  /** Revisions of the board on which it runs, both included; 0 to 65535. */
  hardware: { low: number; high: number };
  kind: UpdateKind;
  /** 1 to 2^32−1; each kind counts for itself, and never goes back. */
  version: number;
  /** 0 to 2^32−1, of the device: what is older than a device's epoch has a known weakness. */
  epoch: number;
  /** Of the image, 1 to 2^24−1. */
  byteLength: number;
  /** SHA-256 of the image. */
  digest: Uint8Array;
  /** SHA-256 of the block table. */
  tableDigest: Uint8Array;
  /** How long a trial may take to prove itself: 60,000 to 604,800,000. */
  healthMs: number;
  /** Of an app, and of nothing else. */
  base?: Base;
  /** SHA-256 of the CycloneDX file that came with it; nodes have no use for it. */
  sbomDigest?: Uint8Array;
  /** Where the chain of stage tokens ends, 16 bytes; without it an update is for all at once. */
  stageAnchor?: Uint8Array;
}

const FORMAT = 1;
const UINT16 = 0xffff;
const UINT32 = 0xffff_ffff;
const DIGEST_BYTES = 32;
const UUID_BYTES = 16;
export const TOKEN_BYTES = 16;
const MAX_IMAGE_BYTES = 0xff_ffff;
const MIN_HEALTH_MS = 60_000;
const MAX_HEALTH_MS = 604_800_000;
const MAX_TEXT = 32;
/** The highest key, and the keys that each manifest has, 1 to 11, as bits. */
const LAST_KEY = 14;
const REQUIRED = 0xffe;

/** @throws RefusedUpdate `format`, `manifest`, or what CborReader refuses. */
export function readManifest(bytes: Uint8Array): UpdateManifest {
  const reader = new CborReader(bytes, "manifest");
  const manifest: Partial<UpdateManifest> = {};
  let last = -1;
  let seen = 0;
  for (let left = reader.map(1, LAST_KEY); left > 0; left--) {
    last = reader.key(last);
    // Of another format nothing is known, so it has to be told first.
    if (seen === 0 && last !== 1) throw new RefusedUpdate("manifest", "it has no format");
    readField(reader, last, manifest);
    seen |= 1 << last;
  }
  reader.end();
  if ((seen & REQUIRED) !== REQUIRED) throw new RefusedUpdate("manifest", "a field is missing");
  const { kind, base } = manifest;
  if ((kind === "app") !== (base !== undefined))
    throw new RefusedUpdate("manifest", "an app, and nothing else, names its base");
  return manifest as UpdateManifest;
}

function readField(reader: CborReader, key: number, manifest: Partial<UpdateManifest>): void {
  switch (key) {
    case 1:
      if (reader.unsigned(0, UINT32) !== FORMAT) throw new RefusedUpdate("format");
      break;
    case 2:
      manifest.vendor = reader.bytes(UUID_BYTES, UUID_BYTES);
      break;
    case 3:
      manifest.deviceClass = reader.bytes(UUID_BYTES, UUID_BYTES);
      break;
    case 4:
      manifest.hardware = readHardware(reader);
      break;
    case 5:
      manifest.kind = KINDS[reader.unsigned(0, KINDS.length - 1)];
      break;
    case 6:
      manifest.version = reader.unsigned(1, UINT32);
      break;
    case 7:
      manifest.epoch = reader.unsigned(0, UINT32);
      break;
    case 8:
      manifest.byteLength = reader.unsigned(1, MAX_IMAGE_BYTES);
      break;
    case 9:
      manifest.digest = reader.bytes(DIGEST_BYTES, DIGEST_BYTES);
      break;
    case 10:
      manifest.tableDigest = reader.bytes(DIGEST_BYTES, DIGEST_BYTES);
      break;
    case 11:
      manifest.healthMs = reader.unsigned(MIN_HEALTH_MS, MAX_HEALTH_MS);
      break;
    case 12:
      reader.array(2, 2);
      manifest.base = { build: reader.ascii(1, MAX_TEXT), engine: reader.ascii(1, MAX_TEXT) };
      break;
    case 13:
      manifest.sbomDigest = reader.bytes(DIGEST_BYTES, DIGEST_BYTES);
      break;
    case 14:
      manifest.stageAnchor = reader.bytes(TOKEN_BYTES, TOKEN_BYTES);
      break;
    default:
      throw new RefusedUpdate("manifest", `there is no field ${key}`);
  }
}

function readHardware(reader: CborReader): { low: number; high: number } {
  reader.array(2, 2);
  const low = reader.unsigned(0, UINT16);
  return { low, high: reader.unsigned(low, UINT16) };
}

/** The number of a kind, as a manifest has it. */
export function kindNumber(kind: UpdateKind): number {
  return KINDS.indexOf(kind);
}

/** The kind of that number. */
export function kindOf(number: number): UpdateKind {
  return KINDS[number];
}
