import type { FrameReadings } from "./formats/format";
import { decodeFrame, type FrameResult } from "./frame";
import { KnownProfiles } from "./profiles";
import { type FrameTopic, parseTopic } from "./records";

export type ReadResult =
  | { kind: "frame"; device: string; frame: FrameReadings }
  /** The broker delivers at least once: (device, boot, seq) tells a frame that came before. */
  | { kind: "repeat"; device: string }
  | { kind: "undecodable"; device: string | undefined; error: string };

/** Turns messages into readings, each frame once. */
export class FrameReader {
  /** Sequence numbers seen, by device and epoch. */
  readonly #seen = new Map<string, Set<number>>();
  readonly #profiles = new KnownProfiles();

  accept(topic: string, payload: Uint8Array): ReadResult {
    const source = parseTopic(topic);
    if (!source)
      return { kind: "undecodable", device: undefined, error: "the topic is not gm/<device>/<point>/f" };
    return this.acceptFrom(source, decodeFrame(payload));
  }

  acceptFrom(source: FrameTopic, result: FrameResult): ReadResult {
    const { device } = source;
    if (!result.ok) return { kind: "undecodable", device, error: result.error };
    const { boot, seq } = result.frame;
    const epoch = `${device} ${boot}`;
    const seen = this.#seen.get(epoch) ?? new Set();
    this.#seen.set(epoch, seen);
    if (seen.has(seq)) return { kind: "repeat", device };
    seen.add(seq);
    const profile = this.#profiles.get(result.frame.profile)!;
    const frame = { ...source, ...result.frame, profile };
    return { kind: "frame", device, frame };
  }
}
