import { describe, expect, it } from "vitest";
import { unixTime } from "../../src/comms/time";

/** As the SDK's client computes it from the 32 bits of seconds. */
const said = (seconds: number) => ((seconds >>> 0) - 2_208_988_800) * 1000;

describe("the time that a server says", () => {
  it("is Unix time, before and after NTP's seconds begin anew in 2036", () => {
    for (const date of [
      "2026-06-01T12:00:00Z",
      "2036-02-07T06:28:15Z",
      "2036-02-07T06:28:17Z",
      "2060-01-01",
    ]) {
      const time = Date.parse(date);
      expect(unixTime(said(time / 1000 + 2_208_988_800))).toBe(time);
    }
  });

  it("is none when the server has none (kiss-o'-death)", () => {
    expect(unixTime(said(0))).toBeUndefined();
    expect(unixTime(Number.NaN)).toBeUndefined();
  });
});
