import type { Sample } from "../../src/model/reading";
import { P1 } from "../../src/sensors/p1";
import { Feed } from "./port";

const feed = new Feed();
let sample: Sample | undefined;
let p1: P1 | undefined;

/** `open`, then `feed` with a telegram: the driver's sample of it. */
export default function onEvent(event: "open" | "feed", bytes: ArrayBuffer, chunkBytes: number): unknown {
  if (event === "open") {
    const onSample = () => {
      sample = p1?.sample();
    };
    p1 = new P1({ sensor: { io: feed.io, receive: 1 }, onSample });
    return undefined;
  }
  feed.push(new Uint8Array(bytes), chunkBytes);
  return sample;
}
