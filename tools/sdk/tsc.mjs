// tsc as the SDK's makefiles call it: once for each module, which checks all that the module imports each time. The modules
// that know the platform import all others, so they alone go to the real tsc; the rest lose their types by esbuild.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { transformSync } from "esbuild";
import { root } from "./sdk.mjs";

/** An import of something by a name that is no path, or a C function. */
const KNOWS_PLATFORM = /^\} from "[^."]|^import [^;]* from "[^."]|\bnative\("/m;

function realTsc(args) {
  const { status } = spawnSync(join(root, "node_modules", ".bin", "tsc"), args, { stdio: "inherit" });
  return status ?? 1;
}

function strip(source, text, { rootDir, outDir }) {
  const target = join(outDir, relative(rootDir, source)).replace(/\.ts$/, ".js");
  const { code, map } = transformSync(text, { loader: "ts", sourcemap: "external", sourcefile: source });
  mkdirSync(dirname(target), { recursive: true });
  // xsc takes no map without a line in it.
  const isEmpty = code.trim() === "";
  writeFileSync(target, isEmpty ? "export {};\n" : `${code}//# sourceMappingURL=${target}.map\n`);
  if (!isEmpty) writeFileSync(`${target}.map`, map);
}

const args = process.argv.slice(2);
const [option, project] = args;
const { files, compilerOptions } = option === "-p" ? JSON.parse(readFileSync(project, "utf8")) : {};
const text = files?.length === 1 && compilerOptions?.outDir ? readFileSync(files[0], "utf8") : undefined;

if (text === undefined || KNOWS_PLATFORM.test(text)) process.exitCode = realTsc(args);
else strip(files[0], text, compilerOptions);
