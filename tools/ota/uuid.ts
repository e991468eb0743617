import { createHash } from "node:crypto";
import { UsageError } from "../cli/command";

/** The name space of domain names, RFC 9562 §6.6. */
const DNS = Buffer.from("6ba7b8109dad11d180b400c04fd430c8", "hex");
const UUID_BYTES = 16;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** UUID version 5 (RFC 9562 §5.5). */
function uuid5(space: Uint8Array, name: string): Uint8Array {
  const bytes = new Uint8Array(
    createHash("sha1").update(space).update(name).digest().subarray(0, UUID_BYTES),
  );
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes;
}

/** A vendor: its UUID, or its domain, of which the UUID is made (RFC 9124 §3.3). */
export function vendorOf(text: string, name: string): Uint8Array {
  if (UUID.test(text)) return parseUuid(text);
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(text))
    throw new UsageError(`--${name} is "${text}", expected a domain such as example.com, or a UUID`);
  return uuid5(DNS, text.toLowerCase());
}

/** A class of devices: its UUID, or a name that the vendor gives it. */
export function classOf(text: string, vendor: Uint8Array): Uint8Array {
  return UUID.test(text) ? parseUuid(text) : uuid5(vendor, text);
}

function parseUuid(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll("-", ""), "hex"));
}

export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
