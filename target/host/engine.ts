import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeValue, encodeValue } from "./values";

/** What the engine is started with. */
export interface EngineFiles {
  /** Begins each message about a failure, where there is more than one engine. */
  name?: string;
  engine: string;
  image: string;
  /** In the order in which they are loaded; the last one's last module is served. */
  archives: readonly string[];
}

export interface EngineLimits {
  /** Milliseconds of processor time for whatever the host asks once. */
  deadlineMs?: number;
  /** Bytes that a machine may take for chunks and slots of heap and stack; they grow up to it. */
  memory?: number;
  /** Bytes of chunks, and slots of heap and stack; each is all that there is. */
  chunks?: number;
  slots?: number;
  stack?: number;
}

/** What the engine has in use, and has had at most since garbage was last collected at the host's wish. */
export interface Measurement {
  /** Of 32 bytes each; on a board they have 16. */
  slots: number;
  peakSlots: number;
  /** Bytes. */
  chunks: number;
  peakChunks: number;
  /** Of a metered engine: bytecodes, and what XS takes a native operation for. */
  meter?: number;
  /** Of a metered engine: module, name, bytecodes, slots and chunk bytes taken by each function that has run. */
  functions?: [string, string, number, number, number][];
}

/** The engine has ended, and said why. */
export class EngineFailure extends Error {
  override name = "EngineFailure";
}

/** Answers what scripts call. What it throws, scripts catch. */
export type OnCall = (operation: string, ...parameters: unknown[]) => unknown;

const LENGTH_BYTES = 4;
const HEADER_BYTES = LENGTH_BYTES + 1;
const NOTHING = encodeValue([]);

/** Kinds of messages, as target/engine/message.h has them. */
const BOOT = "B";
const EVENT = "E";
const JOBS = "J";
const MEASURE = "M";
const QUIT = "Q";
const RETURN = "R";
const THROW = "T";
const CALL = "C";
const DONE = "D";
const DONE_WITH_JOBS = "W";

interface Message {
  kind: string;
  value: unknown;
}

/**
 * XS in a process of its own, at the other end of a pipe. Every method blocks until the engine has answered: while it
 * runs, time stands still here. Each throws EngineFailure when the engine has ended.
 */
export class Engine {
  readonly #name: string | undefined;
  readonly #child: ChildProcess;
  readonly #errors: number;
  readonly #onCall: OnCall;
  #toEngine: number;
  #fromEngine: number;
  #isOpen = true;
  /** What the engine has said at its end. */
  #ending = "it is closed";
  #hasJobs = false;

