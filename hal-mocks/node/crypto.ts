import { createHash, createPublicKey, verify } from "node:crypto";
import type { ByteBuffer, Crypto } from "../../src/hal";

const HALF = 32;

/** What a board's native modules do, by node:crypto. */
export const nodeCrypto: Crypto = {
  sha256() {
    const hash = createHash("sha256");
    return {
      update: (bytes: ByteBuffer) => void hash.update(new Uint8Array(bytes)),
      digest: () => new Uint8Array(hash.digest()),
    };
  },

  verifyES256(key, message, signature) {
    const text = (from: number) => Buffer.from(key.subarray(from, from + HALF)).toString("base64url");
    const jwk = { kty: "EC", crv: "P-256", x: text(0), y: text(HALF) };
    const publicKey = createPublicKey({ key: jwk, format: "jwk" });
    return verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
  },
};
