import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const DAY_MS = 86_400_000;

export interface HeapUse {
  firstDayBytes: number;
  lastDayBytes: number;
}

/** What this process keeps in its heap when the first day is over, and at the end: simulator, broker and judge with it. */
export class HeapWatch {
  readonly #collect: () => void;
  #begun: number | undefined;
  #first: number | undefined;

  constructor() {
    setFlagsFromString("--expose-gc");
    this.#collect = runInNewContext("gc") as () => void;
  }

  /** @param moment virtual Unix milliseconds. */
  update(moment: number): void {
    this.#begun ??= moment;
    if (this.#first === undefined && moment - this.#begun >= DAY_MS) this.#first = this.#measure();
  }

  /** Undefined when it was no more than a day. */
  end(): HeapUse | undefined {
    return this.#first === undefined
      ? undefined
      : { firstDayBytes: this.#first, lastDayBytes: this.#measure() };
  }

  #measure(): number {
    this.#collect();
    return process.memoryUsage().heapUsed;
  }
}
