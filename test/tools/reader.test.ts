import { expect, it } from "vitest";
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
    error: "the topic is not gm/<device>/<point>/f",
  });
  const damaged = cbor(frame()).subarray(0, 10);
  expect(reader.accept("gm/a/0/f", damaged)).toMatchObject({ kind: "undecodable", device: "a" });
  expect(reader.accept("gm/a/0/f", cbor(frame()))).toMatchObject({ kind: "frame", device: "a" });
});
