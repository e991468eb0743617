import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const LAUNCH = join(import.meta.dirname, "..", "tools", "launch.mjs");

describe("a bench", () => {
  it.each(["engine", "sim", "outbox"])(
    "does not begin with an argument that it does not know: %s",
    (name) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCH, "--json", "--bogus"], {
        encoding: "utf8",
        env: { ...process.env, GRIDMOTE_ENTRY: `bench/${name}.ts` },
      });
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toBe(
        `bench:${name}: unexpected argument "--bogus": there is --json, and nothing else\n`,
      );
    },
  );
});
