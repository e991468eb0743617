import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantities } from "../../../src/model/channels";
import { escapeTag, influxLines, PRECISIONS, quoted } from "../../../tools/decode/formats/influx";
import { readingsOf, TIME } from "../../support/readings";

interface Line {
  measurement: string;
  tags: Record<string, string>;
  fields: Record<string, string>;
  time: string;
}

/** A reader of the line protocol, by InfluxDB's reference: a backslash before comma, equals sign or space. */
function parse(line: string): Line {
  const token = String.raw`(?:\\[,= ]|[^,= ])+`;
  const value = String.raw`(?:"(?:\\["\\]|[^"\\])*"|${token})`;
  const whole = new RegExp(
    `^(${token})((?:,${token}=${token})*) (${token}=${value}(?:,${token}=${value})*) (-?\\d+)$`,
    "u",
  );
  const parts = whole.exec(line);
  if (!parts) throw new Error(`no line: ${line}`);
  const pairs = (text: string, value: string) =>
    Object.fromEntries(
      [...text.matchAll(new RegExp(`,?(${token})=(${value})`, "gu"))].map(([, key, found]) => [
        unescaped(key),
        unescaped(found),
      ]),
    );
  const [, measurement, tags, fields, time] = parts;
  return { measurement, tags: pairs(tags, token), fields: pairs(fields, value), time };
}

function unescaped(text: string): string {
  return text.replace(/\\([,= ])/g, "$1");
}

describe("Influx lines", () => {
  const frame = readingsOf("clock ei ei_t1 tariff pi v_l1 flags", [
    {
      time: TIME + 250,
      values: { clock: 1_780_000_000, ei: 8_122_368, tariff: 1, pi: 317, v_l1: 229, flags: 5 },
    },
    { time: TIME + 10_000, values: { pi: 0 } },
    { time: TIME + 20_000, quality: 1 },
    { time: TIME + 30_000 },
    { time: undefined, values: { pi: 1 } },
  ]);

  it("have integers for registers and states, floats for gauges, and no field for what is missing", () => {
    expect(influxLines("ns").write(frame)).toBe(
      "gridmote,device=house-1,point=0 " +
        "clock=1780000000,ei=8122368i,tariff=1i,pi=317,v_l1=229,flags=5i 1780000000250000000\n" +
        "gridmote,device=house-1,point=0 pi=0 1780000010000000000\n" +
        'gridmote,device=house-1,point=0 quality="silent" 1780000020000000000\n',
    );
  });

  it.each([
    ["ns", "1780000000250000000"],
    ["us", "1780000000250000"],
    ["ms", "1780000000250"],
    ["s", "1780000000"],
  ] as const)("have times in %s", (precision, time) => {
    const [line] = (influxLines(precision).write(frame) as string).split("\n");
    expect(parse(line).time).toBe(time);
  });

  it("have negative times, the first of all times, and none that 64 bits of nanoseconds cannot hold", () => {
    const at = (time: number) => influxLines("ns").write(readingsOf("pi", [{ time, values: { pi: 1 } }]));
    expect(at(0)).toMatch(/ 0\n$/);
    expect(at(-1)).toMatch(/ -1000000\n$/);
    expect(at(9_223_372_036_854)).toMatch(/ 9223372036854000000\n$/);
    expect(at(9_223_372_036_855)).toBe("");
  });

  it("give a register of parts of its unit as a float, and leave out one beyond 64 bits", () => {
    const fine = readingsOf("esi ahe", [{ values: { esi: 2, ahe: 0.001 } }]);
    expect(influxLines("s").write(fine)).toBe("gridmote,device=house-1,point=0 esi=2,ahe=0.001 1780000000\n");
    const huge = readingsOf("ei ee", [{ values: { ei: 2 ** 63, ee: 2 ** 53 } }]);
    expect(influxLines("s").write(huge)).toBe(
      "gridmote,device=house-1,point=0 ee=9007199254740992i 1780000000\n",
    );
  });

  it("escape as the reference says", () => {
    expect(escapeTag("a b,c=d")).toBe("a\\ b\\,c\\=d");
    expect(escapeTag("a\\")).toBe("a/");
    expect(escapeTag('say "é"')).toBe('say\\ "é"');
    expect(quoted('a "b" \\ c, d=e')).toBe('"a \\"b\\" \\\\ c, d=e"');
  });

  const anyDevice = fc
    .oneof(
      fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
      fc.stringMatching(/^[ ,=\\"a]{1,8}$/),
    )
    .filter((text) => text.length > 0 && !/[/+#\p{Cc}]/u.test(text));
  const value = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));

  it("are read as they were written, whatever the device is called", () => {
    const row = fc.constantFrom(...quantities().filter(({ kind }) => kind === "gauge"));
    fc.assert(
      fc.property(
        anyDevice,
        row,
        value,
        fc.constantFrom(...PRECISIONS),
        (device, { name }, number, precision) => {
          if (name === "t") return;
          const frame = readingsOf(name, [{ values: { [name]: number } }], { device, point: 3 });
          const text = influxLines(precision).write(frame) as string;
          expect(text.endsWith("\n")).toBe(true);
          const line = parse(text.slice(0, -1));
          expect(line.tags).toEqual({ device: device.replaceAll("\\", "/"), point: "3" });
          expect(Number(line.fields[name])).toBe(number + 0);
        },
      ),
    );
  });
});
