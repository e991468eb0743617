// Finds the Moddable SDK and what goes with it, and says in one line what is missing and how to get it.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const SDK_RELEASE = "8.2";
const DOCUMENTATION = "https://github.com/Moddable-OpenSource/moddable/blob/public/documentation";
const GETTING_STARTED = `${DOCUMENTATION}/Moddable%20SDK%20-%20Getting%20Started.md`;
const HOSTS = { darwin: "mac", linux: "lin" };
/** The SDK's generated configurations ask for es2025, which TypeScript 5 does not have. */
const TYPESCRIPT_MAJORS = ["6", "7"];

/** Something that is not installed. The message says what, and how to get it. */
export class Missing extends Error {
  name = "Missing";
  exitCode = 2;
}

/** A command line that makes no sense. */
export class WrongUsage extends Error {
  name = "WrongUsage";
  exitCode = 2;
}

/** The path of a command on `path`, or undefined. */
export function which(command, path) {
  return path
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The SDK as its tools want it.
 * @returns its version, the version of tsc, and the environment to run its tools in.
 * @throws Missing
 */
export function findSdk(env = process.env) {
  const { MODDABLE } = env;
  const get = `get the Moddable SDK ${SDK_RELEASE} as ${GETTING_STARTED} says, and set MODDABLE to its folder`;
  if (!MODDABLE) throw new Missing(`MODDABLE is not set: ${get}`);
  const versionFile = join(MODDABLE, "tools", "VERSION");
  if (!existsSync(versionFile)) throw new Missing(`MODDABLE is ${MODDABLE}, and there is no SDK: ${get}`);
  const version = readFileSync(versionFile, "utf8").trim();
  if (!version.startsWith(`${SDK_RELEASE}.`))
    throw new Missing(`the SDK in ${MODDABLE} is ${version}: ${get}`);

  const path = [join(root, "tools", "sdk", "bin"), toolsFolder(env), env.PATH]
    .filter(Boolean)
    .join(delimiter);
  return { version, moddable: MODDABLE, typescript: checkTypeScript(path), env: { ...env, PATH: path } };
}

/** Where mcconfig is, if not on the PATH already. */
function toolsFolder({ MODDABLE, BUILD_DIR, PATH }) {
  if (which("mcconfig", PATH)) return undefined;
  const folders = [BUILD_DIR, join(MODDABLE, "build")]
    .filter(Boolean)
    .map((build) => join(build, "bin", HOSTS[process.platform] ?? "", "release"));
  const found = folders.find((folder) => which("mcconfig", folder));
  if (!found) {
    const makefiles = join(MODDABLE, "build", "makefiles", HOSTS[process.platform] ?? "");
    throw new Missing(`mcconfig is not built: run make in ${makefiles}, and put what it makes on the PATH`);
  }
  return found;
}

function checkTypeScript(path) {
  const tsc = which("tsc", path);
  if (!tsc) throw new Missing("tsc is not installed: run npm ci");
  const output = spawnSync(tsc, ["--version"], {
    encoding: "utf8",
    env: { ...process.env, PATH: path },
  }).stdout;
  const version = /[0-9][0-9.]*/.exec(output)?.[0] ?? "unknown";
  if (!TYPESCRIPT_MAJORS.includes(version.split(".")[0])) {
    throw new Missing(`tsc is ${version}, the SDK needs ${TYPESCRIPT_MAJORS.join(" or ")}: run npm ci`);
  }
  return version;
}

/** @throws Missing when ESP-IDF, which builds and flashes the image, is not there. */
export function checkIdf({ IDF_PATH } = process.env) {
  const get = `install ESP-IDF as ${DOCUMENTATION}/devices/esp32.md says, and set IDF_PATH to its folder`;
  if (!IDF_PATH) throw new Missing(`IDF_PATH is not set: ${get}`);
  if (!existsSync(join(IDF_PATH, "export.sh")))
    throw new Missing(`IDF_PATH is ${IDF_PATH}, and there is no ESP-IDF: ${get}`);
}

/** Runs `body`, and ends the process: 0 good, 1 failed, 2 wrong usage or something is missing. */
export async function exitWith(name, body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exitCode = error.exitCode ?? 1;
  }
}
