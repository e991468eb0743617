import { accessSync, constants, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { type BrokerAddress, type Command, type Option, UsageError } from "./command";

const DEFAULT_PORT = 1883;
/** As the setting `device` of src/config.ts has it. */
const DEVICE_ID = /^[a-z0-9_-]{1,32}$/;

/** A whole number from `low` to `high`. */
export function integer(low: number, high: number) {
  return (text: string, name: string): number => {
    const number = Number(text);
    if (!/^[+-]?\d+$/.test(text) || number < low || number > high) {
      throw new UsageError(`--${name} is "${text}", expected a whole number from ${low} to ${high}`);
    }
    return number;
  };
}

/** A number above 0, up to `high`. */
export function positive(high: number) {
  return (text: string, name: string): number => {
    const number = Number(text);
    // Number() also takes hexadecimal and blanks, which nobody means here.
    if (!/^[\d.+-][\d.e+-]*$/i.test(text) || !(number > 0 && number <= high)) {
      throw new UsageError(`--${name} is "${text}", expected a number above 0, up to ${high}`);
    }
    return number;
  };
}

/** One of a few words. */
export function choice(...words: readonly string[]) {
  return (text: string, name: string): string => {
    if (!words.includes(text)) throw new UsageError(`--${name} is "${text}", expected ${words.join(" or ")}`);
    return text;
  };
}

export function text(value: string): string {
  return value;
}

/** A terminal's name, as topics have it. */
export function deviceId(id: string, name: string): string {
  if (!DEVICE_ID.test(id))
    throw new UsageError(`--${name} is "${id}", expected 1 to 32 of a-z, 0-9, - and _`);
  return id;
}

/** A file that is there and can be read. */
export function file(path: string, name: string): string {
  return readable(path, `--${name}: `);
}

/** An MQTT topic filter (MQTT 3.1.1 §4.7.1). */
export function topicFilter(filter: string, name: string): string {
  const levels = filter.split("/");
  const isGood = levels.every((level, index) =>
    level.includes("#")
      ? level === "#" && index === levels.length - 1
      : level === "+" || !level.includes("+"),
  );
  if (!isGood)
    throw new UsageError(`--${name} is "${filter}": + and # stand for whole levels, # for the last ones`);
  return filter;
}

/** @throws UsageError that names the path. */
export function readable(path: string, what = ""): string {
  try {
    accessSync(path, constants.R_OK);
    if (!statSync(path).isDirectory()) return path;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(`${what}${missing ? "there is no file" : "cannot read"} "${path}"`);
  }
  throw new UsageError(`${what}"${path}" is a directory, expected a file`);
}

/** mqtt://[user:password@]host[:port]. The message never quotes the URL: it may hold a password. */
export function broker(url: string, name: string): BrokerAddress {
  const expected = `--${name}: expected mqtt://host:port`;
  if (/^(mqtts|ssl|tls|wss?):/i.test(url))
    throw new UsageError(`${expected}; other schemes are not supported yet`);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "mqtt:" || !isBare(parsed)) {
    throw new UsageError(`${expected}, such as mqtt://127.0.0.1:1883`);
  }
  const { hostname, port } = parsed;
  return { host: hostname, port: port ? Number(port) : DEFAULT_PORT, ...loginOf(parsed, expected) };
}

/** Nothing but a host and perhaps a port and a login. */
function isBare({ hostname, port, pathname, search, hash }: URL): boolean {
  return hostname !== "" && port !== "0" && (pathname === "" || pathname === "/") && !search && !hash;
}

function loginOf({ username, password }: URL, expected: string): Pick<BrokerAddress, "user" | "password"> {
  if (!username && password) throw new UsageError(`${expected}; a password needs a user before it`);
  if (!username) return {};
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new UsageError(`${expected}; a % in a user or password is written %25`);
  }
}

const HELP: Option = { help: "print this help", short: "h" };

/** @throws UsageError in one line for whatever is wrong with the arguments. */
export function parseArguments(command: Command, args: string[]) {
  const known = { ...command.options, help: HELP };
  const { tokens } = parseArgs({
    args,
    options: Object.fromEntries(Object.entries(known).map(([name, option]) => [name, kindOf(option)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    else if (token.kind === "option") {
      const written = args[token.index].split("=")[0];
      values[token.name] = optionValue(command, known, { ...token, written });
    }
  }
  if (positionals.length > command.maximumPositionals) {
    throw new UsageError(
      `unexpected "${positionals[command.maximumPositionals]}"${npmHint()}. See gridmote ${command.name} --help`,
    );
  }
  return { values, positionals };
}

/** npm keeps options to itself unless they stand behind `--`, and passes on their values alone. */
function npmHint(): string {
  return process.env.npm_lifecycle_event === "start"
    ? " (npm wants options behind --: npm start -- --days 2)"
    : "";
}

function kindOf({ parse, short }: Option) {
  return { type: parse ? "string" : "boolean", ...(short && { short }) } as const;
}

function optionValue(
  command: Command,
  known: Command["options"],
  token: { name: string; rawName: string; written: string; value?: string | boolean },
): unknown {
  const { name, rawName, written, value } = token;
  const option = Object.hasOwn(known, name) ? known[name] : undefined;
  // -days is read as -d -a -y -s, but is a slip of --days.
  if (!option || (!rawName.startsWith("--") && written !== rawName)) {
    const nearest = suggest(written.replace(/^-+/, ""), Object.keys(known));
    const hint = nearest ? `; did you mean --${nearest}?` : ".";
    throw new UsageError(`unknown option ${written}${hint} See gridmote ${command.name} --help`);
  }
  if (!option.parse) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    return true;
  }
  if (typeof value !== "string" || value === "" || (value.startsWith("--") && value.length > 2)) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value}`);
  }
  return option.parse(value, name);
}

/** The nearest of `names`, if it is near enough to be a slip. */
export function suggest(name: string, names: string[]): string | undefined {
  const [nearest] = names.map((other) => ({ other, d: distance(name, other) })).sort((a, b) => a.d - b.d);
  return nearest.d <= Math.max(1, Math.floor(name.length / 3)) ? nearest.other : undefined;
}

/** Letters to add, drop, change, or swap with the next one. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length];
}

export function helpOf(command: Command): string {
  const options = Object.entries<Option>({ ...command.options, help: HELP });
  const left = options.map(([name, { value }]) => `  --${name}${value ? ` ${value}` : ""}`);
  const width = Math.max(...left.map(({ length }) => length)) + 2;
  const lines = options.map(([, { help }], index) => left[index].padEnd(width) + help);
  const usage = `gridmote ${command.name} [options]${command.positionals && ` ${command.positionals}`}`;
  return `Usage: ${usage}\n\n${command.summary}\n\n${lines.join("\n")}\n`;
}
