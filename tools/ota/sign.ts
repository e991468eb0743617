import { type KeyObject, sign } from "node:crypto";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { keyId } from "../../src/ota/keys";
import { encodeCbor, tagged } from "./cbor";

const COSE_SIGN1 = 18;
const ALGORITHM = 1;
const KEY_ID = 4;
const ES256 = -7;

/** x‖y of a P-256 key, private or public. */
export function publicBytes(key: KeyObject): Uint8Array {
  const { x, y } = key.export({ format: "jwk" });
  return new Uint8Array(Buffer.concat([Buffer.from(x!, "base64url"), Buffer.from(y!, "base64url")]));
}

/** r‖s of a COSE_Sign1 (RFC 9052 §4.4). */
export function signBytes(header: Uint8Array, payload: Uint8Array, key: KeyObject): Uint8Array {
  const signed = encodeCbor(["Signature1", header, new Uint8Array(0), payload]);
  return new Uint8Array(sign("sha256", signed, { key, dsaEncoding: "ieee-p1363" }));
}

/**
 * A COSE_Sign1 (RFC 9052 §4.2) with ES256, in the only form that nodes read.
 * @param kid what it says of the key.
 */
export function signPayload(
  payload: Uint8Array,
  key: KeyObject,
  kid = keyId(publicBytes(key), nodeCrypto),
): Uint8Array {
  const header = encodeCbor(
    new Map<number, unknown>([
      [ALGORITHM, ES256],
      [KEY_ID, kid],
    ]),
  );
  return encodeCbor(tagged(COSE_SIGN1, [header, new Map(), payload, signBytes(header, payload, key)]));
}
