// What `npm run flash -- NAME=VALUE` builds into the firmware: a slip would show only in the board's log.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root, WrongUsage } from "./sdk.mjs";

/** What src/ota/built-in.ts takes of a build, beside the settings of src/config.ts. */
const BUILT_IN = ["updateVendor", "updateClass", "updateKeys", "hardware", "release", "engine"];

/** A board takes updates with all of these, and none without one. */
const WHOSE = ["updateVendor", "updateClass", "updateKeys"];
const UUID = /^[\da-f]{8}-?([\da-f]{4}-?){3}[\da-f]{12}$/i;

function checkUpdates(values) {
  const given = WHOSE.filter((name) => values[name]);
  const missing = WHOSE.find((name) => !values[name]);
  if (given.length && missing)
    throw new WrongUsage(`${given[0]} is given, but no ${missing}: no update would be taken`);
  for (const name of WHOSE.slice(0, 2))
    if (values[name] && !UUID.test(values[name]))
      throw new WrongUsage(`${name} is "${values[name]}", expected a UUID: gridmote ota inspect prints it`);
}

async function loadConfig() {
  const { outputFiles } = await build({
    ...{ entryPoints: [join(root, "src", "config.ts")], bundle: true, format: "esm", write: false },
    logLevel: "silent",
  });
  const [{ text }] = outputFiles;
  return (await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`)).loadConfig;
}

/** Those of mcconfig's arguments that are settings: what follows an option such as -p is its value. */
function settingsAmong(args) {
  const pairs = args.filter(
    (argument, index) => /^\w+=/.test(argument) && !/^-\w$/.test(args[index - 1] ?? ""),
  );
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}

/**
 * Checks what manifest.json and the arguments of mcconfig make of the configuration.
 * @throws WrongUsage for the first setting that the firmware would not take.
 */
export async function checkSettings(args) {
  const { config = {} } = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8"));
  const given = settingsAmong(args);
  checkUpdates({ ...config, ...given });
  const layers = [
    { from: "manifest.json", values: config },
    { from: "the command line", values: given },
  ].map(({ from, values }) => ({
    from,
    values: Object.fromEntries(Object.entries(values).filter(([name]) => !BUILT_IN.includes(name))),
  }));
  const [problem] = (await loadConfig())(layers).problems;
  if (problem) throw new WrongUsage(`${problem.from}: ${problem.message}; docs/settings.md has all settings`);
}
