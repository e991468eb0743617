import type { Crypto } from "../../../src/hal";
import {
  checkBlock,
  checkTable,
  isInStage,
  RefusedUpdate,
  readAnnouncement,
  readOffer,
  type TrustedKey,
} from "../../../src/ota/package";
import { imageName } from "../../../src/ota/topics";
import { createHal } from "../../../target/provider/hal";

/** What a node makes of an announcement and the first block, as text. */
export function judge(message: Uint8Array, block: Uint8Array, trusted: TrustedKey, crypto: Crypto): string {
  try {
    const announcement = readAnnouncement(message);
    if (!announcement) return "withdrawn";
    const manifest = readOffer(announcement.offer, [trusted], crypto);
    const isInTurn = isInStage(manifest, announcement, "house-1", crypto);
    checkTable(manifest, announcement.table, crypto);
    checkBlock(manifest, announcement.table, 0, block, crypto);
    return `${manifest.kind} ${manifest.version} ${manifest.base?.engine} ${imageName(manifest)} ${isInTurn}`;
  } catch (error) {
    if (error instanceof RefusedUpdate) return error.message;
    throw error;
  }
}

/** Called with announcement, block, key id and key, on XS with the cryptography of its host. */
export default function onEvent(_event: string, ...parts: readonly ArrayBuffer[]): string {
  const [message, block, kid, key] = parts.map((part) => new Uint8Array(part));
  return judge(message, block, { kid, key }, createHal().crypto!);
}
