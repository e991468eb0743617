import { createHmac } from "node:crypto";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { TOKEN_BYTES } from "../../src/ota/manifest";
import { nextToken } from "../../src/ota/package";

const ALL = 100;

/**
 * The token that proves `percent`. Who knows it can make those of lower percentages, and of no higher one; the one of 0
 * is the anchor in the manifest. Each image has a chain of its own, which the secret gives again and again.
 */
export function stageToken(secret: Uint8Array, digest: Uint8Array, percent: number): Uint8Array {
  let token = new Uint8Array(createHmac("sha256", secret).update(digest).digest().subarray(0, TOKEN_BYTES));
  for (let step = percent; step < ALL; step++) token = new Uint8Array(nextToken(token, nodeCrypto));
  return token;
}
