import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RefusedUpdate } from "../../src/ota/refusal";
import { readSettings } from "../../src/ota/settings";

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** The settings, or why they are refused; anything else is thrown. */
function read(bytes: Uint8Array): object | string {
  try {
    return readSettings(bytes);
  } catch (error) {
    if (error instanceof RefusedUpdate) return error.reason;
    throw error;
  }
}

describe("settings of an update", () => {
  it("are texts, numbers as text, and null for what goes", () => {
    const image = ascii('{"host":"br\\u00fccke","port":1884,"host2":null}');
    expect(read(image)).toEqual({ host: "brücke", port: "1884", host2: null });
  });

  it.each([
    '{"__proto__":"x"}',
    '{"constructor":"x"}',
    '{"wifiPassword":"x"}',
    '{"port":"70000"}',
    '{"port":{}}',
    '["host"]',
    "null",
    "1",
    "",
    '{"host":"br\u00fccke"}',
  ])("are refused: %s", (text) => {
    expect(read(ascii(text))).toBe("settings");
  });

  it("are read or refused, whatever the bytes are", () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json({ maxDepth: 2 }).map(ascii));
    fc.assert(
      fc.property(bytes, (image) => {
        const result = read(image);
        expect(typeof result === "object" || result === "settings").toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
