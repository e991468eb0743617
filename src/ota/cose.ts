/**
 * COSE_Sign1 (RFC 9052 §4.2) with ES256 (RFC 9053 §2.1), in the one form that updates have: tag 18; a protected header
 * of algorithm and key id and nothing else; an empty unprotected one, since nobody signs what stands there.
 */
import type { Crypto } from "../hal";
import { CborReader } from "./cbor-reader";
import { RefusedUpdate } from "./refusal";

const COSE_SIGN1 = 18;
/** Common header parameters, RFC 9052 §3.1. */
const ALGORITHM = 1;
const KEY_ID = 4;
const ES256 = -7;

export const KEY_ID_BYTES = 8;
const SIGNATURE_BYTES = 64;
const HALF = SIGNATURE_BYTES / 2;
const MAX_PAYLOAD_BYTES = 512;
/** Array of 4, "Signature1": what stands before the protected header in what is signed (RFC 9052 §4.4). */
const SIGNATURE1 = [0x84, 0x6a, 0x53, 0x69, 0x67, 0x6e, 0x61, 0x74, 0x75, 0x72, 0x65, 0x31];
const BYTES = 0x40;
/** The order n of P-256's base point (SEC 2, §2.4.2). */
const ORDER = [
  0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
  0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/** A public key that a node believes. */
export interface TrustedKey {
  /** The first 8 bytes of the key's thumbprint (RFC 9679): `keyId` in keys.ts. */
  readonly kid: Uint8Array;
  /** x‖y, 64 bytes. */
  readonly key: Uint8Array;
}

/**
 * The payload, once its signature has been verified; a view of `bytes`.
 * @throws RefusedUpdate `unsigned`, `header`, `algorithm`, `key`, `signature`, or what CborReader refuses.
 */
export function verifySign1(bytes: Uint8Array, keys: readonly TrustedKey[], crypto: Crypto): Uint8Array {
  const reader = new CborReader(bytes, "unsigned");
  reader.tag(COSE_SIGN1);
  reader.array(4, 4);
  const header = reader.bytes(0, 64);
  if (reader.map(0, 16) !== 0) throw new RefusedUpdate("header", "the unprotected header is not empty");
  const payload = reader.bytes(1, MAX_PAYLOAD_BYTES);
  const signature = reader.bytes(1, 1024);
  reader.end();
  const { key } = findKey(readHeader(header), keys);
  if (!isInRange(signature)) throw new RefusedUpdate("signature", "r or s is not from 1 to n−1");
  if (!crypto.verifyES256(key, signedBytes(header, payload), signature)) throw new RefusedUpdate("signature");
  return payload;
}

/** The key id. */
function readHeader(bytes: Uint8Array): Uint8Array {
  if (!bytes.length) throw new RefusedUpdate("algorithm", "the protected header is empty");
  const reader = new CborReader(bytes, "header");
  const count = reader.map(0, 16);
  if (count === 0 || reader.key(-1) !== ALGORITHM)
    throw new RefusedUpdate("algorithm", "no protected algorithm");
  const algorithm = reader.integer();
  if (algorithm !== ES256) throw new RefusedUpdate("algorithm", `${algorithm} is not ES256 (${ES256})`);
  if (count === 1 || reader.key(ALGORITHM) !== KEY_ID)
    throw new RefusedUpdate("header", "no protected key id");
  const kid = reader.bytes(0, 64);
  if (count > 2) throw new RefusedUpdate("header", "more than algorithm and key id");
  reader.end();
  return kid;
}

function findKey(kid: Uint8Array, keys: readonly TrustedKey[]): TrustedKey {
  for (const key of keys) if (equalBytes(key.kid, kid)) return key;
  throw new RefusedUpdate("key");
}

/** 1 ≤ r < n and 1 ≤ s < n: an implementation may loop for ever, or say yes, beyond (CVE-2022-21449). */
export function isInRange(signature: Uint8Array): boolean {
  return signature.length === SIGNATURE_BYTES && isScalar(signature, 0) && isScalar(signature, HALF);
}

function isScalar(bytes: Uint8Array, from: number): boolean {
  let isBelow = false;
  let isZero = true;
  for (let index = 0; index < HALF; index++) {
    const byte = bytes[from + index];
    if (byte !== 0) isZero = false;
    if (!isBelow) {
      if (byte > ORDER[index]) return false;
      isBelow = byte < ORDER[index];
    }
  }
  return isBelow && !isZero;
}

/** The Sig_structure (RFC 9052 §4.4), with no external data. */
function signedBytes(header: Uint8Array, payload: Uint8Array): Uint8Array {
  const parts = [
    Uint8Array.from(SIGNATURE1),
    byteStringHead(header.length),
    header,
    byteStringHead(0),
    byteStringHead(payload.length),
    payload,
  ];
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function byteStringHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(BYTES | length);
  if (length < 0x100) return Uint8Array.of(BYTES | 24, length);
  return Uint8Array.of(BYTES | 25, length >> 8, length & 0xff);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
