// npm run flash, npm run monitor: mcconfig with what it needs. Further arguments go to mcconfig, such as
// `npm run flash -- -p esp32/nodemcu ssid=home`; give both commands the same -p, -d and -i.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkIdf, exitWith, findSdk, root, WrongUsage } from "./sdk.mjs";
import { checkSettings } from "./settings.mjs";

/** Targets of the SDK's makefile for ESP32: one run of mcconfig each. */
const TARGETS = { flash: ["build", "deploy"], monitor: ["xsbug"] };
const DEFAULT_PLATFORM = ["-p", "esp32"];

/** Where the bytecode of a module (XS_B) has the version of XS: behind the heads of two atoms. */
const VERSION_AT = 16;

/** The version of XS, `major.minor`, which an app of an update has to be made for: what the SDK's compiler writes. */
function engineOf(output, env) {
  const source = join(output, "engine.js");
  writeFileSync(source, "");
  const { status, stderr } = spawnSync("xsc", ["-e", "-o", output, source], { encoding: "utf8", env });
  if (status !== 0) throw new Error(`xsc ended with ${status}: ${stderr}`);
  const bytecode = readFileSync(join(output, "engine.xsb"));
  return `${bytecode[VERSION_AT]}.${bytecode[VERSION_AT + 1]}`;
}

const [task, ...rest] = process.argv.slice(2);

const targets = TARGETS[task];

await exitWith(targets ? task : "mcconfig", async () => {
  if (!targets) throw new WrongUsage(`expected ${Object.keys(TARGETS).join(" or ")}`);
  await checkSettings(rest);
  const { env } = findSdk();
  checkIdf();
  const output = join(root, "build", "sdk");
  mkdirSync(output, { recursive: true });
  const engine = rest.some((argument) => argument.startsWith("engine="))
    ? []
    : [`engine=${engineOf(output, env)}`];
  const platform = rest.includes("-p") ? [] : DEFAULT_PLATFORM;
  for (const target of targets) {
    const options = [
      "-m",
      ...platform,
      ...rest,
      "-t",
      target,
      "-o",
      output,
      join(root, "manifest.json"),
      ...engine,
    ];
    const { status } = spawnSync("mcconfig", options, { stdio: "inherit", env });
    if (status !== 0) return 1;
  }
});
