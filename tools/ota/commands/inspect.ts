import { type Command, UsageError } from "../../cli/command";
import { readable } from "../../cli/options";
import { jsonOf, linesOf } from "../describe";
import { readBytes } from "../files";
import { readPackage } from "../package-file";
import { unverified } from "../unverified";
import { explained } from "./options";

export const inspectCommand: Command = {
  name: "ota inspect",
  summary: "Says what stands in a package, without verifying anything.",
  positionals: "PACKAGE",
  maximumPositionals: 1,
  options: { json: { help: "one JSON object" } },
  async run(values, [path], io) {
    if (!path) throw new UsageError("which PACKAGE?");
    const bytes = readBytes(readable(path));
    const { manifest, kid } = explained(path, () => unverified(readPackage(bytes).offer));
    if (values.json) io.stdout.write(`${JSON.stringify(jsonOf(manifest))}\n`);
    else
      io.stdout.write(
        `${linesOf(manifest, kid)}Nothing of this is verified: gridmote ota verify does that.\n`,
      );
    return 0;
  },
};
