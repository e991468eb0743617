import { describe, expect, it } from "vitest";
import { encodeDescriptor, profileNumber } from "../../src/comms/descriptor";
import type { Column } from "../../src/model/profiles";
import { FrameReader } from "../../tools/decode/reader";
import { cbor, frame } from "./harness";

function kinds(...frames: [topic: string, boot: number, seq: number][]): string[] {
  const reader = new FrameReader();
  return frames.map(([topic, boot, seq]) => reader.accept(topic, cbor(frame({ 1: boot, 2: seq }))).kind);
}

it("takes a frame once by (device, boot, seq)", () => {
  expect(
    kinds(
      ["gm/a/0/f", 1, 5],
      ["gm/a/0/f", 1, 5],
      ["gm/a/0/f", 1, 4],
      ["gm/a/0/f", 2, 5],
      ["gm/b/0/f", 1, 5],
      ["gm/a/0/f", 1, 4],
    ),
  ).toEqual(["frame", "repeat", "frame", "frame", "frame", "repeat"]);
});

it("counts sequence numbers by terminal, whatever point it speaks for", () => {
  expect(kinds(["gm/a/0/f", 1, 5], ["gm/a/1/f", 1, 5])).toEqual(["frame", "repeat"]);
});

it("does not mix up devices whose names end in digits", () => {
  expect(kinds(["gm/a/0/f", 11, 5], ["gm/a 1/0/f", 1, 5], ["gm/a1/0/f", 1, 5])).toEqual([
    "frame",
    "frame",
    "frame",
  ]);
});

it("says what cannot be decoded, of whom, and takes the good frame of that number later", () => {
  const reader = new FrameReader();
  expect(reader.accept("gm/a/0/s", cbor(frame()))).toEqual({
    kind: "undecodable",
    device: undefined,
    error: "the topic is neither gm/<device>/<point>/f nor gm/<device>/<point>/d/<profile>",
  });
  const damaged = cbor(frame()).subarray(0, 10);
  expect(reader.accept("gm/a/0/f", damaged)).toMatchObject({ kind: "undecodable", device: "a" });
  expect(reader.accept("gm/a/0/f", cbor(frame()))).toMatchObject({ kind: "frame", device: "a" });
});

describe("a frame of a profile that is not built in", () => {
  /** 1 mA and a quantity of a registry to come. */
  const columns: Column[] = [
    { channel: 0, name: "t", exponent: 0 },
    { channel: 3 * 1024 + 128, name: "i_l1", exponent: -3 },
    { channel: 900 * 1024, name: "later", exponent: 0 },
  ];
  const number = profileNumber(columns);
  const descriptor = encodeDescriptor({ number, columns }, new Uint8Array(200));
  const payload = (seq: number) => cbor([number, 7, seq, 1_780_000_000, 2, [10, 0, [6_123, 1], 5]]);

  it("is decoded once its descriptor has come, and not before", () => {
    const reader = new FrameReader();
    expect(reader.accept("gm/a/0/f", payload(1))).toEqual({
      kind: "undecodable",
      device: "a",
      error: `profile ${number} is not known, and no descriptor has come on …/d/${number}`,
    });
    expect(reader.accept(`gm/a/0/d/${number}`, descriptor)).toEqual({ kind: "descriptor", device: "a" });
    expect(reader.accept("gm/a/0/f", payload(1))).toMatchObject({
      kind: "frame",
      frame: {
        readings: [{ values: { i_l1: 6.123, later: 5 } }, { values: { i_l1: 6.124, later: 5 } }],
        profile: { columns: [{}, { unit: "A", kind: "gauge" }, { unit: "", kind: "gauge" }] },
      },
    });
  });

  it("is still decoded when the broker has forgotten the descriptor, and by no other point's", () => {
    const reader = new FrameReader();
    reader.accept(`gm/a/0/d/${number}`, descriptor);
    expect(reader.accept(`gm/a/0/d/${number}`, new Uint8Array(0))).toMatchObject({ kind: "descriptor" });
    expect(reader.accept("gm/a/0/f", payload(1))).toMatchObject({ kind: "frame" });
    for (const other of ["gm/a/1/f", "gm/b/0/f"])
      expect(reader.accept(other, payload(2))).toMatchObject({ kind: "undecodable" });
  });

  it("says what is wrong with a descriptor, and keeps the one before", () => {
    const reader = new FrameReader();
    reader.accept(`gm/a/0/d/${number}`, descriptor);
    expect(reader.accept(`gm/a/0/d/${number}`, Uint8Array.of(0x80))).toEqual({
      kind: "undecodable",
      device: "a",
      error: "not a descriptor",
    });
    expect(reader.accept("gm/a/0/f", payload(1))).toMatchObject({ kind: "frame" });
  });

  it("never changes what a built-in profile is", () => {
    const reader = new FrameReader();
    reader.accept("gm/a/0/d/1", descriptor);
    expect(reader.accept("gm/a/0/f", cbor(frame()))).toMatchObject({
      frame: { readings: [{ values: { clock: 100 } }, {}] },
    });
  });
});
