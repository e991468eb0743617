import type { KeyObject } from "node:crypto";
import { type Identity, RefusedUpdate, type TrustedKey, type UpdateManifest } from "../../src/ota/package";
import { createKey, trustedKeyOf } from "../../tools/ota/key-files";
import { encodeManifest } from "../../tools/ota/manifest";
import { measure } from "../../tools/ota/package";
import { signPayload } from "../../tools/ota/sign";

export interface Signer {
  key: KeyObject;
  trusted: TrustedKey;
}

export function createSigner(): Signer {
  const key = createKey();
  return { key, trusted: trustedKeyOf(key) };
}

/** An image whose blocks differ. */
export function imageOf(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, index) => (index * 7 + (index >> 8) * 13) & 0xff);
}

export const IDENTITY: Identity = {
  vendor: new Uint8Array(16).fill(0x11),
  deviceClass: new Uint8Array(16).fill(0x22),
  hardware: 3,
  floors: { native: 4, app: 4, config: 4 },
  epoch: 2,
  build: "0.1.0",
  engine: "13.3",
};

/** A manifest for that identity; of an app, unless `changed` says otherwise. */
export function manifestOf(image: Uint8Array, changed: Partial<UpdateManifest> = {}): UpdateManifest {
  return {
    vendor: IDENTITY.vendor,
    deviceClass: IDENTITY.deviceClass,
    hardware: { low: 1, high: 3 },
    kind: "app",
    version: 5,
    epoch: 2,
    ...measure(image),
    healthMs: 3_600_000,
    base: { build: IDENTITY.build, engine: IDENTITY.engine },
    ...changed,
  };
}

export function signOffer(manifest: UpdateManifest, { key }: Signer): Uint8Array {
  return signPayload(encodeManifest(manifest), key);
}

/** Why the call refuses. Throws when it does not, or fails otherwise. */
export function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof RefusedUpdate) return error.reason;
    throw error;
  }
  throw new Error("it was not refused");
}
