import type { Clock, SerialConstructor, SerialOptions } from "../../src/hal";
import type { Sample } from "../../src/model/reading";
import { P1, type P1Configuration } from "../../src/sensors/p1";

// No engine but has what this uses: programs of test/target/ take it along.

/** A serial class whose line the test holds. */
export class StubLine {
  /** Options of each port opened, in order. */
  readonly opened: SerialOptions[] = [];
  closed = 0;
  readonly io: SerialConstructor;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor() {
    const line = this;
    this.io = class {
      format: "number" | "buffer" = "buffer";

      constructor(options: SerialOptions) {
        line.opened.push(options);
      }

      read(target: Uint8Array): number | undefined {
        return line.#take(target);
      }

      write(): void {}

      close(): void {
        line.closed++;
      }
    } as unknown as SerialConstructor;
  }

  get isOpen(): boolean {
    return this.opened.length > this.closed;
  }

  /** Bytes come in one `onReadable`. */
  feed(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.opened.at(-1)?.onReadable?.(bytes.length);
  }

  #take(target: Uint8Array): number | undefined {
    if (!this.isOpen) throw new Error("read of a closed port");
    const part = this.#bytes.subarray(this.#at, this.#at + target.length);
    if (!part.length) return undefined;
    target.set(part);
    this.#at += part.length;
    return part.length;
  }
}

/** Ticks that the test sets; nothing is ever scheduled by a P1 driver. */
export class Ticks implements Clock {
  ticks = 0;
  readonly time = undefined;

  set(): never {
    throw new Error("P1 has set a timer");
  }

  clear(): void {}
}

export interface Reader {
  p1: P1;
  line: StubLine;
  clock: Ticks;
  samples: Sample[];
  feed(bytes: Uint8Array): void;
}

/** A driver on a stub, which takes each sample at once. */
export function createReader(configuration: P1Configuration = {}): Reader {
  const line = new StubLine();
  const clock = new Ticks();
  const samples: Sample[] = [];
  const p1 = new P1({
    sensor: { io: line.io, receive: 1 },
    clock,
    onSample: () => {
      const sample = p1.sample();
      if (sample) samples.push(sample);
    },
  });
  p1.configure(configuration);
  return { p1, line, clock, samples, feed: (bytes) => line.feed(bytes) };
}

/** The samples of a stream; `sizes` are the sizes of its chunks, again and again. */
export function samplesOf(
  bytes: Uint8Array,
  configuration: P1Configuration = {},
  sizes: readonly number[] = [bytes.length || 1],
): Sample[] {
  const reader = createReader(configuration);
  feedInChunks(reader, bytes, sizes);
  return reader.samples;
}

export function feedInChunks(reader: Reader, bytes: Uint8Array, sizes: readonly number[]): void {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length];
    reader.feed(bytes.subarray(at, at + size));
    at += size;
  }
}
