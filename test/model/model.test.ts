import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelName, channelNumber, quantities, quantityOf } from "../../src/model/channels";
import { profileOf, profiles } from "../../src/model/profiles";
import { Quality, qualityName } from "../../src/model/quality";

describe("the channel registry", () => {
  it("gives every quantity a number and a name of its own", () => {
    expect(new Set(quantities.map(({ number }) => number)).size).toBe(quantities.length);
    expect(new Set(quantities.map(({ name }) => name)).size).toBe(quantities.length);
  });

  it("has names that SenML allows (RFC 8428 §4.5.1)", () => {
    for (const { name } of quantities) expect(name).toMatch(/^[a-z][a-z]*$/);
  });

  it("takes phases and tariffs apart and together again", () => {
    const phase = fc.integer({ min: 0, max: 3 });
    const row = fc.constantFrom(...quantities);
    fc.assert(
      fc.property(row, phase, fc.nat(127), ({ number, name, index: letter }, phase, index) => {
        const channel = number * 1024 + phase * 128 + (letter ? index : 0);
        expect(channelNumber(channelName(channel))).toBe(channel);
        expect(channelName(channel).startsWith(name)).toBe(true);
        expect(quantityOf(channel)!.number).toBe(number);
      }),
    );
  });

  it("names what a meter sends as people would", () => {
    expect(channelName(channelNumber("v_l2"))).toBe("v_l2");
    expect(channelName(channelNumber("ei_t1"))).toBe("ei_t1");
    expect(channelName(1_000_000)).toBe("channel-1000000");
  });

  it("refuses names that are none", () => {
    for (const name of ["x", "v_l4", "v_t1", "ei_t0", "ei_t128", "ei_1", "", "v_l1_", "V"]) {
      expect(() => channelNumber(name), name).toThrow(RangeError);
    }
  });
});

describe("profiles", () => {
  it("are found by their number, begin with the time, and have each column once", () => {
    for (const profile of Object.values(profiles)) {
      expect(profileOf(profile.number)).toBe(profile);
      expect(profile.columns[0].name).toBe("t");
      const keys = profile.columns.map(({ channel, exponent }) => `${channel} ${exponent}`);
      expect(new Set(keys).size).toBe(keys.length);
    }
    expect(profileOf(999)).toBeUndefined();
  });
});

describe("quality", () => {
  it("has a name for every code, known or not", () => {
    expect(qualityName(Quality.good)).toBe("good");
    expect(qualityName(Quality.checksum)).toBe("checksum");
    expect(qualityName(77)).toBe("quality-77");
  });
});
