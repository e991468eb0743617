import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Patch } from "./plants";

const ROOT = join(import.meta.dirname, "..", "..");

/**
 * A module of this folder, with the firmware of a changed source.
 * @throws Error when the source does not have that text just once.
 */
export async function patchedModule<T>(name: string, patch: Patch): Promise<T> {
  // Below the root, so that packages are found.
  const folder = mkdtempSync(join(ROOT, "node_modules", ".powercut-"));
  try {
    const outfile = join(folder, `${name}.mjs`);
    await build({
      entryPoints: [join(import.meta.dirname, `${name}.ts`)],
      ...{ outfile, bundle: true, platform: "node", target: "node20", format: "esm", packages: "external" },
      plugins: [patching(patch)],
      logLevel: "silent",
    });
    return (await import(pathToFileURL(outfile).href)) as T;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function patching({ module, text, by }: Patch): Plugin {
  const path = join(ROOT, "src", module);
  return {
    name: "patch",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, (file) => {
        if (file.path !== path) return undefined;
        const parts = readFileSync(path, "utf8").split(text);
        if (parts.length !== 2) throw new Error(`${module} has ${parts.length - 1} times: ${text}`);
        return { contents: parts.join(by), loader: "ts" };
      });
    },
  };
}
