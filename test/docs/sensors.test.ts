import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { drivers } from "../../src/sensors/drivers";
import { DOCUMENT, sensorsTable, updated } from "./sensors";

it("docs/sensors.md has the drivers that there are, as they are; if not: npm run docs:sensors", () => {
  const document = readFileSync(DOCUMENT, "utf8");
  expect(document).toBe(updated(document));
});

it("the table of drivers has a row each, with what they say and measure", () => {
  const rows = sensorsTable().trimEnd().split("\n").slice(2);
  expect(rows.map((row) => row.split("`")[1])).toEqual(Object.keys(drivers));
  expect(rows.find((row) => row.startsWith("| `sht3x`"))).toMatch(
    /\| Sensirion SHT30, SHT31 and SHT35 \| SHT3x, Humidity-Temperature \| I2C \| temperature, humidity \|/,
  );
});

it.each([
  ["a row that is gone", (text: string) => text.replace(/\n\| `sml`.*/, "")],
  ["another quantity", (text: string) => text.replace("reactive power", "reactive power, hope")],
  ["another test", (text: string) => text.replace("sml.test.ts", "smell.test.ts")],
])("a table that is stale is found: %s", (_what, change) => {
  const stale = change(readFileSync(DOCUMENT, "utf8"));
  expect(updated(stale)).not.toBe(stale);
});
