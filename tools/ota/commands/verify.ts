import { type Command, Failure, type Io, UsageError } from "../../cli/command";
import { file, readable } from "../../cli/options";
import { Progress } from "../../cli/progress";
import { judgeExample } from "../cose-examples";
import { linesOf } from "../describe";
import { readBytes } from "../files";
import { readPublicKey, refuseDevelopment, trustedKeyOf } from "../key-files";
import { sha256 } from "../package";
import { readPackage, verifyPackage } from "../package-file";
import { explained, keyOption, releaseOption, required } from "./options";

const MAX_FILES = 1000;

export const verifyCommand: Command = {
  name: "ota verify",
  summary: "Verifies a package as a node does, and its bill of materials; or examples of COSE_Sign1.",
  positionals: "PACKAGE | --cose FILE...",
  maximumPositionals: MAX_FILES,
  options: {
    key: keyOption,
    release: releaseOption,
    sbom: { value: "FILE", help: "its bill of materials (default PACKAGE.cdx.json, if there)", parse: file },
    cose: { help: "each FILE is an example of cose-wg/Examples (JSON) with a single signer" },
  },
  async run(values, paths, io) {
    if (!paths.length) throw new UsageError("which PACKAGE?");
    for (const path of paths) readable(path);
    if (values.cose) return verifyExamples(paths, io);
    if (paths.length > 1) throw new UsageError(`unexpected "${paths[1]}": one PACKAGE at a time`);
    return verify(paths[0], values, io);
  },
};

function verify(path: string, values: Record<string, unknown>, io: Io): number {
  const [keyFile] = required<string>(values, "key");
  const trusted = trustedKeyOf(readPublicKey(keyFile));
  if (values.release) refuseDevelopment(trusted);
  const progress = new Progress(io.stderr);
  const manifest = explained(path, () =>
    verifyPackage(readPackage(readBytes(path)), [trusted], (done, of) =>
      progress.update(done / of, "blocks"),
    ),
  );
  progress.clear();
  io.stdout.write(linesOf(manifest, trusted.kid));
  const sbom = values.sbom as string | undefined;
  checkSbom(sbom ?? besideOf(path), manifest.sbomDigest, io);
  io.stdout.write(`${path}: good\n`);
  return 0;
}

/** Undefined when there is no such file. */
function besideOf(path: string): string | undefined {
  try {
    return readable(`${path}.cdx.json`);
  } catch {
    return undefined;
  }
}

function checkSbom(path: string | undefined, digest: Uint8Array | undefined, { stdout }: Io): void {
  if (path === undefined) {
    stdout.write("Its bill of materials is not here: it is not checked.\n");
    return;
  }
  if (!digest) throw new Failure(`the package has no bill of materials, and "${path}" claims to be it`);
  if (!Buffer.from(sha256(readBytes(path))).equals(digest))
    throw new Failure(`"${path}" is not the bill of materials of this package`);
  stdout.write(`${path}: its bill of materials\n`);
}

function verifyExamples(paths: readonly string[], { stdout }: Io): number {
  let differing = 0;
  let unsupported = 0;
  for (const path of paths) {
    const { verdict, isToFail, agrees } = judgeExample(jsonIn(path), path);
    const published = `published: ${isToFail ? "to be refused" : "valid"}`;
    if (verdict.is === "unsupported") {
      unsupported++;
      stdout.write(`${path}: unsupported algorithm (${verdict.algorithm}); ${published}\n`);
      continue;
    }
    if (!agrees) differing++;
    const found = verdict.is === "valid" ? "valid" : `refused (${verdict.why})`;
    stdout.write(`${path}: ${found}; ${published}${agrees ? "" : ": DIFFERS"}\n`);
  }
  const judged = paths.length - unsupported;
  stdout.write(`${judged - differing} of ${judged} as published, ${unsupported} unsupported\n`);
  return differing ? 1 : 0;
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(Buffer.from(readBytes(path)).toString());
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`"${path}" is no JSON: ${error.message}`);
    throw error;
  }
}
