import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** What bench/build.mjs has built. */
export interface BenchFiles {
  engine: string;
  image: string;
  provider: string;
  /** Archives by name. */
  programs: Record<"idle" | "telegram" | "frame" | "outbox" | "sensor", string>;
  /** cbor-x, as one module. */
  peer: string;
  modules: { name: string; codeBytes: number; slots: number }[];
}

/** The benches are bundled into a folder of their own: package.json marks where the repository begins. */
function repository(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/** What has gone wrong has been said by then, and this is the exit code. */
export class BuildFailure extends Error {
  override name = "BuildFailure";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("the engine cannot be built");
    this.exitCode = exitCode;
  }
}

/** @throws BuildFailure */
export function buildFiles(): BenchFiles {
  const { status, stdout } = spawnSync(process.execPath, [join(repository(), "bench", "build.mjs")], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new BuildFailure(status ?? 1);
  return JSON.parse(stdout) as BenchFiles;
}
