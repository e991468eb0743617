import { loadConfig } from "../../src/config";
import { isSettable } from "../../src/ota/settable";
import { Failure } from "../cli/command";

/**
 * The image of a `config` package: a JSON object in ASCII, its names in order, each value as text or null, which takes a
 * setting away.
 * @throws Failure for what a node would not take.
 */
export function settingsImage(json: Uint8Array, path: string): Uint8Array {
  const settings = Object.entries(objectIn(json, path)).map(
    ([name, value]) => [name, value === null ? null : String(value)] as const,
  );
  for (const [name] of settings)
    if (!isSettable(name)) throw new Failure(`"${path}": an update cannot set "${name}"`);
  const values = Object.fromEntries(settings.filter(([, value]) => value !== null));
  const { problems } = loadConfig([{ from: path, values }]);
  if (problems.length) throw new Failure(`"${path}": ${problems[0].message}`);
  settings.sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify(Object.fromEntries(settings));
  const ascii = text.replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return new Uint8Array(Buffer.from(ascii, "latin1"));
}

function objectIn(json: Uint8Array, path: string): object {
  let values: unknown;
  try {
    values = JSON.parse(Buffer.from(json).toString());
  } catch (error) {
    throw new Failure(`"${path}" is no JSON: ${(error as Error).message}`);
  }
  if (typeof values !== "object" || values === null || Array.isArray(values) || !Object.keys(values).length)
    throw new Failure(`"${path}" holds no JSON object of settings`);
  return values;
}
