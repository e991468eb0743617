import type { Crypto } from "../hal";
import { KEY_ID_BYTES, type TrustedKey } from "./cose";

const KEY_BYTES = 64;
const HALF = KEY_BYTES / 2;
const DIGITS = "0123456789abcdef";
/**
 * How the id of a development key begins. `gridmote ota keygen` draws keys until the id says what it is to say: a mark
 * that no conversion of the file can lose.
 */
export const DEVELOPMENT = 0xde;
/** A COSE_Key {1: 2 (EC2), -1: 1 (P-256), -2: x, -3: y} up to x, and from x to y, in deterministic encoding. */
const BEFORE_X = [0xa4, 0x01, 0x02, 0x20, 0x01, 0x21, 0x58, 0x20];
const BEFORE_Y = [0x22, 0x58, 0x20];

/** The first 8 bytes of the SHA-256 of the COSE_Key (RFC 9679). `key` is x‖y. */
export function keyId(key: Uint8Array, crypto: Crypto): Uint8Array {
  const sha256 = crypto.sha256();
  sha256.update(Uint8Array.from(BEFORE_X));
  sha256.update(key.slice(0, HALF));
  sha256.update(Uint8Array.from(BEFORE_Y));
  sha256.update(key.slice(HALF));
  return sha256.digest().slice(0, KEY_ID_BYTES);
}

export function isDevelopmentKey({ kid }: Pick<TrustedKey, "kid">): boolean {
  return kid[0] === DEVELOPMENT;
}

/**
 * The keys of a setting: x‖y of each as 128 hexadecimal digits, with spaces between. What is no key, and in a `release`
 * each key that is for development, is left out and gives a line in `problems`.
 */
export function readKeys(
  setting: string,
  configuration: "development" | "release",
  crypto: Crypto,
): { keys: TrustedKey[]; problems: string[] } {
  const keys: TrustedKey[] = [];
  const problems: string[] = [];
  for (const text of setting.split(" ")) {
    if (text === "") continue;
    const key = fromHex(text);
    if (key?.length !== KEY_BYTES) {
      problems.push("an update key is not of 128 hexadecimal digits: it is not used");
      continue;
    }
    const trusted = { key, kid: keyId(key, crypto) };
    if (configuration === "release" && isDevelopmentKey(trusted))
      problems.push("an update key is for development: a release does not use it");
    else keys.push(trusted);
  }
  return { keys, problems };
}

/** Undefined for what is no lower-case hexadecimal text of whole bytes. */
function fromHex(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length >> 1);
  if (text.length & 1) return undefined;
  for (let index = 0; index < bytes.length; index++) {
    const high = DIGITS.indexOf(text[2 * index]);
    const low = DIGITS.indexOf(text[2 * index + 1]);
    if (high < 0 || low < 0) return undefined;
    bytes[index] = high * 16 + low;
  }
  return bytes;
}
