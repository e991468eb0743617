import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame } from "../../src/comms/frame/encode";
import { channelName } from "../../src/model/channels";
import { decodeFrame } from "../../tools/decode/frame";

const ROOT = join(import.meta.dirname, "..", "..");
const FILE = join(ROOT, "test", "vectors", "frames.json");
const DECODER = join(ROOT, "docs", "decoders", "gridmote_frame.py");

interface Vector {
  name: string;
  columns: [channel: number, exponent: number][];
  profile: number;
  boot: number;
  seq: number;
  dated: boolean;
  times: number[];
  quality: number[];
  /** Of each column but the time; null is a missing value. */
  values: (number | null)[][];
  /** Null where the plain body cannot hold a difference. */
  plain: string | null;
  dense: string;
}

const vectors = JSON.parse(readFileSync(FILE, "utf8")) as Vector[];

const columnsOf = ({ columns }: Vector) =>
  columns.map(([channel, exponent]) => ({ channel, exponent, name: channelName(channel) }));

const contentOf = ({ times, quality, values, ...envelope }: Vector) => ({
  ...envelope,
  count: times.length,
  times,
  qualities: quality,
  values: values.flat().map((value) => value ?? Number.NaN),
  columns: values.length,
});

/** As the decoder gives it: in the units of the channels, and without what is missing. */
function readingOf(vector: Vector, row: number) {
  const entries = columnsOf(vector)
    .slice(1)
    .flatMap(({ name, exponent }, index) => {
      const value = vector.values[index][row];
      return value === null ? [] : [[name, exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent]];
    });
  return {
    time: vector.dated ? vector.times[row] * 1000 : undefined,
    quality: vector.quality[row],
    values: Object.fromEntries(entries),
  };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe.each(vectors)("the vector $name", (vector) => {
  const target = new Uint8Array(8192);

  it("is what the encoder writes", () => {
    const dense = encodeDenseFrame(contentOf(vector), columnsOf(vector), target);
    expect(hex(dense)).toBe(vector.dense);
    if (vector.plain) expect(hex(encodeFrame(contentOf(vector), target))).toBe(vector.plain);
    else expect(() => encodeFrame(contentOf(vector), target)).toThrow(RangeError);
  });

  const forms = (["plain", "dense"] as const).filter((form) => vector[form]);

  it.each(forms)("is read, with its %s body", (form) => {
    const frame = vector[form]!;
    const columns = columnsOf(vector);
    const profile = { number: vector.profile, columns };
    const result = decodeFrame(Uint8Array.from(Buffer.from(frame, "hex")), () => profile);
    expect(result).toMatchObject({ ok: true, frame: { boot: vector.boot, seq: vector.seq } });
    expect(result.ok && result.frame.readings).toEqual(vector.times.map((_, row) => readingOf(vector, row)));
  });
});

const python = spawnSync("python3", ["--version"]);
if (python.error && process.env.CI) throw new Error("python3 is missing, and CI skips nothing");
if (python.error) console.warn("SKIPPED: the second decoder of frames, which needs python3");

describe.runIf(!python.error)("the decoder that was written from docs/frame.md", () => {
  it("reads every vector", () => {
    const { status, stdout, stderr } = spawnSync("python3", [DECODER, FILE], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toContain(`${vectors.length} vectors, all read`);
    expect(status).toBe(0);
  });

  it("says of damaged frames what the first decoder says", () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, "tools", "launch.mjs"), "3000"],
      {
        encoding: "utf8",
        env: { ...process.env, GRIDMOTE_ENTRY: "bench/fuzz.ts" },
      },
    );
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^3000 inputs in .*, both decoders the same, none threw/);
    expect(status).toBe(0);
  });

  it("refuses what is damaged, and never fails otherwise", () => {
    const { status, stdout, stderr } = spawnSync("python3", [DECODER, FILE, "--fuzz", "3000", "1"], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^3000 frames, /);
    expect(status).toBe(0);
  });
});
