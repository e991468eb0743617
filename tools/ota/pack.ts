import type { KeyObject } from "node:crypto";
import type { UpdateManifest } from "../../src/ota/package";
import { encodeManifest } from "./manifest";
import { measure, sha256 } from "./package";
import { type Package, packageOf } from "./package-file";
import { signPayload } from "./sign";
import { stageToken } from "./stages";

/** What does not follow from the image. */
export type Release = Omit<
  UpdateManifest,
  "byteLength" | "digest" | "tableDigest" | "sbomDigest" | "stageAnchor"
>;

export interface Extras {
  /** The bill of materials that goes with the image. */
  sbom?: string | Uint8Array;
  /** Who has it can say to how many nodes the update is offered. Without it, it is for all. */
  stageSecret?: Uint8Array;
}

/** A package of an image, signed. The same arguments give the same bytes but for the signature, which is random. */
export function pack(image: Uint8Array, release: Release, key: KeyObject, extras: Extras = {}): Package {
  const measured = measure(image);
  const { sbom, stageSecret } = extras;
  const manifest: UpdateManifest = {
    ...release,
    ...measured,
    ...(sbom !== undefined && { sbomDigest: sha256(Buffer.from(sbom)) }),
    ...(stageSecret && { stageAnchor: stageToken(stageSecret, measured.digest, 0) }),
  };
  return packageOf(signPayload(encodeManifest(manifest), key), image);
}