  constructor({ name, engine, image, archives }: EngineFiles, limits: EngineLimits, onCall: OnCall) {
    this.#name = name;
    this.#onCall = onCall;
    const { requests, answers, errors, said } = createFiles();
    this.#errors = said;
    this.#child = spawn(engine, ["serve", ...optionsOf(limits), image, ...archives], {
      stdio: [requests.read, answers.write, errors],
    });
    this.#child.on("error", () => {});
    this.#child.unref();
    for (const file of [requests.read, answers.write, errors]) closeSync(file);
    this.#toEngine = requests.write;
    this.#fromEngine = answers.read;
  }

  /** False once it has ended. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends the machine that there is, and begins a new one. */
  boot(): void {
    this.#ask(BOOT, NOTHING);
  }

  /**
   * Calls what is served, and returns what that returns. Promise jobs have to wait for `runJobs`.
   * @throws TypeError for parameters that are no data; nothing is called then.
   */
  event(...parameters: readonly unknown[]): unknown {
    return this.#ask(EVENT, encodeValue(parameters));
  }

  /** Runs all promise jobs. False when there are none. */
  runJobs(): boolean {
    if (!this.#hasJobs || !this.#isOpen) return false;
    this.#ask(JOBS, NOTHING);
    return true;
  }

  /** What the engine has counted. `collect`: garbage first; peaks and costs of functions then begin anew. */
  measure(collect: boolean): Measurement {
    return this.#ask(MEASURE, encodeValue([collect])) as Measurement;
  }

  /** Resolves to the exit code. */
  async close(): Promise<number | null> {
    if (this.#isOpen) {
      this.#send(QUIT, NOTHING);
      this.#closeFiles();
    }
    const { exitCode, signalCode } = this.#child;
    this.#child.ref();
    return exitCode ?? (signalCode ? null : await this.#exit());
  }

  #exit(): Promise<number | null> {
    return new Promise((resolve) => this.#child.once("exit", resolve));
  }

  #ask(kind: string, item: Uint8Array): unknown {
    this.#send(kind, item);
    for (;;) {
      const message = this.#receive();
      this.#hasJobs = message.kind === DONE_WITH_JOBS;
      if (message.kind === DONE || this.#hasJobs) return message.value;
      if (message.kind !== CALL) throw this.#failed(`it has sent "${message.kind}"`);
      this.#answer(message.value as Parameters<OnCall>);
    }
  }

  #answer(call: Parameters<OnCall>): void {
    let result: Uint8Array;
    try {
      result = encodeValue(this.#onCall(...call));
    } catch (error) {
      if (error instanceof EngineFailure) throw error;
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      this.#send(THROW, encodeValue([name, message]));
      return;
    }
    this.#send(RETURN, result);
  }

  #send(kind: string, item: Uint8Array): void {
    if (!this.#isOpen) throw new EngineFailure(`the engine has ended: ${this.#ending}`);
    const message = Buffer.alloc(HEADER_BYTES + item.length);
    message.writeUInt32LE(item.length + 1);
    message.write(kind, LENGTH_BYTES, "latin1");
    message.set(item, HEADER_BYTES);
    try {
      for (let sent = 0; sent < message.length; ) sent += writeSync(this.#toEngine, message, sent);
    } catch (error) {
      throw this.#failed(String(error));
    }
  }

  #receive(): Message {
    const header = this.#read(HEADER_BYTES);
    const kind = String.fromCharCode(header[LENGTH_BYTES]);
    return { kind, value: decodeValue(this.#read(header.readUInt32LE() - 1)) };
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let got = 0; got < length; ) {
      const count = readSync(this.#fromEngine, bytes, got, length - got, null);
      if (!count) throw this.#failed("the pipe is broken");
      got += count;
    }
    return bytes;
  }

  /** The engine says why it ends; `otherwise` stands for what it has not said. */
  #failed(otherwise: string): EngineFailure {
    const said = readFileSync(this.#errors, "utf8").trim();
    this.#closeFiles();
    const prefix = this.#name === undefined ? "" : `${this.#name}: `;
    const reason = prefix + (said || `the engine has ended without a word: ${otherwise}`);
    this.#ending = reason;
    return new EngineFailure(reason);
  }

  #closeFiles(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const file of [this.#toEngine, this.#fromEngine, this.#errors]) closeSync(file);
  }
}

/**
 * Two pipes, and a file for what the engine says at its end, in both directions. Whoever has one open keeps it: nothing
 * is left behind, however this process ends.
 */
function createFiles() {
  try {
    const folder = mkdtempSync(join(tmpdir(), "gridmote-engine-"));
    try {
      return {
        requests: createPipe(join(folder, "requests")),
        answers: createPipe(join(folder, "answers")),
        errors: openSync(join(folder, "errors"), "w"),
        said: openSync(join(folder, "errors"), "r"),
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  } catch (error) {
    throw new EngineFailure(`the engine cannot be started in ${tmpdir()} (${(error as Error).message})`);
  }
}

/** Both ends block, which those that Node makes for a child do not. */
function createPipe(path: string): { read: number; write: number } {
  const { status, error, stderr } = spawnSync("mkfifo", [path], { encoding: "utf8" });
  if (error || status !== 0) throw new Error(`mkfifo ${path}: ${error?.message ?? stderr.trim()}`);
  // While this one is open, neither end waits for the other.
  const both = openSync(path, constants.O_RDWR);
  const read = openSync(path, constants.O_RDONLY);
  const write = openSync(path, constants.O_WRONLY);
  closeSync(both);
  return { read, write };
}

function optionsOf({ deadlineMs, memory, chunks, slots, stack }: EngineLimits): string[] {
  const options = { deadline: deadlineMs, memory, chunks, slots, stack };
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}
