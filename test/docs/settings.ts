import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configNames, loadConfig } from "../../src/config";
import { repository } from "../../tools/cli/repository";

// Makes the table of docs/settings.md from src/config.ts: what it takes, and what its comments say.

const BEGIN = "<!-- made by `npm run docs:settings` -->\n";
const END = "<!-- end -->\n";

export const SETTINGS_DOCUMENT = join(repository(), "docs", "settings.md");

/** The comment before a field, on one line. */
function meaningOf(name: string, source: string): string {
  const at = new RegExp(`^ {2}${name}: `, "m").exec(source)?.index;
  const before = source.slice(0, at).trimEnd();
  if (at === undefined || !before.endsWith("*/")) throw new Error(`src/config.ts: ${name} has no comment`);
  return before
    .slice(before.lastIndexOf("/**") + 3, -2)
    .replaceAll(/\s*\n +\* ?/g, " ")
    .trim();
}

/** What the field takes, in the words of its message. */
function expectedOf(name: string): string {
  // No field takes a list; a secret is not quoted.
  const { problems } = loadConfig([{ from: "", values: { [name]: [] } }]);
  const message = problems.find((problem) => problem.name === name)?.message ?? "";
  return message.slice(message.indexOf("expected ") + "expected ".length);
}

export function settingsTable(): string {
  const source = readFileSync(join(repository(), "src", "config.ts"), "utf8");
  const { config } = loadConfig([]);
  const rows = configNames.map((name) => {
    const fallback = config[name] === "" ? "" : `\`${config[name]}\``;
    return `| \`${name}\` | ${meaningOf(name, source)} | ${expectedOf(name)} | ${fallback} |`;
  });
  return ["| setting | what it is | what it takes | default |", "|---|---|---|---|", ...rows]
    .map((line) => `${line}\n`)
    .join("");
}

/** The document with the table of today in place of the one that it has. */
export function withSettings(document: string): string {
  const begin = document.indexOf(BEGIN) + BEGIN.length;
  const end = document.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new Error("docs/settings.md: its two comments are gone");
  return document.slice(0, begin) + settingsTable() + document.slice(end);
}
