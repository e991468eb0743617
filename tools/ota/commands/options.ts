import { RefusedUpdate } from "../../../src/ota/package";
import { Failure, type Option, UsageError } from "../../cli/command";
import { file } from "../../cli/options";

const UNITS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `6h` or `2d` as milliseconds. */
export function duration(low: string, high: string) {
  const parse = (text: string) => {
    const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    return count === undefined ? undefined : Number(count) * UNITS_MS[unit];
  };
  return (text: string, name: string): number => {
    const ms = parse(text);
    if (ms === undefined || ms < parse(low)! || ms > parse(high)!)
      throw new UsageError(`--${name} is "${text}", expected ${low} to ${high}, such as 90s, 15m, 6h or 2d`);
    return ms;
  };
}

/** Board revisions: `3`, or `1-3`. */
export function revisions(text: string, name: string): { low: number; high: number } {
  const [, low, high] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { low: Number(low), high: Number(high ?? low) };
  if (low === undefined || range.high > 0xffff || range.low > range.high)
    throw new UsageError(`--${name} is "${text}", expected a board's revision, or a range such as 1-3`);
  return range;
}

export function ascii(text: string, name: string): string {
  if (!/^[\x20-\x7e]{1,32}$/.test(text))
    throw new UsageError(`--${name} is "${text}", expected 1 to 32 characters of ASCII`);
  return text;
}

export const keyOption: Option = {
  value: "FILE",
  help: "the public key (PEM), or the private one",
  parse: file,
};
export const releaseOption: Option = { help: "refuse keys for development" };

/** @throws UsageError when a required option is missing. */
export function required<T>(values: Record<string, unknown>, ...names: string[]): T[] {
  for (const name of names) if (values[name] === undefined) throw new UsageError(`--${name} is missing`);
  return names.map((name) => values[name] as T);
}

/** What a node would refuse, as a failure of the command. */
export function explained<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RefusedUpdate) throw new Failure(`"${path}" is refused: ${error.message}`);
    throw error;
  }
}
