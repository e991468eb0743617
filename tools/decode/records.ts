import { Quality, qualityName } from "../../src/model/quality";
import type { FrameReadings } from "./formats/format";

/** One reading as a flat object: the line of JSON that `gridmote decode` prints. */
export interface DecodedRecord {
  device: string;
  point: number;
  boot: number;
  seq: number;
  /** ISO 8601, or null when the terminal did not know the time. */
  time: string | null;
  /** By how much the time may be off at most, where the terminal says it: it learned the time later. */
  errorMs?: number;
  /** The quality's name, where it is not good. */
  quality?: string;
  [channel: string]: string | number | null | undefined;
}

export const MAX_POINT = 65_535;

export interface FrameTopic {
  device: string;
  point: number;
}

const SOURCE = String.raw`^gm/([^/+#\p{Cc}]{1,64})/(0|[1-9]\d{0,4})`;
const FRAME_TOPIC = new RegExp(`${SOURCE}/f$`, "u");
const DESCRIPTOR_TOPIC = new RegExp(String.raw`${SOURCE}/d/(0|[1-9]\d{0,15})$`, "u");

/** Takes `gm/<device>/<point>/f` apart; undefined for any other topic. */
export function parseTopic(topic: string): FrameTopic | undefined {
  return sourceOf(FRAME_TOPIC.exec(topic));
}

/** The device of an event's topic. */
export function parseEventTopic(topic: string): string | undefined {
  return /^gm\/([a-z0-9_-]+)\/\d+\/e$/.exec(topic)?.[1];
}

/** The device of a topic that carries its state (s) or a wish for it (w). */
export function parseOtherTopic(topic: string): string | undefined {
  return /^gm\/([a-z0-9_-]+)\/[sw]$/.exec(topic)?.[1];
}

export interface DescriptorTopic {
  source: FrameTopic;
  profile: number;
}

/** Takes `gm/<device>/<point>/d/<profile>` apart; undefined for any other topic. */
export function parseDescriptorTopic(topic: string): DescriptorTopic | undefined {
  const parts = DESCRIPTOR_TOPIC.exec(topic);
  const source = sourceOf(parts);
  const profile = Number(parts?.[3]);
  return source && Number.isSafeInteger(profile) ? { source, profile } : undefined;
}

function sourceOf(parts: RegExpExecArray | null): FrameTopic | undefined {
  const point = Number(parts?.[2]);
  return parts && point <= MAX_POINT ? { device: parts[1], point } : undefined;
}

export function recordsOf(frame: Omit<FrameReadings, "profile">): DecodedRecord[] {
  const { device, point, boot, seq, errorMs, readings } = frame;
  return readings.map(({ time, quality, values }) => {
    const record: DecodedRecord = {
      device,
      point,
      boot,
      seq,
      time: time === undefined ? null : isoTime(time),
    };
    if (errorMs !== undefined && time !== undefined) record.errorMs = errorMs;
    if (quality !== Quality.good) record.quality = qualityName(quality);
    // Not Object.assign, which takes three times as long: a year of a street is many readings.
    for (const channel in values) record[channel] = values[channel];
    return record;
  });
}

/** Milliseconds only where there are any. A time that no calendar has is null. */
export function isoTime(time: number): string | null {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return null;
  return date.toISOString().replace(".000Z", "Z");
}
