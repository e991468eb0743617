import { loadConfig } from "../config";
import { crc32 } from "../crc32";
import type { Hal, KeyValue } from "../hal";
import { CONFIG_DOMAIN } from "../provisioning";
import { RefusedUpdate } from "./refusal";
import { isSettable } from "./settable";
import { OLD_SETTINGS_BLOCK, SECTOR_BYTES, SETTINGS_BLOCK, UPDATE, withFlash, writeBlock } from "./slots";

/** Names of src/config.ts, and what they are to be; null takes one away. */
type Settings = Record<string, string | null>;

const LARGEST_ASCII = 0x7e;
/** Length and CRC-32 before the settings that were replaced. */
const HEADER_BYTES = 8;

/**
 * The image of a `config` update: a JSON object in ASCII (others as \u escapes) of settings as text, numbers as well.
 * @throws RefusedUpdate `settings` when it is not, or the firmware would not take them.
 */
export function readSettings(bytes: Uint8Array): Settings {
  const settings = parse(bytes);
  const values: Record<string, unknown> = {};
  for (const name in settings) if (settings[name] !== null) values[name] = settings[name];
  const { problems } = loadConfig([{ from: "update", values }]);
  if (problems.length) throw new RefusedUpdate("settings", problems[0].message);
  return settings;
}

function parse(bytes: Uint8Array): Settings {
  let text = "";
  for (const byte of bytes) {
    if (byte > LARGEST_ASCII) throw new RefusedUpdate("settings", "it is not ASCII");
    text += String.fromCharCode(byte);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RefusedUpdate("settings", String(error));
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new RefusedUpdate("settings", "it is no object");
  const settings: Settings = {};
  for (const [name, value] of Object.entries(json)) {
    if (!isSettable(name)) throw new RefusedUpdate("settings", `an update cannot set "${name}"`);
    settings[name] = value === null ? null : String(value);
  }
  return settings;
}

function format(settings: Settings): Uint8Array {
  const text = JSON.stringify(settings);
  let ascii = "";
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    ascii += code > LARGEST_ASCII ? `\\u${code.toString(16).padStart(4, "0")}` : text[index];
  }
  return Uint8Array.from(ascii, (character) => character.charCodeAt(0));
}

/** The settings of an update, as its slot has them. */
export function newSettings({ storage }: Hal, byteLength: number): Settings {
  const bytes = withFlash(storage.flash!, UPDATE, (flash) =>
    flash.read(byteLength, SETTINGS_BLOCK * SECTOR_BYTES),
  );
  return readSettings(new Uint8Array(bytes));
}

/**
 * Keeps what settings are now that an update will change.
 * @throws RefusedUpdate `full` when that is too long, `worn`.
 */
export function keepOld(hal: Hal, settings: Settings): void {
  const old: Settings = {};
  withStore(hal, (store) => {
    for (const name in settings) old[name] = (store.read(name) as string | undefined) ?? null;
  });
  const json = format(old);
  const bytes = new Uint8Array(HEADER_BYTES + json.length);
  if (bytes.length > SECTOR_BYTES) throw new RefusedUpdate("full", "the settings that it replaces");
  const words = new Uint32Array(bytes.buffer, 0, 2);
  words[0] = json.length;
  words[1] = crc32(json);
  bytes.set(json, HEADER_BYTES);
  if (!withFlash(hal.storage.flash!, UPDATE, (flash) => writeBlock(flash, OLD_SETTINGS_BLOCK, bytes)))
    throw new RefusedUpdate("worn");
}

/** Puts back what an update has replaced. What cannot be read any more stays as it is. */
export function restoreOld(hal: Hal): void {
  const bytes = withFlash(hal.storage.flash!, UPDATE, (flash) =>
    flash.read(SECTOR_BYTES, OLD_SETTINGS_BLOCK * SECTOR_BYTES),
  );
  const [length, crc] = new Uint32Array(bytes, 0, 2);
  const json = new Uint8Array(bytes, HEADER_BYTES).subarray(0, length);
  if (json.length !== length || crc32(json) !== crc) return;
  writeSettings(hal, parse(json));
}

/** Writes what differs: to do it once more changes nothing. */
export function writeSettings(hal: Hal, settings: Settings): void {
  withStore(hal, (store) => {
    for (const name in settings) {
      const value = settings[name];
      if (value === null) store.delete(name);
      else if (store.read(name) !== value) store.write(name, value);
    }
  });
}

function withStore(hal: Hal, use: (store: KeyValue) => void): void {
  const store = hal.storage.keyValue.open({ path: CONFIG_DOMAIN, format: "string", mode: "r+" });
  try {
    use(store);
  } finally {
    store.close();
  }
}
