// npm run flash, npm run monitor: mcconfig with what it needs. Further arguments go to mcconfig, such as
// `npm run flash -- -p esp32/nodemcu ssid=home`; give both commands the same -p, -d and -i.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkIdf, exitWith, findSdk, root, WrongUsage } from "./sdk.mjs";

/** Targets of the SDK's makefile for ESP32: one run of mcconfig each. */
const TARGETS = { flash: ["build", "deploy"], monitor: ["xsbug"] };
const DEFAULT_PLATFORM = ["-p", "esp32"];

const [task, ...rest] = process.argv.slice(2);

const targets = TARGETS[task];

await exitWith(targets ? task : "mcconfig", () => {
  if (!targets) throw new WrongUsage(`expected ${Object.keys(TARGETS).join(" or ")}`);
  const { env } = findSdk();
  checkIdf();
  const output = join(root, "build", "sdk");
  mkdirSync(output, { recursive: true });
  const platform = rest.includes("-p") ? [] : DEFAULT_PLATFORM;
  for (const target of targets) {
    const options = ["-m", ...platform, ...rest, "-t", target, "-o", output, join(root, "manifest.json")];
    const { status } = spawnSync("mcconfig", options, { stdio: "inherit", env });
    if (status !== 0) return 1;
  }
});
