import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Input, PROFILES } from "./inputs";

/** What a decoder says of a frame: the CRC-32 of its readings, or undefined where it refuses it. */
export type Verdict = number | undefined;

const HEAD_BYTES = 5;
const ANSWER_BYTES = 5;

export function hasPython(): boolean {
  return !spawnSync("python3", ["--version"]).error;
}

/** The benches are bundled into a folder of their own: package.json marks where the repository begins. */
function decoderPath(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "docs", "decoders", "gridmote_frame.py");
}

/** The decoder that was written from docs/frame.md, in a process of its own. */
export class SecondDecoder {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<Buffer>;
  #rest = Buffer.alloc(0);
  #trace = "";

  constructor() {
    const columns = PROFILES.map((profile) =>
      profile.columns.map(({ channel, exponent }) => [channel, exponent]),
    );
    this.#process = spawn("python3", [decoderPath(), "--verdicts", JSON.stringify(columns)]);
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#trace += text;
    });
    // What a broken pipe means, the missing answer says.
    this.#process.stdin.on("error", () => undefined);
    this.#answers = this.#process.stdout[Symbol.asyncIterator]();
  }

  /** Sends frames; their verdicts are to be taken before the next ones are sent. */
  send(inputs: readonly Input[]): void {
    const parts = inputs.flatMap(({ profile, bytes }) => {
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt8(profile, 0);
      head.writeUInt32LE(bytes.length, 1);
      return [head, bytes];
    });
    this.#process.stdin.write(Buffer.concat(parts));
  }

  /** @throws with the trace, when the decoder has ended. */
  async verdict(): Promise<Verdict> {
    while (this.#rest.length < ANSWER_BYTES) {
      const { value, done } = await this.#answers.next();
      if (done) throw new Error(`the second decoder has failed: ${this.#trace.trim()}`);
      this.#rest = Buffer.concat([this.#rest, value]);
    }
    const verdict = this.#rest.readUInt8(0) ? this.#rest.readUInt32LE(1) : undefined;
    this.#rest = this.#rest.subarray(ANSWER_BYTES);
    return verdict;
  }

  close(): void {
    this.#process.stdin.end();
  }
}
