import { isDevelopmentKey } from "../../src/ota/keys";
import { blockCount, ENTRY_BYTES, type UpdateManifest } from "../../src/ota/package";
import { imageName } from "../../src/ota/topics";
import { formatUuid } from "./uuid";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** A manifest as data for `--json`. */
export function jsonOf(manifest: UpdateManifest): Record<string, unknown> {
  const { vendor, deviceClass, digest, tableDigest, sbomDigest, stageAnchor, ...rest } = manifest;
  return {
    ...rest,
    vendor: formatUuid(vendor),
    deviceClass: formatUuid(deviceClass),
    image: imageName(manifest),
    digest: hex(digest),
    tableDigest: hex(tableDigest),
    blocks: blockCount(manifest),
    ...(sbomDigest && { sbomDigest: hex(sbomDigest) }),
    ...(stageAnchor && { stageAnchor: hex(stageAnchor) }),
  };
}

/** A manifest for a person, a line a field. */
export function linesOf(manifest: UpdateManifest, kid: Uint8Array | undefined): string {
  const { kind, version, epoch, hardware, base, byteLength, healthMs, sbomDigest, stageAnchor } = manifest;
  const blocks = blockCount(manifest);
  const rows: [string, string][] = [
    ["update", `${kind}, version ${version}, security epoch ${epoch}`],
    [
      "image",
      `${imageName(manifest)}, ${byteLength} bytes, ${blocks} blocks, table ${blocks * ENTRY_BYTES} bytes`,
    ],
    ["vendor", formatUuid(manifest.vendor)],
    ["class", formatUuid(manifest.deviceClass)],
    ["hardware", `revision ${hardware.low} to ${hardware.high}`],
    ...(base ? [["base", `${base.build}, XS ${base.engine}`] as [string, string]] : []),
    ["trial", `${healthMs / 1000} s`],
    ["stages", stageAnchor ? "yes" : "no: it is for all nodes at once"],
    ["sha-256", hex(manifest.digest)],
    ["sbom", sbomDigest ? hex(sbomDigest) : "none"],
    ...(kid
      ? [["key", `${hex(kid)}${isDevelopmentKey({ kid }) ? " (development)" : ""}`] as [string, string]]
      : []),
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)}${value}\n`).join("");
}
