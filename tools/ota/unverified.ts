import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { readOffer, type UpdateManifest } from "../../src/ota/package";
import { decodeSign1 } from "./sign1";

/**
 * What an offer says, whoever signed it: it is read as if each key and each signature were good.
 * @throws RefusedUpdate for what no node could read.
 */
export function unverified(offer: Uint8Array): { manifest: UpdateManifest; kid: Uint8Array | undefined } {
  const kid = decodeSign1(offer)?.kid;
  const keys = kid ? [{ kid, key: new Uint8Array(64) }] : [];
  return { manifest: readOffer(offer, keys, { ...nodeCrypto, verifyES256: () => true }), kid };
}
