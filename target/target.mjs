// npm run target: the firmware on XS, on this machine. CONTRIBUTING.md says more.
import { existsSync, realpathSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { exitWith, root as repository, WrongUsage } from "../tools/sdk/sdk.mjs";
import { buildEngine } from "./build.mjs";
import { describeImage, MAIN, makeApp, makeImage, makeProgram, makeProvider, runProgram } from "./image.mjs";
import { withLock } from "./lock.mjs";

const USAGE = `npm run target -- [COMMAND] [OPTIONS]: the firmware on XS, on this machine

  [--root DIR]                     builds the engine and the image of DIR/src
  list [--root DIR]                the image's modules as JSON
  run [OPTIONS] PROGRAM.ts         runs the default export of a module below DIR on that image: bytes of standard
                                   input in, text out
  archive [--root DIR] PROGRAM.ts  as JSON, the files that a module below DIR is served with
  terminal [--app FILE]            as JSON, the files that a terminal on XS is started with; the app is what
                                   src/app/manifest.json names, or one file of JavaScript below this repository

DIR is this repository unless --root names another. Options of run: --root, and --deadline MS, --memory BYTES,
--chunks BYTES, --slots N, --stack SLOTS, which bound it.
Exit code 0 good, 1 failed, 2 something is missing or the command line makes no sense.`;

const folder = join(repository, "build", "target");
const COMMANDS = ["archive", "build", "list", "run", "terminal"];
const TAKE_PROGRAM = ["archive", "run"];

function parse(args) {
  const [first, ...rest] = args;
  const command = COMMANDS.includes(first) ? first : "build";
  const words = command === first ? rest : args;
  const parsed = { command, root: repository, options: [], program: undefined };
  for (let at = 0; at < words.length; at++) {
    if (words[at] === "--root") {
      if (!words[at + 1]) throw new WrongUsage("--root needs a folder: put it behind");
      parsed.root = resolve(words[++at]);
    } else if (command === "terminal" && words[at] === "--app") {
      if (!words[at + 1]) throw new WrongUsage("--app needs a file: put it behind");
      parsed.app = realpathSync(resolve(words[++at]));
    } else if (command === "run" && words[at].startsWith("--"))
      parsed.options.push(words[at], words[++at] ?? "");
    else if (TAKE_PROGRAM.includes(command) && !parsed.program) parsed.program = words[at];
    else throw new WrongUsage(`unexpected argument "${words[at]}"`);
  }
  parsed.root = findRoot(parsed.root);
  if (!TAKE_PROGRAM.includes(command)) return parsed;
  if (!parsed.program) throw new WrongUsage(`${command} what? A program is missing`);
  return { ...parsed, program: findProgram(parsed.root, parsed.program) };
}

/** esbuild has files by their real paths, and so have we. */
function findRoot(root) {
  if (!existsSync(join(root, MAIN)))
    throw new WrongUsage(`there is no ${MAIN} in ${root}: let --root name a folder that has one`);
  return realpathSync(root);
}

/** The path of a program from `root`, as the image's modules have it. */
function findProgram(root, program) {
  const path = resolve(root, program);
  if (!existsSync(path))
    throw new WrongUsage(`there is no ${program} in ${root}: give a program's path from there`);
  if (!statSync(path).isFile() || !path.endsWith(".ts"))
    throw new WrongUsage(`${program} in ${root} is no TypeScript file: name one that ends in .ts`);
  const fromRoot = relative(root, realpathSync(path)).split(sep).join("/");
  if (fromRoot.startsWith("../"))
    throw new WrongUsage(`${program} is not below ${root}: move it there, or let --root name its folder`);
  return fromRoot;
}

function say(engine, { modules, fileBytes }, made, seconds) {
  const codeBytes = modules.reduce((sum, module) => sum + module.codeBytes, 0);
  const slots = modules.reduce((sum, module) => sum + module.slots, 0);
  console.log(`engine: ${engine.compiled} files compiled, ${engine.linked} programs linked`);
  console.log(
    `image ${made ? "made" : "is up to date"}: ${modules.length} modules, ${codeBytes} bytes of bytecode, ${slots} slots; a file of ${fileBytes} bytes`,
  );
  console.log(`${seconds.toFixed(1)} s`);
}

await exitWith("target", async () => {
  const start = performance.now();
  if (process.argv.includes("--help")) return console.log(USAGE);
  const { command, root, options, program, app: own } = parse(process.argv.slice(2));
  const { engine, image } = await withLock(join(folder, "lock"), async () => {
    const engine = await buildEngine(folder);
    return { engine, image: await makeImage(root, folder, engine) };
  });
  if (command === "terminal") {
    const provider = await makeProvider(root, folder, image, engine);
    const app = await makeApp(root, folder, engine, own);
    console.log(JSON.stringify({ ...engine, image: image.image, app, provider }));
    return;
  }
  if (command === "archive") {
    const archive = await makeProgram(root, folder, program, image, engine);
    console.log(JSON.stringify({ engine: engine.engine, image: image.image, archives: [archive] }));
    return;
  }
  if (command === "run") return runProgram(root, program, image, engine, options);
  const description = describeImage(image.image, engine.engine);
  if (command === "list")
    console.log(
      JSON.stringify({ engine: engine.engine, compile: engine.compile, image: image.image, ...description }),
    );
  else say(engine, description, image.made, (performance.now() - start) / 1000);
});
