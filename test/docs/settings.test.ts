import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { configNames } from "../../src/config";
import { SETTINGS_DOCUMENT, settingsTable, withSettings } from "./settings";

it("docs/settings.md has the settings that there are, as they are; if not: npm run docs:settings", () => {
  const document = readFileSync(SETTINGS_DOCUMENT, "utf8");
  expect(document).toBe(withSettings(document));
});

it("the table of settings has a row each, with its default and what it takes", () => {
  const rows = settingsTable().trimEnd().split("\n").slice(2);
  expect(rows.map((row) => row.split("`")[1])).toEqual(configNames);
  for (const row of rows) expect(row.split(" | ")[2]).toMatch(/^(an integer from|text of at most|")/);
  expect(rows.find((row) => row.startsWith("| `mode`"))).toContain('| "sleeper" or "resident" | `sleeper` |');
});
