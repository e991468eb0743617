import { VERSION } from "../../../src/version";
import { type Command, UsageError } from "../../cli/command";
import { choice, file, integer, readable, text } from "../../cli/options";
import { Progress } from "../../cli/progress";
import { engineOf } from "../archive";
import { linesOf } from "../describe";
import { readBytes, refuseExisting, writeNew } from "../files";
import { readPrivateKey, readStageSecret, refuseDevelopment, trustedKeyOf } from "../key-files";
import { checkImage, shortTrial } from "../limits";
import { type Extras, pack, type Release } from "../pack";
import { sha256 } from "../package";
import { encodePackage, verifyPackage } from "../package-file";
import { createSbom, readSbom } from "../sbom";
import { settingsImage } from "../settings";
import { classOf, vendorOf } from "../uuid";
import { ascii, duration, releaseOption, required, revisions } from "./options";

const UINT32 = 0xffff_ffff;
const DEFAULT_HEALTH_MS = 21_600_000;

export const packCommand: Command = {
  name: "ota pack",
  summary: "Makes a signed update package, and its bill of materials, of an image.",
  positionals: "IMAGE",
  maximumPositionals: 1,
  options: {
    kind: {
      value: "KIND",
      help: "app (an archive of bytecode), native (the firmware's image) or config (JSON of settings)",
      parse: choice("app", "native", "config"),
    },
    key: { value: "FILE", help: "the private key that signs (PEM)", parse: file },
    vendor: { value: "DOMAIN", help: "whose devices: a domain, or a UUID", parse: vendorOf },
    class: { value: "NAME", help: "which of them: a name, or a UUID", parse: text },
    version: { value: "N", help: "from 1 on; nodes take no lower one of a kind", parse: integer(1, UINT32) },
    epoch: {
      value: "N",
      help: "security epoch; nodes take no older one (default 0)",
      parse: integer(0, UINT32),
    },
    hardware: { value: "LOW-HIGH", help: "revisions of the board (default 0-65535)", parse: revisions },
    health: {
      value: "TIME",
      help: "how long a trial may take to prove itself (default 6h)",
      parse: duration("60s", "7d"),
    },
    base: { value: "BUILD", help: `the firmware that an app is made for (default ${VERSION})`, parse: ascii },
    engine: { value: "M.N", help: "its version of XS (default: what the archive says)", parse: ascii },
    sbom: { value: "FILE", help: "a CycloneDX file (default: made by npm sbom)", parse: file },
    stages: {
      value: "FILE",
      help: "a stage secret: publish can offer it to a part of the nodes",
      parse: file,
    },
    release: releaseOption,
    out: { value: "FILE", help: "the package (default IMAGE.gmu)", parse: text },
  },
  async run(values, [path], io) {
    if (!path) throw new UsageError("what shall be packed? Give an IMAGE");
    const [keyFile] = required<string>(values, "key", "kind", "vendor", "class", "version");
    const key = readPrivateKey(keyFile);
    if (values.release) refuseDevelopment(trustedKeyOf(key));
    const progress = new Progress(io.stderr);
    const { image, release } = readRelease(readable(path), values);
    const out = (values.out as string | undefined) ?? `${path}.gmu`;
    const bill = `${out}.cdx.json`;
    refuseExisting(out, bill);
    const warning = shortTrial(release.kind, image, release.healthMs);
    if (warning) io.stderr.write(`gridmote: ${warning}\n`);
    progress.update(0.2, "bill of materials");
    const extras = readExtras(values, image, release);
    progress.update(0.6, "blocks");
    const packed = pack(image, release, key, extras);
    // What we have made is read again as a node does: nothing leaves that would be refused.
    const trusted = trustedKeyOf(key);
    const manifest = verifyPackage(packed, [trusted]);
    progress.update(1, "");
    progress.clear();
    writeNew(out, encodePackage(packed));
    writeNew(bill, extras.sbom);
    io.stdout.write(linesOf(manifest, trusted.kid));
    io.stdout.write(`${out}: the package\n${bill}: its bill of materials\n`);
    return 0;
  },
};

function readRelease(path: string, values: Record<string, unknown>): { image: Uint8Array; release: Release } {
  const kind = values.kind as Release["kind"];
  if (kind !== "app") {
    for (const name of ["base", "engine"])
      if (values[name] !== undefined) throw new UsageError(`--${name} is for an app`);
  }
  const bytes = readBytes(path);
  if (!bytes.length) throw new UsageError(`"${path}" is empty`);
  const image = kind === "config" ? settingsImage(bytes, path) : bytes;
  checkImage(kind, image, path);
  const vendor = values.vendor as Uint8Array;
  const release = {
    vendor,
    deviceClass: classOf(values.class as string, vendor),
    hardware: (values.hardware as Release["hardware"] | undefined) ?? { low: 0, high: 0xffff },
    kind,
    version: values.version as number,
    epoch: (values.epoch as number | undefined) ?? 0,
    healthMs: (values.health as number | undefined) ?? DEFAULT_HEALTH_MS,
    ...(kind === "app" && { base: baseOf(bytes, path, values) }),
  };
  return { image, release };
}

function baseOf(image: Uint8Array, path: string, values: Record<string, unknown>): Release["base"] {
  const engine = engineOf(image, path);
  const asked = values.engine as string | undefined;
  if (asked !== undefined && asked !== engine)
    throw new UsageError(`--engine is "${asked}", and "${path}" is bytecode of XS ${engine}`);
  return { build: (values.base as string | undefined) ?? VERSION, engine };
}

function readExtras(
  values: Record<string, unknown>,
  image: Uint8Array,
  { kind, version, base }: Release,
): Extras & Required<Pick<Extras, "sbom">> {
  const { sbom, stages } = values as { sbom?: string; stages?: string };
  const described = {
    kind,
    version,
    digest: sha256(image),
    build: base?.build ?? VERSION,
    ...(base && { engine: base.engine }),
  };
  return {
    sbom: sbom === undefined ? createSbom(described) : readSbom(sbom),
    ...(stages !== undefined && { stageSecret: readStageSecret(stages) }),
  };
}
