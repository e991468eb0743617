import type { Io } from "./command";

const BAR_CHARACTERS = 30;

/** Shows how far something is: a bar on a terminal, a line each tenth elsewhere. */
export class Progress {
  readonly #stream: Io["stderr"];
  #tenths = 0;

  constructor(stream: Io["stderr"]) {
    this.#stream = stream;
  }

  /** `part` from 0 to 1, and what to say beside it. */
  update(part: number, label: string): void {
    const done = Math.min(Math.max(part, 0), 1);
    const percent = `${Math.floor(done * 100)}`.padStart(3);
    if (this.#stream.isTTY) {
      const filled = Math.round(done * BAR_CHARACTERS);
      const bar = "█".repeat(filled) + "░".repeat(BAR_CHARACTERS - filled);
      this.#stream.write(`\r\x1b[K${bar} ${percent} % ${label}`);
      return;
    }
    const tenths = Math.floor(done * 10 + 1e-9);
    if (tenths <= this.#tenths) return;
    this.#tenths = tenths;
    this.#stream.write(`${percent} % ${label}\n`);
  }

  /** Leaves the line to others. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }
}
