import { z } from "zod";

// What files in JSON have in common, and how what is wrong with one is said.

/** From `low` to `high`. */
export function number(low: number, high: number) {
  const error = `expected a number from ${low} to ${high}`;
  return z.number({ error }).min(low, { error }).max(high, { error });
}

/** A whole one. */
export function integer(low: number, high: number) {
  const error = `expected a whole number from ${low} to ${high}`;
  return z.number({ error }).int({ error }).min(low, { error }).max(high, { error });
}

/** An object of these fields and no others. */
export function object<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === "unrecognized_keys"
        ? `is not known; expected ${listOf(Object.keys(shape))}`
        : "expected an object",
  });
}

/** `a, b or c`. */
export function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

/**
 * The field, what it is, and what was expected, in one line; what was given must be in the issue (`reportInput`).
 * @param whole what the object without a field is called.
 */
export function describe(issue: z.core.$ZodIssue, whole: string): string {
  const { code, path, message, input } = issue;
  if (code === "unrecognized_keys") return `${pathOf([...path, issue.keys[0]])} ${message}`;
  const place = pathOf(path) || whole;
  if (/^(is|has|needs) /.test(message)) return `${place} ${message}`;
  return `${place} is ${input === undefined ? "missing" : quote(input)}, ${message}`;
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key),
    "",
  );
}

const LONGEST_QUOTE = 40;

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}
