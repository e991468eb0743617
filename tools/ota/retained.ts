import {
  type Announcement,
  BLOCK_BYTES,
  INLINE_TABLE_BYTES,
  type UpdateManifest,
} from "../../src/ota/package";
import { blockTopic, imageName, offerTopic, tableTopic } from "../../src/ota/topics";
import { encodeAnnouncement, encodeWithdrawal } from "./package";
import type { Package } from "./package-file";

/** A message that a broker keeps. */
export interface Message {
  topic: string;
  payload: Uint8Array;
}

/** In place of what was taken away: never empty, since the SDK's client waits for ever behind an empty message. */
const TOMBSTONE = 0;

/** The table, if it is too long for the announcement, and the blocks. */
export function contentMessages(manifest: UpdateManifest, { table, blocks }: Package): Message[] {
  const image = imageName(manifest);
  return [
    ...tableParts(table).map((payload, part) => ({ topic: tableTopic(image, part), payload })),
    ...blocks.map((payload, index) => ({ topic: blockTopic(image, index), payload })),
  ];
}

function tableParts(table: Uint8Array): Uint8Array[] {
  if (table.length <= INLINE_TABLE_BYTES) return [];
  const count = Math.ceil(table.length / BLOCK_BYTES);
  return Array.from({ length: count }, (_, part) =>
    table.subarray(part * BLOCK_BYTES, (part + 1) * BLOCK_BYTES),
  );
}

export function offerMessage({ deviceClass }: UpdateManifest, announcement: Announcement): Message {
  return { topic: offerTopic(deviceClass), payload: encodeAnnouncement(announcement) };
}

export function withdrawalMessage({ deviceClass }: UpdateManifest): Message {
  return { topic: offerTopic(deviceClass), payload: encodeWithdrawal() };
}

/** What takes the place of table and blocks, once nobody is to fetch them. */
export function tombstones(manifest: UpdateManifest, packed: Package): Message[] {
  return contentMessages(manifest, packed).map(({ topic }) => ({ topic, payload: Uint8Array.of(TOMBSTONE) }));
}
