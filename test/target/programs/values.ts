import { invoke } from "../../../target/provider/wire";

/** A value as a text that tells everything apart that scripts can; the two forms of bytes are one over a pipe. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return `"${codePoints(value)}"`;
  if (typeof value === "number") return bits(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof ArrayBuffer) return `bytes ${new Uint8Array(value).join()}`;
  if (value instanceof Uint8Array) return `bytes ${value.join()}`;
  if (Array.isArray(value)) return `[${value.map(describeValue).join()}]`;
  const record = value as Record<string, unknown>;
  const properties = Object.keys(record).map(
    (name) => `"${codePoints(name)}":${describeValue(record[name])}`,
  );
  return `{${properties.join()}}`;
}

/** As text it may differ where an integer above 2^53 lies half way between two decimals. Each engine has its own NaN. */
function bits(value: number): string {
  return Number.isNaN(value) ? "NaN" : new Uint32Array(Float64Array.of(value).buffer).join("_");
}

/** XS takes an astral character for one, Node for two: as code points both are the same. */
function codePoints(text: string): string {
  return Array.from(text, (character) => character.codePointAt(0)!.toString(16)).join(" ");
}

class Point {
  x = 1;
}

function endless(): unknown {
  const list: unknown[] = [];
  list.push({ list });
  return list;
}

/** What is no data, by what it is. */
export const foreign: Readonly<Record<string, () => unknown>> = {
  "a function": () => () => 1,
  "a class": () => Point,
  "a symbol": () => Symbol("x"),
  "a big integer": () => BigInt(1),
  "an instance": () => new Point(),
  "a Map": () => new Map([[1, 2]]),
  "a Set": () => new Set([1]),
  "a Date": () => new Date(0),
  "an Error": () => new Error("x"),
  "a regular expression": () => /x/,
  "a promise": () => Promise.resolve(1),
  "words of 16 bits": () => new Uint16Array(2),
  "half of a surrogate pair": () => "x\ud800y",
  "a property __proto__": () => JSON.parse('{"__proto__":1}'),
  "an endless list": endless,
};

/** What a script catches when it passes this, bare and inside something else. */
function pass(value: unknown): string[] {
  return [value, [1, value], { value }].map((parameter) => {
    try {
      invoke("host", "echo", "x".repeat(100), parameter);
      return "nothing";
    } catch (error) {
      return error instanceof TypeError ? `TypeError: ${error.message}` : String(error);
    }
  });
}

/** Called with each event of the host. */
export default function onEvent(event: string, value: unknown): unknown {
  switch (event) {
    case "echo":
      return [value, describeValue(value)];
    case "ask":
      return invoke("host", "echo", value);
    case "pass":
      return pass(foreign[String(value)]?.());
    default:
      throw new RangeError(`there is no event "${event}"`);
  }
}
