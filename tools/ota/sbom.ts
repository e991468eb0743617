import { spawnSync } from "node:child_process";
import { Failure } from "../cli/command";
import { repository } from "../cli/repository";
import { readBytes } from "./files";

/** What the image of a package is, for its bill of materials. */
export interface Described {
  kind: string;
  version: number;
  /** SHA-256 of the image. */
  digest: Uint8Array;
  /** The firmware that it is, or is made for. */
  build: string;
  /** The version of XS, where it is bytecode. */
  engine?: string;
}

interface Sbom {
  serialNumber?: string;
  metadata: { timestamp?: string; component: object };
  components: { "bom-ref": string }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/**
 * A CycloneDX bill of materials of a package, as npm makes it of package-lock.json. What differs from call to call, its
 * time and serial number, is left out, so that the same image has the same file and the same digest.
 * @throws Failure when npm does not make one.
 */
export function createSbom(described: Described): string {
  const args = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
  const { status, stdout, stderr, error } = spawnSync("npm", args, {
    cwd: repository(),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (error || status !== 0) {
    const reason = error?.message ?? stderr.trim().split("\n")[0];
    throw new Failure(`npm sbom fails (${reason}): give a file with --sbom`);
  }
  return describedSbom(stdout, described);
}

/** What npm has said, of an image and not of a folder. */
export function describedSbom(json: string, described: Described): string {
  return `${JSON.stringify(describe(JSON.parse(json) as Sbom, described), null, 2)}\n`;
}

/** One that was made elsewhere. @throws Failure when it is no CycloneDX in JSON. */
export function readSbom(path: string): Uint8Array {
  const bytes = readBytes(path);
  if (formatOf(bytes) !== "CycloneDX")
    throw new Failure(`"${path}" is no bill of materials (CycloneDX, JSON)`);
  return bytes;
}

function formatOf(bytes: Uint8Array): unknown {
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) as { bomFormat?: unknown } | null)?.bomFormat;
  } catch {
    return undefined;
  }
}

function describe(sbom: Sbom, { kind, version, digest, build, engine }: Described): Sbom {
  const { serialNumber: _, metadata, components, dependencies, ...rest } = sbom;
  const { timestamp: _time, component, ...others } = metadata;
  const { "bom-ref": root } = component as { "bom-ref": string };
  const image = {
    "bom-ref": root,
    type: "firmware",
    name: `gridmote-${kind}`,
    version: String(version),
    hashes: [{ alg: "SHA-256", content: Buffer.from(digest).toString("hex") }],
    properties: [{ name: "gridmote:build", value: build }],
  };
  const xs = engine && { "bom-ref": "xs", type: "framework", name: "Moddable XS", version: engine };
  return {
    ...rest,
    metadata: { ...others, component: image },
    components: [...(xs ? [xs] : []), ...components],
    dependencies: dependencies.map(({ ref, dependsOn }) => ({
      ref,
      dependsOn: ref === root && xs ? ["xs", ...dependsOn] : dependsOn,
    })),
  } as Sbom;
}
