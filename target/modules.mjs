// TypeScript modules as XS takes them: one JavaScript module each, in the order in which they can run.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, transform } from "esbuild";
import { WrongUsage } from "../tools/sdk/sdk.mjs";

/**
 * The modules that `entries` load at run time, each after those that it imports; paths are relative to `root`.
 * Bare specifiers are the platform's, and left out.
 */
export async function loadOrder(root, entries) {
  return orderOf(await analyze(root, entries), entries);
}

/**
 * The same of a program, whose default export is what runs.
 * @throws WrongUsage when it has none: XS would say so of the module that imports it.
 */
export async function programOrder(root, program) {
  const metafile = await analyze(root, [program]);
  const { exports } = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint === program);
  if (!exports.includes("default"))
    throw new WrongUsage(`${program} has no default export: a program's is the function that runs`);
  return orderOf(metafile, [program]);
}

async function analyze(root, entries) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    outdir: "unused",
    packages: "external",
    logLevel: "silent",
  });
  return metafile;
}

function orderOf(metafile, entries) {
  const order = [];
  const visited = new Set();
  const visit = (path) => {
    if (visited.has(path)) return;
    visited.add(path);
    for (const { path: imported, external } of metafile.inputs[path].imports) if (!external) visit(imported);
    order.push(path);
  };
  for (const entry of entries) visit(entry);
  return order;
}

/**
 * Takes the types from each module, and nothing else: esbuild's bundler would turn `const` into `var`.
 * @returns for each module its name in the engine, its JavaScript and its source map, in `folder`.
 */
export async function transpile(root, paths, folder) {
  return Promise.all(
    paths.map(async (path) => {
      const source = join(folder, `${path}.js`);
      const map = `${source}.map`;
      const { code, map: mapping } = await transform(readFileSync(join(root, path), "utf8"), {
        loader: "ts",
        target: "es2022",
        sourcemap: "external",
        sourcefile: path,
        tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, target: "es2022" } },
      });
      mkdirSync(dirname(source), { recursive: true });
      // XS takes a map for what has this comment; which one, the compiler is told.
      writeFileSync(source, `${code}//# sourceMappingURL=map\n`);
      writeFileSync(map, mapping);
      return { name: path, source, map };
    }),
  );
}
