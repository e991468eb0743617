import { spawn } from "node:child_process";
import { PassThrough } from "node:stream";
import { Encoder } from "cbor-x";
import { run } from "../../tools/gridmote";

const encoder = new Encoder({ useRecords: false, variableMapSize: true });

/** In the shortest form: of integers beyond 32 bits cbor-x makes floats, unless they are bigints. */
export function cbor(value: unknown): Uint8Array {
  return Uint8Array.from(encoder.encode(exact(value)));
}

function exact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(exact);
  return Number.isInteger(value) && Math.abs(value as number) >= 2 ** 31 ? BigInt(value as number) : value;
}

/** Columns of profile 1 (meter1) without the time. */
export const COLUMNS = 14;

/** A frame of profile 1 whose only column is the meter's clock; `changes` by place in the envelope. */
export function frame(changes: Record<number, unknown> = {}, body?: unknown): unknown[] {
  const good = [1, 7, 0, 1_780_000_000, 2, body ?? [60, 0, [100, 60], ...new Array(COLUMNS - 1).fill(null)]];
  return good.map((item, index) => (index in changes ? changes[index] : item));
}

/** A line of a file for `gridmote decode`. */
export function message(topic: string, seq: number): Uint8Array {
  return cbor([topic, Buffer.from(cbor(frame({ 2: seq })))]);
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function collect(stream: PassThrough): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** The command line within this process. */
export async function gridmote(args: string[], stdin: Uint8Array = new Uint8Array(0)): Promise<Outcome> {
  const io = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  io.stdin.end(stdin);
  const stdout = collect(io.stdout);
  const stderr = collect(io.stderr);
  const code = await run(args, io);
  await new Promise(setImmediate);
  return { code, stdout: stdout(), stderr: stderr() };
}

/** The command line as a process of its own, as a user starts it. */
export function start(args: string[], options: { cwd?: string } = {}) {
  const launcher = new URL("../../tools/launch.mjs", import.meta.url).pathname;
  const child = spawn(process.execPath, [launcher, ...args], { cwd: options.cwd });
  const outcome: Outcome = { code: null, stdout: "", stderr: "" };
  let changed = () => {};
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      outcome[name] += text;
      changed();
    });
  }
  const ended = new Promise<Outcome>((resolve) => {
    child.on("close", (code) => resolve({ ...outcome, code }));
  });
  /** Resolves when what was printed so far fits. */
  const until = (fits: (outcome: Outcome) => boolean) =>
    new Promise<void>((resolve) => {
      changed = () => {
        if (fits(outcome)) resolve();
      };
      changed();
    });
  return { child, ended, until };
}
