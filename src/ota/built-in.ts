import type { Crypto, UpdateSettings } from "../hal";
import { fromHex, readKeys } from "./keys";

const UUID_BYTES = 16;
const MAX_REVISION = 0xffff;
/** Of a build; nothing that is provisioned changes them, or an update could bring its own key. */
const NAMES = ["updateVendor", "updateClass", "updateKeys"];

/**
 * Who a node is to updates, of the build's configuration: `updateVendor` and `updateClass` (UUIDs), `updateKeys`
 * (`readKeys`), `engine` (XS, `major.minor`), `hardware` (the board's revision, 0 when it is missing), and `release`, which
 * is 1 where keys for development are refused.
 * @returns undefined when any of it is missing or wrong: no update is taken then. `log` is told why, unless there is nothing.
 */
export function builtInUpdates(
  config: Readonly<Record<string, unknown>>,
  crypto: Crypto,
  log: (line: string) => void,
): UpdateSettings | undefined {
  if (!NAMES.some((name) => name in config)) return undefined;
  const [vendor, deviceClass] = [config.updateVendor, config.updateClass].map(uuidOf);
  const hardware = Number(config.hardware ?? 0);
  const engine = String(config.engine ?? "");
  const configuration = String(config.release ?? 0) === "1" ? "release" : "development";
  const { keys, problems } = readKeys(String(config.updateKeys ?? ""), configuration, crypto);
  if (!vendor) problems.push("updateVendor is no UUID");
  if (!deviceClass) problems.push("updateClass is no UUID");
  if (!engine) problems.push("engine is missing");
  const isRevision = Number.isInteger(hardware) && hardware >= 0 && hardware <= MAX_REVISION;
  if (!isRevision) problems.push("hardware is no revision of a board");
  for (const problem of problems) log(`updates: ${problem}`);
  if (!(vendor && deviceClass && engine && isRevision && keys.length)) {
    log("updates: this build takes none");
    return undefined;
  }
  return { vendor, deviceClass, hardware, engine, keys };
}

function uuidOf(value: unknown): Uint8Array | undefined {
  const bytes = fromHex(String(value ?? "").replaceAll("-", ""));
  return bytes?.length === UUID_BYTES ? bytes : undefined;
}
