import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Batch, deltaColumns } from "./batch";
import type { Codec } from "./codecs";

/** Node has zstd from 22.15 on and xz never: Debian's commands, over many files in one call. */
interface Command {
  name: string;
  suffix: string;
  options: readonly string[];
  by: string;
  /** What each file has of its container alone. */
  spared: number;
}

const COMMANDS: readonly Command[] = [
  {
    name: "zstd",
    suffix: ".zst",
    options: ["-q", "--ultra", "-22", "--no-check", "--rm"],
    by: "level 22, no checksum, without the magic number",
    spared: 4,
  },
  {
    name: "xz",
    suffix: ".xz",
    // A dictionary larger than a frame changes nothing but the time.
    options: ["-q", "--format=raw", "--suffix=.xz", "--lzma1=preset=9e,dict=64KiB,lc=0,lp=0,pb=0"],
    by: "raw LZMA, preset 9e, no container",
    spared: 0,
  },
];

/** As many files as fit into the arguments of a call. */
const FILES = 2000;

/** Those commands that are installed; of each other one a line on standard error. */
export function compressors(): Codec[] {
  return COMMANDS.flatMap((command) => {
    const { stdout, error } = spawnSync(command.name, ["--version"], { encoding: "utf8" });
    if (error) {
      const { name } = command;
      console.error(
        `SKIPPED: ${name} of the deltas, which needs the command (Debian: ${name === "xz" ? "xz-utils" : name})`,
      );
      return [];
    }
    const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? "";
    const by = `${command.name} ${version}, ${command.by}`;
    return [
      {
        name: `  ${command.name} of them`,
        by,
        bytes: (batches: readonly Batch[]) => compressed(command, batches),
      },
    ];
  });
}

function compressed(command: Command, batches: readonly Batch[]): number {
  let total = 0;
  for (let from = 0; from < batches.length; from += FILES)
    total += ofFiles(command, batches.slice(from, from + FILES));
  return total;
}

function ofFiles({ name, suffix, options, spared }: Command, batches: readonly Batch[]): number {
  const folder = mkdtempSync(join(tmpdir(), "gridmote-"));
  try {
    const files = batches.map((batch, index) => {
      const file = String(index);
      writeFileSync(join(folder, file), deltaColumns(batch));
      return file;
    });
    const { status, stderr } = spawnSync(name, [...options, ...files], { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    const made = readdirSync(folder).filter((file) => file.endsWith(suffix));
    if (made.length !== files.length) throw new Error(`${name}: ${made.length} of ${files.length} files`);
    return made.reduce((sum, file) => sum + statSync(join(folder, file)).size - spared, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
