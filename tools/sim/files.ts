import { accessSync, appendFileSync, constants, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Failure, UsageError } from "../cli/command";
import type { DecodedRecord } from "../decode/records";

const BUFFER_CHARACTERS = 65_536;

/** Text files of one directory, in place of any that are there; they grow line by line. */
export class TextFiles {
  readonly #directory: string;
  /** What has not been written yet, by name. No file stays open: a street may have thousands of terminals. */
  readonly #pending = new Map<string, string>();
  #failure: Failure | undefined;

  /** @throws UsageError when nothing can be written there. */
  constructor(directory: string) {
    this.#directory = directory;
    try {
      makeDirectory(resolve(directory));
      accessSync(directory, constants.W_OK);
    } catch (error) {
      throw new UsageError(`--out: cannot write to the directory "${directory}" (${reasonOf(error)})`);
    }
  }

  /** @param head begins the file. */
  append(name: string, text: string, head = ""): void {
    const known = this.#pending.get(name);
    if (known === undefined) this.#store(name, "", writeFileSync);
    const whole = `${known ?? head}${text}`;
    const isFull = whole.length >= BUFFER_CHARACTERS;
    if (isFull) this.#store(name, whole, appendFileSync);
    this.#pending.set(name, isFull ? "" : whole);
  }

  /** @throws Failure when anything could not be written. */
  close(): void {
    for (const [name, text] of this.#pending) this.#store(name, text, appendFileSync);
    this.#pending.clear();
    if (this.#failure) throw this.#failure;
  }

  /** Keeps the first error for `close`: records come in callbacks of the broker's, where nobody would catch it. */
  #store(name: string, text: string, write: (path: string, text: string) => void): void {
    if (this.#failure) return;
    const path = join(this.#directory, name);
    try {
      write(path, text);
    } catch (error) {
      this.#failure = new Failure(`--out: cannot write "${path}" (${reasonOf(error)})`);
    }
  }
}

/** One file of JSON lines for each device, `<device>.jsonl`. */
export function writeRecord(files: TextFiles, record: DecodedRecord): void {
  files.append(`${record.device}.jsonl`, `${JSON.stringify(record)}\n`);
}

/** Not mkdir's own `recursive`: Node 20 then never returns for a directory that nobody can make, as in /proc. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(path);
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || parent === path || isDirectory(parent)) throw error;
    makeDirectory(parent);
    mkdirSync(path);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const REASONS: Record<string, string> = {
  ENOENT: "it cannot be made",
  EEXIST: "a file is in its place",
  ENOTDIR: "a file is in its way",
  EACCES: "not permitted",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left",
  EISDIR: "it is a directory",
};

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ""] ?? message;
}
