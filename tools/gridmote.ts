import packageJson from "../package.json";
import { EngineFailure } from "../target/host/engine";
import { calibrateCommand } from "./calibrate/command";
import { type Command, Failure, type Io, UsageError } from "./cli/command";
import { helpOf, parseArguments, suggest } from "./cli/options";
import { decodeCommand } from "./decode/command";
import { simCommand } from "./sim/command";
import { wifiKeyCommand } from "./wifi-key/command";

const commands: Command[] = [simCommand, decodeCommand, calibrateCommand, wifiKeyCommand];

/** Runs the command line. Resolves to the exit code: 0 good, 1 failed, 2 wrong usage. */
export async function run(args: string[], io: Io): Promise<number> {
  watch(io);
  try {
    return await dispatch(args, io);
  } catch (error) {
    io.stderr.write(`gridmote: ${explain(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Output that nobody takes any more ends the process: there is no caller who could be told. */
function watch({ stdout, stderr }: Io): void {
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (head) is no failure.
    if (error.code === "EPIPE") process.exit(0);
    stderr.write(`gridmote: cannot write to standard output: ${error.message}\n`);
    process.exit(1);
  });
  stderr.on("error", () => {});
}

function explain(error: unknown): string {
  // What a parser quotes, or a file's name, may hold line ends.
  if (error instanceof UsageError || error instanceof Failure)
    return error.message.replace(/[\s\p{Cc}]+/gu, " ");
  if (error instanceof EngineFailure) return `the firmware failed on XS: ${error.message}`;
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this is a bug, please report it:\n${detail}`;
}

async function dispatch([name, ...rest]: string[], io: Io): Promise<number> {
  if (name === "--version") {
    io.stdout.write(`gridmote ${packageJson.version}\n`);
    return 0;
  }
  if (name === "help" && rest.length) return dispatch([rest[0], "--help"], io);
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.stdout.write(overview());
    return name === undefined ? 2 : 0;
  }
  const command = commandOf(name);
  const { values, positionals } = parseArguments(command, rest);
  if (values.help) {
    io.stdout.write(helpOf(command));
    return 0;
  }
  return command.run(values, positionals, io);
}

function commandOf(name: string): Command {
  const names = commands.map((command) => command.name);
  const found = commands[names.indexOf(name)];
  if (found) return found;
  if (name.startsWith("-")) {
    throw new UsageError(`expected a command (${names.join(", ")}) before ${name}. See gridmote --help`);
  }
  const nearest = suggest(name, names);
  const hint = nearest ? `; did you mean "${nearest}"?` : ".";
  throw new UsageError(`there is no command "${name}"${hint} See gridmote --help`);
}

function overview(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(11)}${summary}`);
  return `Usage: gridmote COMMAND [options]\n\n${lines.join("\n")}\n\ngridmote COMMAND --help says more.\n`;
}
