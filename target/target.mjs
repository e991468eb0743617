// npm run target: the firmware on XS, on this machine. CONTRIBUTING.md says more.
//
//   node target/target.mjs [--root DIR]                  builds the engine and the image of DIR/src
//   node target/target.mjs list [--root DIR]             the image's modules as JSON
//   node target/target.mjs terminal                      as JSON, the files that a terminal on XS is started with
//   node target/target.mjs archive [--root DIR] PROGRAM.ts  as JSON, the files that a program of DIR is served with
//   node target/target.mjs run [OPTIONS] PROGRAM.ts      runs a program of DIR on that image; see image.mjs
//
// Options of run: --root, and those of the engine (--deadline, --memory, --stack).
// Exit code 0 good, 1 failed, 2 something is missing or the command line makes no sense.
import { join, resolve } from "node:path";
import { exitWith, root as repository, WrongUsage } from "../tools/sdk/sdk.mjs";
import { buildEngine } from "./build.mjs";
import { describeImage, makeApp, makeImage, makeProgram, makeProvider, runProgram } from "./image.mjs";
import { withLock } from "./lock.mjs";

const folder = join(repository, "build", "target");
const COMMANDS = ["archive", "build", "list", "run", "terminal"];
const TAKE_PROGRAM = ["archive", "run"];

function parse(args) {
  const [first, ...rest] = args;
  const command = COMMANDS.includes(first) ? first : "build";
  const words = command === first ? rest : args;
  const parsed = { command, root: repository, options: [], program: undefined };
  for (let at = 0; at < words.length; at++) {
    if (words[at] === "--root" && words[at + 1]) parsed.root = resolve(words[++at]);
    else if (command === "run" && words[at].startsWith("--"))
      parsed.options.push(words[at], words[++at] ?? "");
    else if (TAKE_PROGRAM.includes(command) && !parsed.program) parsed.program = words[at];
    else throw new WrongUsage(`unexpected argument "${words[at]}"`);
  }
  if (TAKE_PROGRAM.includes(command) && !parsed.program)
    throw new WrongUsage(`${command} what? A program is missing`);
  return parsed;
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
  const { command, root, options, program } = parse(process.argv.slice(2));
  const { engine, image } = await withLock(join(folder, "lock"), async () => {
    const engine = await buildEngine(folder);
    return { engine, image: await makeImage(root, folder, engine) };
  });
  if (command === "terminal") {
    const provider = await makeProvider(root, folder, image, engine);
    const app = await makeApp(root, folder, engine);
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
