import { describe, expect, it } from "vitest";
import { parseDescriptorTopic, parseTopic, recordsOf } from "../../tools/decode/records";

describe("parseTopic", () => {
  it.each([
    ["gm/house-1/0/f", { device: "house-1", point: 0 }],
    ["gm/a/65535/f", { device: "a", point: 65_535 }],
  ])("takes %s apart", (topic, source) => {
    expect(parseTopic(topic)).toEqual(source);
  });

  it.each([
    "gm/a/0/d/1",
    "gm/a/s",
    "gm//0/f",
    "gm/a//f",
    "gm/a/x/f",
    "gm/a/-1/f",
    "gm/a/01/f",
    "gm/a/65536/f",
    "gm/+/0/f",
    "x/gm/a/0/f",
    "gm/a/0/f/",
    "gm/a\n/0/f",
    `gm/${"a".repeat(65)}/0/f`,
    "",
  ])("gives nothing for %j", (topic) => {
    expect(parseTopic(topic)).toBeUndefined();
  });
});

describe("parseDescriptorTopic", () => {
  it("takes a topic apart", () => {
    const source = { device: "house-1", point: 3 };
    expect(parseDescriptorTopic("gm/house-1/3/d/36268")).toEqual({ source, profile: 36_268 });
  });

  it.each([
    "gm/a/0/f",
    "gm/a/0/d",
    "gm/a/0/d/",
    "gm/a/0/d/01",
    "gm/a/0/d/-1",
    "gm/a/0/d/9999999999999999",
    "gm/a/0/d/1/x",
  ])("gives nothing for %j", (topic) => {
    expect(parseDescriptorTopic(topic)).toBeUndefined();
  });
});

describe("recordsOf", () => {
  const source = { device: "d", point: 2 };
  const one = (time: number | undefined, quality = 0) =>
    recordsOf({
      ...source,
      boot: 7,
      seq: 3,
      readings: [{ time, quality, values: { ei: 5, pi: 1 } }],
    })[0];

  it("has its keys in one order: where from, when, how good, what", () => {
    expect(JSON.stringify(one(0, 3))).toBe(
      '{"device":"d","point":2,"boot":7,"seq":3,"time":"1970-01-01T00:00:00Z","quality":"checksum","ei":5,"pi":1}',
    );
    expect(one(0)).not.toHaveProperty("quality");
    expect(one(0, 99).quality).toBe("quality-99");
  });

  it("has times in ISO 8601, and null for no time and for what no calendar has", () => {
    expect(one(1_780_000_000_000).time).toBe("2026-05-28T20:26:40Z");
    expect(one(1_780_000_000_250).time).toBe("2026-05-28T20:26:40.250Z");
    expect(one(-62_198_755_200_000).time).toBe("-000001-01-01T00:00:00Z");
    expect(one(undefined).time).toBeNull();
    expect(one(8.64e15 + 1).time).toBeNull();
  });
});
