import { configNames, type Loaded, loadConfig } from "./config";
import type { Hal, KeyValue } from "./hal";

/** Domain and key of the epoch, and the domain that provisioning writes. */
const IDENTITY = { path: "gridmote", boot: "boot" };
export const CONFIG_DOMAIN = "config";
const MANIFEST = "manifest";
const STORE = "key-value store";
const TWO_32 = 2 ** 32;

/**
 * Defaults, the manifest, then what provisioning has written.
 * @param stored as `provisioned` returns it.
 * @throws RangeError when the manifest's values are not valid.
 */
export function configure(overrides: Record<string, unknown>, stored: string): Loaded {
  const loaded = loadConfig([
    { from: MANIFEST, values: overrides },
    { from: STORE, values: JSON.parse(stored) },
  ]);
  const wrong = loaded.problems.filter(({ from }) => from === MANIFEST);
  if (wrong.length) throw new RangeError(`config: ${wrong.map(({ message }) => message).join("; ")}`);
  return loaded;
}

/** What provisioning has written, as JSON. What is not valid is logged and left out: it must not brick a node. */
export function provisioned(hal: Hal, overrides: Record<string, unknown>): string {
  const values: Record<string, unknown> = {};
  withStore(hal, CONFIG_DOMAIN, "string", (store) => {
    for (const name of configNames) {
      const value = readIfPossible(hal, store, name);
      if (value !== undefined) values[name] = value;
    }
  });
  const { problems } = loadConfig([
    { from: MANIFEST, values: overrides },
    { from: STORE, values },
  ]);
  for (const { from, name, message } of problems) {
    if (from !== STORE) continue;
    hal.log(`${from}: ${message}; left out`);
    delete values[name];
  }
  return JSON.stringify(values);
}

/** Begins an epoch: the next number, or a random one when the last is not known, or the next cannot be stored. */
export function raiseEpoch(hal: Hal): number {
  let boot = hal.random();
  withStore(hal, IDENTITY.path, "uint32", (store) => {
    const last = readIfPossible(hal, store, IDENTITY.boot) as number | undefined;
    const next = last === undefined ? boot : (last + 1) % TWO_32;
    // A store full of frames must not keep them from being sent. A random epoch will not have been before.
    store.write(IDENTITY.boot, next);
    boot = next;
  });
  return boot;
}

/** A store that fails is logged, never thrown: the next boot would find it as it is. */
function withStore(hal: Hal, path: string, format: KeyValue["format"], use: (store: KeyValue) => void): void {
  let store: KeyValue | undefined;
  try {
    store = hal.storage.keyValue.open({ path, format, mode: "r+" });
    use(store);
  } catch (error) {
    hal.log(`${STORE}: "${path}" cannot be used (${error})`);
  } finally {
    store?.close();
  }
}

/** A tool that fills NVS may have stored a number as one: the SDK reads each key in its own type only. */
function readIfPossible(hal: Hal, store: KeyValue, key: string): unknown {
  try {
    return store.read(key);
  } catch (error) {
    hal.log(`${STORE}: ${key} cannot be read as ${store.format} (${error}); left out`);
    return undefined;
  }
}
