import { kindNumber, type UpdateManifest } from "../../src/ota/manifest";
import { encodeCbor } from "./cbor";

const FORMAT = 1;

/** What `readManifest` in src/ota/manifest.ts reads. */
export function encodeManifest(manifest: UpdateManifest): Uint8Array {
  const { hardware, base } = manifest;
  const fields: [number, unknown][] = [
    [1, FORMAT],
    [2, manifest.vendor],
    [3, manifest.deviceClass],
    [4, [hardware.low, hardware.high]],
    [5, kindNumber(manifest.kind)],
    [6, manifest.version],
    [7, manifest.epoch],
    [8, manifest.byteLength],
    [9, manifest.digest],
    [10, manifest.tableDigest],
    [11, manifest.healthMs],
    [12, base && [base.build, base.engine]],
    [13, manifest.sbomDigest],
    [14, manifest.stageAnchor],
  ];
  return encodeCbor(new Map(fields.filter(([, value]) => value !== undefined)));
}
