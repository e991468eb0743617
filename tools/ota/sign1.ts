import { createPublicKey, type JsonWebKey } from "node:crypto";
import { Decoder, Tag } from "cbor-x";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { isInRange } from "../../src/ota/cose";
import { encodeCbor } from "./cbor";
import { publicBytes } from "./sign";

const COSE_SIGN1 = 18;
const ALGORITHM = 1;
const KEY_ID = 4;
const ES256 = -7;

const decoder = new Decoder({ mapsAsObjects: false, useRecords: false });

/** A COSE_Sign1 of anybody: tagged or not, its parameters in either header. */
export interface Sign1 {
  /** What is signed of the protected one. */
  header: Uint8Array;
  payload: Uint8Array;
  signature: Uint8Array;
  algorithm: unknown;
  kid: Uint8Array | undefined;
}

/** Undefined when it is none. */
export function decodeSign1(bytes: Uint8Array): Sign1 | undefined {
  try {
    return sign1Of(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

function sign1Of(item: unknown): Sign1 | undefined {
  const value = item instanceof Tag && item.tag === COSE_SIGN1 ? item.value : item;
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [header, unprotected, payload, signature] = value as unknown[];
  if (!isBytes(header) || !(unprotected instanceof Map) || !isBytes(payload) || !isBytes(signature))
    return undefined;
  const fields = header.length ? (decoder.decode(header) as unknown) : new Map();
  if (!(fields instanceof Map)) return undefined;
  const parameter = (name: number) => fields.get(name) ?? unprotected.get(name);
  const kid = parameter(KEY_ID);
  return {
    // Signed is nothing where the header has nothing, also when that is written as an empty map (RFC 9052 §4.4).
    header: fields.size ? header : new Uint8Array(0),
    payload,
    signature,
    algorithm: parameter(ALGORITHM),
    kid: isBytes(kid) ? new Uint8Array(kid) : undefined,
  };
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** `unsupported` names an algorithm that is not ES256. */
export type Verdict =
  | { is: "valid" }
  | { is: "invalid"; why: string }
  | { is: "unsupported"; algorithm: string };

/**
 * Verifies a COSE_Sign1 of any form, for comparing with others: a node reads none but its own.
 * @param external what is signed besides (RFC 9052 §4.3).
 */
export function verifyAnySign1(bytes: Uint8Array, key: JsonWebKey, external: Uint8Array): Verdict {
  const sign1 = decodeSign1(bytes);
  if (!sign1) return { is: "invalid", why: "no COSE_Sign1" };
  const { header, payload, signature, algorithm } = sign1;
  if (algorithm !== ES256) return { is: "unsupported", algorithm: String(algorithm) };
  if (!isInRange(signature)) return { is: "invalid", why: "r or s is not from 1 to n−1" };
  const signed = encodeCbor(["Signature1", header, external, payload]);
  const publicKey = publicBytes(createPublicKey({ key, format: "jwk" }));
  return nodeCrypto.verifyES256(publicKey, signed, signature)
    ? { is: "valid" }
    : { is: "invalid", why: "the signature" };
}
