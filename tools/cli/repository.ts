import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The command line is bundled into a folder of its own: package.json marks where the repository begins. */
export function repository(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}
