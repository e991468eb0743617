import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { batchesOf } from "../bench/bytes/batch";
import { codecsWith } from "../bench/bytes/codecs";
import { worldStreams } from "../bench/bytes/world";

const LAUNCH = join(import.meta.dirname, "..", "tools", "launch.mjs");

describe("bytes a reading", () => {
  it.each(worldStreams())("are fewest in a dense body: $name", (stream) => {
    const batches = batchesOf({ ...stream, rows: stream.rows.slice(0, 20 * stream.perFrame) });
    const sizes = codecsWith([]).map(({ name, bytes }) => ({ name, bytes: bytes(batches) }));
    expect(sizes.length).toBeGreaterThan(12);
    expect(sizes.sort((a, b) => a.bytes - b.bytes)[0].name).toBe("dense body");
  });
});

describe("a bench", () => {
  it.each(["engine", "sim", "outbox", "energy", "ota"])(
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
