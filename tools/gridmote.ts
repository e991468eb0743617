import packageJson from "../package.json";
import { EngineFailure } from "../target/host/engine";
import { calibrateCommand } from "./calibrate/command";
import { type Command, type CommandGroup, Failure, type Io, UsageError } from "./cli/command";
import { helpOf, parseArguments, suggest } from "./cli/options";
import { decodeCommand } from "./decode/command";
import { otaCommands } from "./ota/commands";
import { simCommand } from "./sim/command";
import { wifiKeyCommand } from "./wifi-key/command";

const commands: (Command | CommandGroup)[] = [
  simCommand,
  decodeCommand,
  calibrateCommand,
  otaCommands,
  wifiKeyCommand,
];

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
  if (name === "help" && rest.length) return dispatch([...rest, "--help"], io);
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.stdout.write(overview(commands));
    return name === undefined ? 2 : 0;
  }
  const found = find(name, commands, "");
  return "commands" in found ? dispatchGroup(found, rest, io) : start(found, rest, io);
}

async function dispatchGroup(group: CommandGroup, [word, ...rest]: string[], io: Io): Promise<number> {
  if (word === undefined || word === "--help" || word === "-h") {
    io.stdout.write(overview(group.commands, `${group.name} `));
    return word === undefined ? 2 : 0;
  }
  return start(find(word, group.commands, `${group.name} `), rest, io);
}

async function start(command: Command, args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(command, args);
  if (values.help) {
    io.stdout.write(helpOf(command));
    return 0;
  }
  return command.run(values, positionals, io);
}

/** @param prefix the words before this one. */
function find<T extends Command | CommandGroup>(word: string, among: readonly T[], prefix: string): T {
  const names = among.map(({ name }) => name.slice(prefix.length));
  const found = among[names.indexOf(word)];
  if (found) return found;
  if (word.startsWith("-")) {
    throw new UsageError(
      `expected a command (${names.join(", ")}) before ${word}. See gridmote ${prefix}--help`,
    );
  }
  const nearest = suggest(word, names);
  const hint = nearest ? `; did you mean "${prefix}${nearest}"?` : ".";
  throw new UsageError(`there is no command "${prefix}${word}"${hint} See gridmote ${prefix}--help`);
}

function overview(among: readonly (Command | CommandGroup)[], prefix = ""): string {
  const lines = among.map(({ name, summary }) => `  ${name.slice(prefix.length).padEnd(11)}${summary}`);
  const usage = `Usage: gridmote ${prefix}COMMAND [options]`;
  return `${usage}\n\n${lines.join("\n")}\n\ngridmote ${prefix}COMMAND --help says more.\n`;
}
