/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Something outside went wrong: one line, exit code 1. */
export class Failure extends Error {
  override name = "Failure";
}

/** What a command may touch of its process. */
export interface Io {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; writableNeedDrain?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
}

/** A broker to connect to. */
export interface BrokerAddress {
  /** As in a URL: IPv6 in brackets. */
  host: string;
  port: number;
  user?: string;
  password?: string;
}

/** One option of a command; `value` is the word for its value in the help. */
export interface Option {
  value?: string;
  /** What it does, in the help. */
  help: string;
  /** One letter that says the same. */
  short?: string;
  /** Turns text into a value, or throws UsageError that names the option. Without it the option is a flag. */
  parse?: (text: string, name: string) => unknown;
}

export interface Command {
  name: string;
  summary: string;
  /** Words for the arguments without a name, for the help; empty for none. */
  positionals: string;
  maximumPositionals: number;
  options: Record<string, Option>;
  run(values: Record<string, unknown>, positionals: string[], io: Io): Promise<number>;
}

/** Commands of two words: the name of a group, then one of these, whose name has both words. */
export interface CommandGroup {
  name: string;
  summary: string;
  commands: readonly Command[];
}

/** The address as a URL, with its login. */
export function urlOf({ host, port, user, password }: BrokerAddress): string {
  const login = user ? `${encodeURIComponent(user)}:${encodeURIComponent(password ?? "")}@` : "";
  return `mqtt://${login}${host}:${port}`;
}
