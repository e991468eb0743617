import { readFileSync } from "node:fs";
import { channelNumber } from "../../src/model/channels";
import { Calibration, type CalibrationConfiguration } from "../../src/sensors/calibration";
import { type Command, Failure, type Io, UsageError } from "../cli/command";
import { positive, readable } from "../cli/options";
import { table } from "../cli/table";
import { type Fit, leastSquares } from "./fit";
import { parsePairs } from "./pairs";

export const calibrateCommand: Command = {
  name: "calibrate",
  summary:
    "Computes the calibration of channels from lines of `channel measured true`, by least squares, and what error is left.",
  positionals: "FILE | -",
  maximumPositionals: 1,
  options: {
    channel: { value: "NAME", help: "lines are `measured true`, of this channel", parse: channel },
    ratio: {
      value: "N",
      help: "of transformers before the sensor, such as 20 for 100 A to 5 A (default 1)",
      parse: positive(1e6),
    },
    "gain-only": { help: "no offset: 0 stays 0" },
    json: { help: "print one JSON object" },
  },
  async run(values, [path], io) {
    if (!path) throw new UsageError("where are the pairs? Give a FILE, or - for standard input");
    const text = path === "-" ? await textOf(io.stdin) : readFileSync(readable(path), "utf8");
    const pairs = parsePairs(text, values.channel as string | undefined);
    if (!pairs.size) throw new Failure(`${path}: there is no pair in it`);
    const settings = {
      ratio: (values.ratio as number | undefined) ?? 1,
      gainOnly: values["gain-only"] === true,
    };
    const fits = new Map([...pairs].map(([name, list]) => [name, leastSquares(name, list, settings)]));
    const calibration = Object.fromEntries([...fits].map(([name, found]) => [name, found.calibration]));
    check(calibration);
    print(calibration, fits, values.json === true, io);
    return 0;
  },
};

function channel(name: string): string {
  try {
    channelNumber(name);
    return name;
  } catch {
    throw new UsageError(`--channel: no channel is called "${name}"`);
  }
}

/** What is printed must be what the firmware takes. */
function check(calibration: CalibrationConfiguration): void {
  try {
    new Calibration(calibration);
  } catch (error) {
    throw new Failure((error as Error).message);
  }
}

function print(
  calibration: CalibrationConfiguration,
  fits: ReadonlyMap<string, Fit>,
  json: boolean,
  io: Io,
): void {
  const residuals = [...fits].map(([name, { pairs, rms, largest }]) => ({
    channel: name,
    pairs,
    rms,
    largest,
  }));
  if (json) {
    io.stdout.write(`${JSON.stringify({ calibration, residuals })}\n`);
    return;
  }
  const rows = residuals.map((found) => [found.channel, found.pairs, short(found.rms), short(found.largest)]);
  io.stdout.write(`${JSON.stringify(calibration)}\n\n`);
  io.stdout.write(`In the setting sensors: ${settingOf(calibration)}\n\n`);
  io.stdout.write(table(["channel", "pairs", "error left, rms", "largest"], rows));
}

/** As `sensors` of src/config.ts has it, behind the options of the sensor. */
function settingOf(calibration: CalibrationConfiguration): string {
  return Object.entries(calibration)
    .flatMap(([name, values]) =>
      Object.entries(values ?? {}).map(([field, value]) => `${name}.${field}=${value}`),
    )
    .join(" ");
}

/** Four digits, and no exponent. */
function short(value: number): string {
  return String(Math.round(value * 1e6) >= 1 ? Number(value.toPrecision(4)) : 0);
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) text += chunk;
  return text;
}
