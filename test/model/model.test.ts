import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelName, channelNumber, partsOf, quantities, quantityOf } from "../../src/model/channels";
import { profileOf, profiles } from "../../src/model/profiles";
import { Quality, qualityName } from "../../src/model/quality";

/** Numbers are on the wire: this list only ever gets longer. */
const NUMBERED =
  "t clock v i pi pe qi qe f ei ee eqi eqe tariff p q s pf thdu thdi esi ese dcv dci dcp dcei dcee ahi ahe soc soh " +
  "ev evmin evmax evcap evei sw tc rh ap irr inv chs flags vbat rssi gas water heat cold";

/** RFC 8428 §12.1, without what it marks as not recommended. */
const PRIMARY =
  "m kg s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 m/s m/s2 m3/s W/m2 cd/m2 " +
  "bit bit/s lat lon pH dB dBW count / %RH %EL EL 1/s S/m";
/** RFC 8798 §2 and §3. */
const ADDED =
  "B VA VAs var vars J/m kg/m3 deg ms min h MHz kW kVA kvar Ah Wh kWh varh kvarh kVAh Wh/km KiB GB Mbit/s B/s MB/s " +
  "mV mA dBm ug/m3 mm/h m/h ppm /100 /1000 hPa mm cm km km/h";

describe("the channel registry", () => {
  it("keeps each number for its quantity", () => {
    expect(quantities().map(({ name }) => name)).toEqual(NUMBERED.split(" "));
    expect(quantities().map(({ number }) => number)).toEqual(quantities().map((_, index) => index));
  });

  it("has rows that say one thing in each column", () => {
    const text = readFileSync(join(import.meta.dirname, "../../src/model/channels.ts"), "utf8");
    const rows = [...text.matchAll(/^ {2}"(\d.*)",$/gm)].map(([, row]) => row);
    expect(rows).toHaveLength(quantities().length);
    rows.forEach((row, number) => {
      expect(row).toMatch(/^\d+ [a-z]+ \S+ -?\d (un)?signed (gauge|register|state|flags)( [thp])?$/);
      expect(Number(row.split(" ")[0])).toBe(number);
    });
  });

  it("has names of its own for every quantity, which SenML allows (RFC 8428 §4.5.1)", () => {
    const names = quantities().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z]+$/);
  });

  it("has units that are registered for SenML", () => {
    const registered = new Set(["", ...PRIMARY.split(" "), ...ADDED.split(" ")]);
    const others = quantities().filter(({ unit }) => !registered.has(unit));
    expect(others).toEqual([]);
  });

  it("has registers that only grow, and states and flags without a unit", () => {
    for (const { name, kind, signed, unit, exponent } of quantities()) {
      if (kind === "register") expect(signed, name).toBe(false);
      if (kind === "state" || kind === "flags")
        expect([unit, exponent, signed], name).toEqual(["", 0, false]);
    }
  });

  it("takes phases, tariffs, harmonics and ports apart and together again", () => {
    const phase = fc.integer({ min: 0, max: 7 });
    const row = fc.constantFrom(...quantities());
    fc.assert(
      fc.property(row, phase, fc.nat(127), ({ number, name, index: letter }, phase, anyIndex) => {
        const index = letter ? anyIndex : 0;
        const channel = number * 1024 + phase * 128 + index;
        expect(channelNumber(channelName(channel))).toBe(channel);
        expect(channelName(channel)).toMatch(/^[a-z]+(_(l[123]|n|l12|l23|l31))?(_[thp]\d+)?$/);
        expect(channelName(channel).startsWith(name)).toBe(true);
        expect(quantityOf(channel)!.number).toBe(number);
        expect(partsOf(channel)).toEqual({ phase, index });
      }),
    );
  });

  it("gives every channel a name of its own", () => {
    const names = new Set<string>();
    let count = 0;
    for (const { number, index: letter } of quantities()) {
      for (let phase = 0; phase < 8; phase++) {
        for (let index = 0; index < (letter ? 128 : 1); index++, count++)
          names.add(channelName(number * 1024 + phase * 128 + index));
      }
    }
    expect(names.size).toBe(count);
  });

  it.each([
    ["v_l2", 2 * 1024 + 2 * 128],
    ["ei_t1", 9 * 1024 + 1],
    ["v_l31", 2 * 1024 + 7 * 128],
    ["i_n", 3 * 1024 + 4 * 128],
    ["i_l3_h5", 3 * 1024 + 3 * 128 + 5],
    ["dcp_p2", 24 * 1024 + 2],
  ])("names %s as people would", (name, channel) => {
    expect(channelNumber(name)).toBe(channel);
    expect(channelName(channel)).toBe(name);
  });

  it("knows no more than it knows", () => {
    expect(channelName(1_000_000)).toBe("channel-1000000");
    for (const channel of [1_000_000, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(quantityOf(channel)).toBeUndefined();
  });

  it("refuses names that are none", () => {
    const wrong = "x v_l4 v_t1 ei_t0 ei_t128 ei_1 v_l1_ V v_l13 v_n1 v_h5_l1 soc_h1 toString".split(" ");
    for (const name of ["", ...wrong]) expect(() => channelNumber(name), name).toThrow(RangeError);
  });
});

describe("profiles", () => {
  it.each([1, 2, 3, 4, 5, 6, 7])(
    "%d is found by its number, begins with the time, and has each channel once",
    (number) => {
      const profile = profileOf(number)!;
      expect(profile.number).toBe(number);
      expect(profile.columns[0].name).toBe("t");
      const channels = profile.columns.map(({ channel }) => channel);
      expect(new Set(channels).size).toBe(channels.length);
      for (const { channel, name } of profile.columns) expect(channelName(channel)).toBe(name);
    },
  );

  it("of the default app are the same objects each time", () => {
    for (const profile of Object.values(profiles)) expect(profileOf(profile.number)).toBe(profile);
  });

  it("may have a resolution of their own", () => {
    expect(profileOf(3)!.columns[2]).toEqual({ channel: channelNumber("i"), name: "i", exponent: -3 });
  });

  it("are none for other numbers", () => {
    for (const number of [0, 8, 999, 1024, -1, 1.5, Number.NaN]) expect(profileOf(number)).toBeUndefined();
  });
});

describe("quality", () => {
  it("has a name for every code, known or not", () => {
    expect(qualityName(Quality.good)).toBe("good");
    expect(qualityName(Quality.checksum)).toBe("checksum");
    expect(qualityName(77)).toBe("quality-77");
  });
});
