import { describe, expect, it } from "vitest";
import { itemsOf } from "../../tools/decode/items";
import { cbor, message } from "./harness";

async function* pieces(bytes: Uint8Array, size: number) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

/** The items found, in hexadecimal digits, and the error behind them. */
async function foundIn(source: AsyncIterable<Uint8Array>): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const item of itemsOf(source)) found.push(Buffer.from(item).toString("hex"));
  } catch (error) {
    found.push((error as Error).message);
  }
  return found;
}

const first = message("gm/a/0/f", 0);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("items in pieces", () => {
  it.each<[string, Uint8Array, string[]]>([
    ["a long string", cbor(Buffer.alloc(300, 7)), [hex(cbor(Buffer.alloc(300, 7)))]],
    ["one that is cut off", Uint8Array.of(0x82, 1), ["it ends in the middle of an item"]],
    ["a break without a begin", Uint8Array.of(0x82, 0xff), ["a break without a begin"]],
    ["a reserved length", Uint8Array.of(0x82, 0x1c), ["a reserved length"]],
    ["too deep a nest", new Uint8Array(99).fill(0x81), ["an item is nested deeper than 64"]],
    [
      "a string that claims too much",
      Uint8Array.of(0x5a, 1, 0, 0, 0),
      ["an item is longer than 1048576 bytes"],
    ],
  ])("give the same items and the same error at every cut: %s", async (_, end, expected) => {
    const bytes = Buffer.concat([first, first, end]);
    for (let size = 1; size <= bytes.length; size++) {
      expect(await foundIn(pieces(bytes, size))).toEqual([hex(first), hex(first), ...expected]);
    }
  });

  it("come as soon as they are whole", async () => {
    const seen: string[] = [];
    async function* source() {
      yield first.subarray(0, 3);
      seen.push("begun");
      yield first.subarray(3);
      seen.push("more");
      yield first;
    }
    for await (const item of itemsOf(source())) seen.push(hex(item));
    expect(seen).toEqual(["begun", hex(first), "more", hex(first)]);
  });

  it("stay what they were while more come", async () => {
    const items: Uint8Array[] = [];
    for await (const item of itemsOf(pieces(Buffer.concat(new Array(50).fill(first)), 7))) items.push(item);
    expect(items.map(hex)).toEqual(new Array(50).fill(hex(first)));
  });

  it.each<[string, Uint8Array]>([
    ["one string", cbor(Buffer.alloc(1_000_000, 7))],
    ["an array of a million", cbor(new Array(1_000_000).fill(1))],
  ])("of a megabyte take no longer than a blink: %s", async (_, item) => {
    const begun = performance.now();
    expect(await foundIn(pieces(item, 64))).toEqual([hex(item)]);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
