import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { nodeCrypto } from "../../hal-mocks/node/crypto";
import { isDevelopmentKey, keyId } from "../../src/ota/keys";
import type { TrustedKey } from "../../src/ota/package";
import { Failure, UsageError } from "../cli/command";
import { readBytes, refuseExisting, writeNew } from "./files";
import { publicBytes } from "./sign";

const SECRET_MODE = 0o600;
const STAGE_SECRET_BYTES = 32;
const STAGE_HEAD = "gridmote stage secret ";

export function trustedKeyOf(key: KeyObject): TrustedKey {
  const bytes = publicBytes(key);
  return { key: bytes, kid: keyId(bytes, nodeCrypto) };
}

/**
 * A new private key on P-256, read from its bytes: to export one that Node has just made can wait for itself for ever,
 * when what made it is collected meanwhile (seen with Node 20.20, once in some 100,000).
 */
export function createKey(): KeyObject {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  });
  return createPrivateKey({ key: privateKey, type: "pkcs8", format: "der" });
}

/**
 * A new key on P-256. Keys are drawn until the id says what it is for: one in 256 does for development, so that needs
 * some hundred.
 */
export function createSigningKey(isDevelopment: boolean): KeyObject {
  for (;;) {
    const key = createKey();
    if (isDevelopmentKey(trustedKeyOf(key)) === isDevelopment) return key;
  }
}

/** Text before the first line of a PEM is allowed (RFC 7468 §5.2): a person sees there what the key is for. */
function pemOf(key: KeyObject, isPrivate: boolean): string {
  const trusted = trustedKeyOf(key);
  const use = isDevelopmentKey(trusted) ? "DEVELOPMENT: a release refuses it" : "release";
  const what = `Gridmote update key, ${isPrivate ? "private: keep it offline" : "public"}`;
  const id = Buffer.from(trusted.kid).toString("hex");
  const pem = isPrivate
    ? key.export({ type: "pkcs8", format: "pem" })
    : createPublicKey(key).export({ type: "spki", format: "pem" });
  return `${what}\nUse: ${use}\nId: ${id}\n${pem}`;
}

/** Writes the private key to `path`, and the public one beside it. @returns the path of the latter. */
export function writeKeyPair(path: string, key: KeyObject): string {
  const publicPath = `${path.replace(/\.pem$/, "")}.pub.pem`;
  refuseExisting(path, publicPath);
  writeNew(path, pemOf(key, true), SECRET_MODE);
  writeNew(publicPath, pemOf(key, false));
  return publicPath;
}

/** @throws UsageError when the file holds no P-256 key of that sort. */
export function readPrivateKey(path: string): KeyObject {
  return checkCurve(path, () => {
    const pem = pemIn(path);
    if (pem.startsWith("-----BEGIN PUBLIC"))
      throw new UsageError(`"${path}" holds a public key: it takes the private one to sign`);
    return createPrivateKey(pem);
  });
}

/** A public key, also from the file of a private one. */
export function readPublicKey(path: string): KeyObject {
  return checkCurve(path, () => createPublicKey(pemIn(path)));
}

function pemIn(path: string): string {
  const text = Buffer.from(readBytes(path)).toString("latin1");
  const start = text.indexOf("-----BEGIN ");
  return start < 0 ? text : text.slice(start);
}

function checkCurve(path: string, read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`"${path}" holds no such key in PEM: gridmote ota keygen makes one`);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new UsageError(`the key in "${path}" is not on the curve P-256`);
  return key;
}

/** @throws Failure for a development key: `release` is what a package for the field is made with. */
export function refuseDevelopment(key: TrustedKey): void {
  if (isDevelopmentKey(key)) throw new Failure("the key is for development: a release refuses it");
}

export function writeStageSecret(path: string): void {
  writeNew(path, `${STAGE_HEAD}${randomBytes(STAGE_SECRET_BYTES).toString("hex")}\n`, SECRET_MODE);
}

export function readStageSecret(path: string): Uint8Array {
  const text = Buffer.from(readBytes(path)).toString("latin1");
  const hex = text.startsWith(STAGE_HEAD) ? text.slice(STAGE_HEAD.length).trim() : "";
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new UsageError(`"${path}" holds no stage secret: gridmote ota keygen --stages makes one`);
  return new Uint8Array(Buffer.from(hex, "hex"));
}
