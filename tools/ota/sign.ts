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

/** A COSE_Sign1 (RFC 9052 §4.2) with ES256, the only form that nodes read. */
export function signPayload(payload: Uint8Array, key: KeyObject): Uint8Array {
  const kid = keyId(publicBytes(key), nodeCrypto);
  const header = encodeCbor(
    new Map<number, unknown>([
      [ALGORITHM, ES256],
      [KEY_ID, kid],
    ]),
  );
  const signed = encodeCbor(["Signature1", header, new Uint8Array(0), payload]);
  const signature = sign("sha256", signed, { key, dsaEncoding: "ieee-p1363" });
  return encodeCbor(tagged(COSE_SIGN1, [header, new Map(), payload, new Uint8Array(signature)]));
}
