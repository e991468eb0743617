import { decodeFrame, type FrameResult } from "./frame";
import { type DecodedRecord, type FrameTopic, parseTopic, recordsOf } from "./records";

export type ReadResult =
  | { kind: "frame"; device: string; records: DecodedRecord[] }
  /** The broker delivers at least once: (device, boot, seq) tells a frame that came before. */
  | { kind: "repeat"; device: string }
  | { kind: "undecodable"; device: string | undefined; error: string };

/** Turns messages into readings, each frame once. */
export class FrameReader {
  /** Sequence numbers seen, by device and epoch. */
  readonly #seen = new Map<string, Set<number>>();

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
    return { kind: "frame", device, records: recordsOf(source, result.frame) };
  }
}
