import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Decoder } from "cbor-x";
import { describe, expect, it } from "vitest";
import { descriptorBytes, encodeDescriptor } from "../../src/comms/descriptor";
import { profileOf } from "../../src/model/profiles";
import { Cddl } from "../support/cddl";

const ROOT = join(import.meta.dirname, "..", "..");
const read = (...path: string[]) => readFileSync(join(ROOT, ...path), "utf8");
const cddl = new Cddl(read("docs", "frame.cddl"));
const cbor = new Decoder({ useRecords: false });
const vectors = JSON.parse(read("test", "vectors", "frames.json")) as {
  name: string;
  plain: string | null;
  dense: string;
}[];
const itemOf = (hex: string) => cbor.decode(Buffer.from(hex, "hex")) as unknown[];

describe("docs/frame.cddl", () => {
  it.each(vectors)("admits the vector $name, with both bodies", ({ plain, dense }) => {
    for (const frame of [plain, dense]) if (frame) expect(cddl.matches("frame", itemOf(frame))).toBe(true);
  });

  it("admits the descriptors of the built-in profiles", () => {
    for (let number = 1; number <= 7; number++) {
      const profile = profileOf(number)!;
      const bytes = encodeDescriptor(profile, new Uint8Array(descriptorBytes(profile)));
      expect(cddl.matches("descriptor", cbor.decode(bytes))).toBe(true);
    }
  });

  const good = [1, 7, 3, 1_780_000_000, 2, [60, 0, [5, null], null, -9]];
  const change = (index: number, value: unknown) => good.map((item, at) => (at === index ? value : item));

  it.each([
    ["no array", { 0: 1 }],
    ["five items", good.slice(0, 5)],
    ["a profile below 0", change(0, -1)],
    ["a boot of 33 bits", change(1, 2 ** 32)],
    ["a time with a fraction", change(3, 1.5)],
    ["a number beyond 2^53−1", change(2, 2n ** 53n)],
    ["no reading", change(4, 0)],
    ["1,025 readings", change(4, 1025)],
    ["a body of text", change(5, "bits")],
    ["a body without quality codes", change(5, [60])],
    ["a negative quality code", change(5, [60, [0, -1], 3])],
    ["a missing time", change(5, [[null], 0, 3])],
    ["an array in a column", change(5, [60, 0, [5, [6]]])],
  ])("admits no frame with %s", (_what, item) => {
    expect(cddl.matches("frame", good)).toBe(true);
    expect(cddl.matches("frame", [...good, { 1: 2 }, "later"])).toBe(true);
    expect(cddl.matches("frame", item)).toBe(false);
  });

  it.each([
    ["another version", [2, [[0, 0, "t", "s", 0]]]],
    ["no column", [1, []]],
    ["a column of four items", [1, [[0, 0, "t", "s"]]]],
    ["a kind that does not exist", [1, [[0, 0, "t", "s", 4]]]],
  ])("admits no descriptor with %s", (_what, item) => {
    expect(cddl.matches("descriptor", item)).toBe(false);
  });
});
