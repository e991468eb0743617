// Builds what bench/engine.ts runs, and prints as JSON which files they are: a metered engine, its image of the
// firmware, and archives of the programs. Exit code as target/target.mjs.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { buildEngine, METERED } from "../target/build.mjs";
import { describeImage, makeArchive, makeImage, makeProvider } from "../target/image.mjs";
import { withLock } from "../target/lock.mjs";
import { loadOrder } from "../target/modules.mjs";
import { exitWith, root } from "../tools/sdk/sdk.mjs";

const folder = join(root, "build", "target");
const PROGRAMS = ["idle", "telegram", "frame", "outbox", "sensor"];
const PEER = "cbor-x";

/** A program with what it imports and the image does not have. */
async function makeProgram(name, { modules }, engine) {
  const paths = await loadOrder(root, [`bench/programs/${name}.ts`]);
  const own = paths.filter((path) => !modules.includes(path));
  return makeArchive(
    root,
    engine.folder,
    own.map((path) => ({ name: path, path })),
    engine,
  );
}

/** A package of npm as one module of its own name. */
async function makePeer(engine) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`bench/programs/${PEER}.ts`],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "silent",
  });
  const bundles = join(engine.folder, "bundles");
  mkdirSync(bundles, { recursive: true });
  writeFileSync(join(bundles, `${PEER}.js`), outputFiles[0].contents);
  return makeArchive(bundles, engine.folder, [{ name: PEER, path: `${PEER}.js` }], engine);
}

await exitWith("bench", async () => {
  const files = await withLock(join(folder, "lock"), async () => {
    const engine = await buildEngine(folder, process.env, METERED);
    const image = await makeImage(root, engine.folder, engine);
    const programs = {};
    for (const name of PROGRAMS) programs[name] = await makeProgram(name, image, engine);
    return {
      engine: engine.engine,
      image: image.image,
      provider: await makeProvider(root, engine.folder, image, engine),
      programs,
      peer: await makePeer(engine),
      ...describeImage(image.image, engine.engine),
    };
  });
  console.log(JSON.stringify(files));
});
