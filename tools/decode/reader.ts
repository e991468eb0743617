import { decodeDescriptor } from "./descriptor";
import { decodeEvent, type TerminalEvent } from "./events";
import type { FrameReadings } from "./formats/format";
import { decodeFrame } from "./frame";
import { KnownProfiles } from "./profiles";
import {
  type DescriptorTopic,
  type FrameTopic,
  parseDescriptorTopic,
  parseEventTopic,
  parseOtherTopic,
  parseTopic,
} from "./records";

export type ReadResult =
  | { kind: "frame"; device: string; frame: FrameReadings }
  /** The broker delivers at least once: (device, boot, seq) tells a frame that came before. */
  | { kind: "repeat"; device: string }
  /** What later frames of that point need. */
  | { kind: "descriptor"; device: string }
  | { kind: "event"; device: string; event: TerminalEvent }
  /** The retained state message, a wish: what is no reading. */
  | { kind: "other"; device: string }
  | { kind: "undecodable"; device: string | undefined; error: string };

/** Turns messages into readings, each frame once. */
export class FrameReader {
  /** Sequence numbers seen, by device and epoch. */
  readonly #seen = new Map<string, Set<number>>();
  readonly #profiles = new KnownProfiles();

  accept(topic: string, payload: Uint8Array): ReadResult {
    const source = parseTopic(topic);
    if (source) return this.acceptFrom(source, payload);
    const descriptor = parseDescriptorTopic(topic);
    if (descriptor) return this.#acceptDescriptor(descriptor, payload);
    const event = parseEventTopic(topic);
    if (event !== undefined) return this.#acceptEvent(event, payload);
    const device = parseOtherTopic(topic);
    if (device !== undefined) return { kind: "other", device };
    const error = "the topic is neither gm/<device>/<point>/f nor gm/<device>/<point>/d/<profile>";
    return { kind: "undecodable", device: undefined, error };
  }

  /** A frame without a topic. */
  acceptFrom(source: FrameTopic, payload: Uint8Array): ReadResult {
    const { device } = source;
    const result = decodeFrame(payload, (number) => this.#profiles.get(source, number));
    if (!result.ok) return { kind: "undecodable", device, error: result.error };
    const { boot, seq, errorMs, readings } = result.frame;
    const epoch = `${device} ${boot}`;
    const seen = this.#seen.get(epoch) ?? new Set();
    this.#seen.set(epoch, seen);
    if (seen.has(seq)) return { kind: "repeat", device };
    seen.add(seq);
    const profile = this.#profiles.get(source, result.frame.profile)!;
    return { kind: "frame", device, frame: { ...source, boot, seq, errorMs, profile, readings } };
  }

  #acceptEvent(device: string, payload: Uint8Array): ReadResult {
    const result = decodeEvent(payload);
    return result.ok
      ? { kind: "event", device, event: result.event }
      : { kind: "undecodable", device, error: result.error };
  }

  #acceptDescriptor({ source, profile }: DescriptorTopic, payload: Uint8Array): ReadResult {
    const { device } = source;
    // A broker forgets a retained message by an empty one; frames that were made before still need it.
    if (!payload.length) return { kind: "descriptor", device };
    const result = decodeDescriptor(profile, payload);
    if (!result.ok) return { kind: "undecodable", device, error: result.error };
    this.#profiles.add(source, result.profile);
    return { kind: "descriptor", device };
  }
}
