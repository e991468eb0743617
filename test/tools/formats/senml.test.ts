import { Decoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantities } from "../../../src/model/channels";
import { senmlJson } from "../../../tools/decode/formats/senml";
import { senmlCbor } from "../../../tools/decode/formats/senml-cbor";
import { readingsOf, TIME } from "../../support/readings";
import { named, resolve } from "../../support/senml";

const SECONDARY = { primaryUnits: false };
const PRIMARY = { primaryUnits: true };

function cborPack(bytes: Uint8Array) {
  return named(new Decoder({ mapsAsObjects: false, useRecords: false }).decode(bytes));
}

/** RFC 8428's own examples: they try the reader that the tests below use. */
describe("the reader of the tests", () => {
  const name = "urn:dev:ow:10e2073a0108006:";
  const t = 1.276020076001e9;
  const currents = [1.2, 1.3, 1.4, 1.5, 1.6, 1.7];
  const resolved = [
    { n: `${name}voltage`, u: "V", t, v: 120.1 },
    ...currents.map((v, index) => ({ n: `${name}current`, u: "A", t: t + index - 5, v })),
  ];

  it("resolves the pack of §5.1.3 as §5.1.4 does", () => {
    const pack = [
      { bn: name, bt: t, bu: "A", bver: 5, n: "voltage", u: "V", v: 120.1 },
      ...[-5, -4, -3, -2, -1].map((t, index) => ({ n: "current", t, v: currents[index] })),
      { n: "current", v: 1.7 },
    ];
    expect(resolve(pack)).toEqual(resolved);
  });

  it("reads the CBOR of §6", () => {
    const bytes = Buffer.from(
      "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b001062236141200500" +
        "67766f6c7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a300676375" +
        "7272656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e" +
        "74062102f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333" +
        "333333",
      "hex",
    );
    expect(resolve(cborPack(bytes))).toEqual(resolved);
  });

  it("resolves names that are base names alone, and values that are not numbers", () => {
    const device = "urn:dev:ow:10e2073a01080063";
    const humidity = [
      { bn: device, bt: 1.320067464e9, bu: "%RH", v: 21.2 },
      { t: 10, v: 21.3 },
    ];
    expect(resolve(humidity)).toEqual([
      { n: device, u: "%RH", t: 1.320067464e9, v: 21.2 },
      { n: device, u: "%RH", t: 1.320067474e9, v: 21.3 },
    ]);
    const mixed = [
      { bn: `${device}:`, n: "label", vs: "Machine Room" },
      { n: "open", vb: false },
    ];
    expect(resolve(mixed)).toEqual([
      { n: `${device}:label`, vs: "Machine Room" },
      { n: `${device}:open`, vb: false },
    ]);
  });

  it.each([[[{ n: "_x", v: 1 }]], [[{ n: "a b", v: 1 }]], [[{ n: "a" }]], [[{ v: 1 }]]])(
    "refuses %j",
    (pack) => {
      expect(() => resolve(pack)).toThrow();
    },
  );
});

