import type { Serial, SerialConstructor, SerialOptions } from "../../src/hal";
import type { Sample } from "../../src/model/reading";
import { P1 } from "../../src/sensors/p1";

let waiting = new Uint8Array(0);
let at = 0;
let onReadable: SerialOptions["onReadable"];

class Port implements Pick<Serial, "format" | "read" | "write" | "close"> {
  format = "buffer" as const;

  constructor(options: SerialOptions) {
    onReadable = options.onReadable;
  }

  read(target?: unknown): undefined;
  read(target: Uint8Array): number | undefined {
    const part = waiting.subarray(at, at + target.length);
    if (!part.length) return undefined;
    target.set(part);
    at += part.length;
    return part.length;
  }

  write(): void {}

  close(): void {}
}

let sample: Sample | undefined;
let p1: P1 | undefined;

/** `open`, then `feed` with a telegram: the driver's sample of it. */
export default function onEvent(event: "open" | "feed", bytes: ArrayBuffer, chunkBytes: number): unknown {
  if (event === "open") {
    const onSample = () => {
      sample = p1?.sample();
    };
    p1 = new P1({ sensor: { io: Port as unknown as SerialConstructor, receive: 1 }, onSample });
    return undefined;
  }
  const telegram = new Uint8Array(bytes);
  for (let start = 0; start < telegram.length; start += chunkBytes) {
    waiting = telegram.subarray(start, start + chunkBytes);
    at = 0;
    onReadable?.(waiting.length);
  }
  return sample;
}
