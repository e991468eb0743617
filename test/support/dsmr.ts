import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export * from "./p1-reader";

const DSMR = fileURLToPath(new URL("../../../shared/data/dsmr/", import.meta.url));

/** False, with one line of warning, where the recorded telegrams are not there. */
export function hasRecordedTelegrams(): boolean {
  return existsSync(DSMR);
}

/** The same, with one line of warning: for one of the files of tests, so that it is one line. */
export function warnWithoutRecordedTelegrams(): boolean {
  const there = hasRecordedTelegrams();
  if (!there) console.warn(`SKIPPED: recorded P1 telegrams, ${DSMR} is not there`);
  return there;
}

export function recordedTelegram(name: string): Uint8Array {
  return readFileSync(`${DSMR}telegrams/${name}`);
}

export function recordedTelegramNames(): string[] {
  return readdirSync(`${DSMR}telegrams`).sort();
}

export function recordedStream(): Uint8Array {
  return readFileSync(`${DSMR}nielsbasjes_ttyUSB0-raw.txt`);
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** CRC-16/ARC bit by bit, so that a wrong table is found. */
export function naiveCrc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** Lines to a telegram with its checksum. */
export function telegram(lines: readonly string[], identification = "TST5\\2TEST"): Uint8Array {
  return withChecksum(`/${identification}\r\n\r\n${lines.map((line) => `${line}\r\n`).join("")}!`);
}

/** `body` ends with its `!`. */
export function withChecksum(body: string): Uint8Array {
  const crc = naiveCrc16(bytesOf(body));
  return bytesOf(`${body}${crc.toString(16).toUpperCase().padStart(4, "0")}\r\n`);
}