describe("SenML", () => {
  const frame = readingsOf("ei tariff pi pe v_l1", [
    { values: { ei: 5, tariff: 1, pi: 317, pe: 0, v_l1: 228.9 } },
    { time: TIME + 10_250, values: { pi: 320, v_l1: 229 } },
    { time: TIME + 20_000, quality: 3, values: { pi: 9999 } },
  ]);

  it("is one line a frame, with the most frequent unit as its base", () => {
    expect(senmlJson(SECONDARY).write(frame)).toBe(
      '[{"bn":"gm/house-1/0/","bt":1780000000,"bu":"W","bver":26,"n":"ei","v":5,"u":"Wh"},' +
        '{"n":"tariff","v":1,"u":"/"},{"n":"pi","v":317},{"n":"pe","v":0},{"n":"v_l1","v":228.9,"u":"V"},' +
        '{"n":"pi","v":320,"t":10.25},{"n":"v_l1","v":229,"u":"V","t":10.25},' +
        '{"n":"quality","vs":"checksum","t":20}]\n',
    );
  });

  it("has no version of its own, and joules, in primary units", () => {
    const frame = readingsOf("ei thdu_l1 esi ahi rssi ap", [
      { values: { ei: 8_122_368, thdu_l1: 2.5, esi: 1.5, ahi: 2, rssi: -60, ap: 1013.2 } },
    ]);
    const pack = JSON.parse(senmlJson(PRIMARY).write(frame) as string);
    expect(pack[0]).not.toHaveProperty("bver");
    expect(resolve(pack).map(({ u, v }) => [v, u])).toEqual([
      [29_240_524_800, "J"],
      [0.025, "/"],
      [5_400_000, "VAs"],
      [7200, "C"],
      [-90, "dBW"],
      [101_320, "Pa"],
    ]);
  });

  it("says nothing where there is nothing to say, or no time to say it of", () => {
    for (const format of [senmlJson(SECONDARY), senmlCbor(SECONDARY)]) {
      expect(format.needsTime).toBe(true);
      expect(format.write(readingsOf("pi", [{ values: {} }]))).toHaveLength(0);
      expect(format.write(readingsOf("pi", [{ time: undefined, values: { pi: 1 } }]))).toHaveLength(0);
      // 1970: a clock that was never set, and below 2^28 a time relative to now.
      expect(format.write(readingsOf("pi", [{ time: 5000, values: { pi: 1 } }]))).toHaveLength(0);
    }
  });

  it("has legal names for devices of any name, no two alike", () => {
    const names = ["A b", "é", "a/b", "a:b", "X20X", "_", "a_b"];
    const found = names.map((device) => {
      const line = senmlJson(SECONDARY).write(readingsOf("pi", [{ values: { pi: 1 } }], { device }));
      return resolve(JSON.parse(line as string))[0].n;
    });
    expect(new Set(found).size).toBe(names.length);
  });

  const channel = fc.constantFrom(...quantities().slice(1)).map(({ name }) => name);
  const value = fc.oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  );
  const anyFrame = fc.uniqueArray(channel, { minLength: 1, maxLength: 8 }).chain((names) =>
    fc
      .array(
        fc.record({
          time: fc.integer({ min: 3e11, max: 4e12 }),
          quality: fc.constantFrom(0, 0, 0, 3, 99),
          values: fc.dictionary(fc.constantFrom(...names), value),
        }),
        { minLength: 1, maxLength: 6 },
      )
      .map((readings) => readingsOf(names.join(" "), readings)),
  );

  it("resolves to exactly what was read, in JSON and in CBOR", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const expected = frame.readings.flatMap(({ time, quality, values }): unknown[] => {
          const t = expect.closeTo(time! / 1000, 3);
          if (quality) return [{ n: "gm/house-1/0/quality", vs: expect.any(String), t }];
          return frame.profile.columns
            .filter(({ name }) => name in values)
            .map(({ name, unit }) => ({ n: `gm/house-1/0/${name}`, u: unit || "/", v: values[name] + 0, t }));
        });
        // A unit of the base is inherited by a text, too, and means nothing there.
        const read = (pack: Parameters<typeof resolve>[0]) =>
          resolve(pack).map(({ u, ...record }) => ("vs" in record ? record : { ...record, u }));
        const json = senmlJson(SECONDARY).write(frame) as string;
        const cbor = senmlCbor(SECONDARY).write(frame) as Uint8Array;
        if (!expected.length) {
          expect([json.length, cbor.length]).toEqual([0, 0]);
          return;
        }
        expect(json.match(/\n/g)).toHaveLength(1);
        expect(read(JSON.parse(json))).toEqual(expected);
        expect(read(cborPack(cbor))).toEqual(expected);
      }),
    );
  });
});
