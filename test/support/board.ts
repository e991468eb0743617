/** src/native/esp32 compiled on this machine: for each chip, and as a program on XS beside an ESP32 that only answers. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { transformSync } from "esbuild";
import { describeImage, type Outcome } from "./target";

const ROOT = join(import.meta.dirname, "..", "..");
const OURS = join(ROOT, "src", "native", "esp32");
const STAND_INS = join(ROOT, "test", "native");
const WARNINGS = ["-std=gnu17", "-Wall", "-Wextra", "-Werror"];
/** As target/build.mjs compiles XS. */
const XS = [
  ...["-D_GNU_SOURCE", "-fno-strict-aliasing", "-DINCLUDE_XSPLATFORM", '-DXSPLATFORM="platform.h"'],
  ...["-DmxRun=1", "-DmxParse=1", "-DmxNoConsole=1", "-DmxBoundsCheck=1"],
];

export const CHIPS = ["ESP32", "ESP32S3", "ESP32C3", "ESP32C6"] as const;
export type Chip = (typeof CHIPS)[number];

function cc(args: readonly string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(process.env.CC || "cc", args, { encoding: "utf8" });
  if (error) throw error;
  return { status, stdout, stderr };
}

function ok({ status, stdout, stderr }: Outcome): string {
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

function sourcesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(folder, name));
}

/** Compiles, and makes programs of it, in a folder of its own. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), "gridmote-native-"));
  readonly #target: string;
  readonly #includes: string[];

  /** Builds XS, unless it is built. */
  constructor() {
    this.#target = dirname(describeImage().engine);
    const xs = join(this.#target, "xsnap", "package", "moddable", "xs");
    this.#includes = ["includes", "platforms", "sources"].flatMap((part) => ["-isystem", join(xs, part)]);
  }

  #flags(chip: Chip): string[] {
    const ours = ["include", "."].map((part) => `-I${join(STAND_INS, part)}`);
    return [...WARNINGS, `-DCONFIG_IDF_TARGET_${chip}=1`, ...ours, `-I${OURS}`, ...this.#includes];
  }

  /** What the compiler says of our C on that chip. */
  check(chip: Chip, ...flags: string[]): Outcome {
    return cc(["-fsyntax-only", ...flags, ...this.#flags(chip), ...sourcesOf(OURS)]);
  }

  /**
   * Flags for 32 bits, where the compiler knows them. Debian's C library says 32 bits with a header of another package,
   * which holds nothing that we need.
   */
  flagsOf32Bits(): string[] | undefined {
    const headers = join(this.#folder, "headers");
    mkdirSync(join(headers, "gnu"), { recursive: true });
    writeFileSync(join(headers, "gnu", "stubs-32.h"), "");
    const machine = join("/usr/include", cc(["-print-multiarch"]).stdout.trim());
    const flags = ["-m32", "-isystem", headers, "-isystem", machine];
    const empty = join(this.#folder, "empty.c");
    writeFileSync(empty, "#include <string.h>\n");
    return cc([...flags, "-fsyntax-only", empty]).status === 0 ? flags : undefined;
  }

  /** A program of our C, XS and test/native/board.c. */
  build(chip: Chip): string {
    const objects = join(this.#target, "objects");
    const xs = readdirSync(objects).filter((name) => name.startsWith("xs"));
    const program = join(this.#folder, chip);
    const main = join(this.#folder, `${chip}.o`);
    const platform = `-I${join(ROOT, "target", "engine")}`;
    ok(cc([...this.#flags(chip), ...XS, platform, "-c", join(STAND_INS, "xs.c"), "-o", main]));
    const sources = [...sourcesOf(OURS), join(STAND_INS, "board.c")];
    const link = ["-no-pie", "-Wl,--gc-sections", main, ...xs.map((name) => join(objects, name))];
    ok(cc([...this.#flags(chip), ...sources, ...link, "-lm", "-lpthread", "-o", program]));
    return program;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** src/native/esp32/board.ts as a script that defines `board`. */
function boardScript(): string {
  const source = readFileSync(join(OURS, "board.ts"), "utf8");
  const { code } = transformSync(source, { loader: "ts", format: "iife", globalName: "module" });
  return `${code}\nconst board = module.default;\n`;
}

const SCRIPT = boardScript();

/** What the chip answers at a start: reset=3 and the like, see test/native/board.c. */
export type Words = Readonly<Record<string, number>>;

/** One chip, from start to start. */
export class TestBoard {
  readonly #program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "gridmote-board-"));
  readonly rtcFile = join(this.#folder, "rtc");

  constructor(program: string) {
    this.#program = program;
  }

  /** Runs a script, which has `board`, `print` and `awake(ms)`. @returns the lines that it and the chip have printed. */
  start(words: Words, script: string): string[] {
    const args = [this.rtcFile, ...Object.entries(words).map(([name, value]) => `${name}=${value}`)];
    const run = spawnSync(this.#program, args, { encoding: "utf8", input: SCRIPT + script });
    return ok(run).trim().split("\n");
  }

  get rtc(): Buffer {
    return readFileSync(this.rtcFile);
  }

  set rtc(bytes: Uint8Array) {
    writeFileSync(this.rtcFile, bytes);
  }

  /** The supply was away for long. */
  forget(): void {
    if (existsSync(this.rtcFile)) rmSync(this.rtcFile);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
