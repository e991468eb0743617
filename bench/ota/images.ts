import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { createRandom } from "../../hal-mocks/random";

const ROOT = join(import.meta.dirname, "..");
const APP = join("src", "app", "default.ts");
/** One line of the app, and what it becomes. */
const LINE = "return { plan: { streams, sessionMs: config.sessionMs } };";
const CHANGED = "return { plan: { streams, sessionMs: 2 * config.sessionMs } };";
/** 732 lines of JavaScript, as the SDK's mcrun makes them. */
const LARGE_APP_BYTES = 11 * 1024;
/** An estimate: about what an image of the SDK with its modules has. */
const NATIVE_BYTES = 1024 * 1024;

/** The app of this repository as bytecode: before the change of one line, and after it. */
export interface AppImages {
  before: Uint8Array;
  after: Uint8Array;
}

/** Undefined where XS cannot be built: it takes Linux and a C compiler. */
export function compileApps(): AppImages | undefined {
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, "target", "target.mjs"), "terminal"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) return undefined;
  const { compile } = JSON.parse(stdout) as { compile: string };
  const source = readFileSync(join(ROOT, APP), "utf8");
  if (!source.includes(LINE)) throw new Error(`bench:ota: ${APP} does not have the line "${LINE}" any more`);
  return { before: archive(compile, source), after: archive(compile, source.replace(LINE, CHANGED)) };
}

function archive(compile: string, source: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "gridmote-ota-"));
  const [code, map, file] = ["app.js", "app.map", "app.xsa"].map((name) => join(folder, name));
  try {
    const made = transformSync(source, { loader: "ts", sourcemap: "external", sourcefile: APP });
    writeFileSync(code, `${made.code}//# sourceMappingURL=map\n`);
    writeFileSync(map, made.map);
    const { status, stderr } = spawnSync(compile, [file, "app", code, map], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return new Uint8Array(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes that only have the size of what they stand for. */
function filler(byteLength: number, tag: number): Uint8Array {
  const random = createRandom(tag);
  const bytes = Uint8Array.from({ length: byteLength }, () => random.below(256));
  return bytes;
}

/** An archive begins with its length. */
export function largeApp(tag: number): Uint8Array {
  const bytes = filler(LARGE_APP_BYTES, tag);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  return bytes;
}

/** ESP32's images begin with 0xe9. */
export function nativeImage(tag: number): Uint8Array {
  const bytes = filler(NATIVE_BYTES, tag);
  bytes[0] = 0xe9;
  return bytes;
}
