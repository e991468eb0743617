import { readFileSync } from "node:fs";
import { type P1Recording, parseRecording } from "../../hal-mocks/chips/p1-replay";
import { defaultSettings, type EnergySettings } from "../../hal-mocks/energy/settings";
import { type BrokerAddress, type Command, Failure, type Io, UsageError } from "../cli/command";
import { broker, choice, file, integer, positive, text } from "../cli/options";
import { Progress } from "../cli/progress";
import { PowerFiles } from "./energy-files";
import { energySettings } from "./energy-settings";
import { buildXs } from "./engines";
import { hasWholeTelegram, unmeasured } from "./expectations";
import { TextFiles, writeRecord } from "./files";
import { HeapWatch } from "./heap";
import { householdsOf } from "./household";
import { printReport } from "./report";
import { parseScenario, type Scenario, street } from "./scenario";
import { type Report, simulate } from "./simulation";

const DAY_MS = 86_400_000;
const MAX_DAYS = 3660;

export const simCommand: Command = {
  name: "sim",
  summary: "Runs terminals in virtual time through a real MQTT broker, and checks what comes out of it.",
  positionals: "",
  maximumPositionals: 0,
  options: {
    days: { value: "N", help: "days of virtual time (default 1)", parse: positive(MAX_DAYS) },
    seed: {
      value: "N",
      help: "the same seed gives the same bytes (default 1)",
      parse: integer(0, 2 ** 31 - 1),
    },
    scenario: { value: "FILE", help: "a scenario in JSON (default: a street of three houses)", parse: file },
    broker: {
      value: "mqtt://host:port",
      help: "a broker that runs already, for one simulation at a time (default: one in this process)",
      parse: broker,
    },
    p1: { value: "FILE", help: "a recorded P1 byte stream in place of the houses", parse: file },
    engine: {
      value: "node|xs",
      help: "what runs the firmware; xs is the board's engine, built here (default node)",
      parse: choice("node", "xs"),
    },
    out: {
      value: "DIR",
      help: "write readings to DIR/<device>.jsonl, power states to -power.csv and -power.svg",
      parse: text,
    },
    energy: { help: "print each terminal's whole charge ledger, and where its figures come from" },
    json: { help: "print one JSON object and nothing else" },
  },
  async run(values, _positionals, io) {
    const scenario = scenarioOf(values);
    const late = scenario.events.filter(({ at }) => at >= scenario.days * DAY_MS).length;
    if (late)
      io.stderr.write(
        `gridmote: ${late} of ${scenario.events.length} events lie after the end and do not happen\n`,
      );
    const recording = recordingOf(values, scenario);
    const xs = values.engine === "xs" ? buildXs((line) => io.stderr.write(line)) : undefined;
    const files = values.out === undefined ? undefined : new TextFiles(values.out as string);
    const power = files && new PowerFiles(files, settingsOf(scenario));
    const heap = values.json ? new HeapWatch() : undefined;
    const progress = values.json ? undefined : new Progress(io.stderr);
    const begun = performance.now();
    let report: Report;
    let fallbacks = 0;
    try {
      report = await simulate({
        scenario,
        recording,
        xs,
        onFallback: (device, why) => {
          fallbacks++;
          io.stderr.write(`gridmote: ${device}: ${why.replace(/^gridmote: /, "")}\n`);
        },
        broker: values.broker as BrokerAddress | undefined,
        onRecord: (record) => files && writeRecord(files, record),
        onSegment: power && ((device, segment) => power.write(device, segment)),
        onProgress: (done, moment) => {
          heap?.update(moment);
          progress?.update(done, new Date(moment).toISOString().slice(0, 16));
        },
      });
    } finally {
      progress?.clear();
    }
    power?.finish(report);
    files?.close();
    const elapsedMs = Math.round(performance.now() - begun);
    if (values.json)
      io.stdout.write(
        `${JSON.stringify({ ...report, heap: heap?.end(), timing: { elapsedMs } }, null, 2)}\n`,
      );
    else printReport(report, elapsedMs, io.stdout, values.energy === true);
    return verdict(report, fallbacks, io);
  },
};

/** The hardware of each terminal, for its charge. */
function settingsOf(scenario: Scenario): (device: string) => EnergySettings {
  const ofHouses = new Map(
    scenario.terminals.map(({ device, energy }) => [device, energySettings(scenario.energy, energy)]),
  );
  return (device) => ofHouses.get(device) ?? defaultSettings;
}

function verdict(report: Report, fallbacks: number, io: Io): number {
  if (report.ok && !fallbacks) return 0;
  if (report.ok) {
    io.stderr.write(
      "gridmote: the installed app has not run everywhere; what is reported is of the built-in one\n",
    );
    return 1;
  }
  io.stderr.write(
    "gridmote: the readings that came out are not what the world had: see bad, lost, duplicates and the remarks\n",
  );
  return 1;
}

function scenarioOf(values: Record<string, unknown>): Scenario {
  const path = values.scenario as string | undefined;
  if (path && values.p1) throw new UsageError("either --scenario or --p1, not both");
  if (values.p1 && values.days)
    throw new UsageError("--days is for scenarios: a recording has its own length");
  const result = parseScenario(path ? parseJson(path) : street);
  if ("problem" in result) throw new UsageError(`${path}: ${result.problem}`);
  const days = values.days as number | undefined;
  const seed = values.seed as number | undefined;
  const changes = { ...(days !== undefined && { days }), ...(seed !== undefined && { seed }) };
  const scenario = { ...result.scenario, ...changes };
  const empty = values.p1 ? undefined : unmeasured(householdsOf(scenario));
  if (empty) throw new UsageError(empty);
  return scenario;
}

function parseJson(path: string): unknown {
  // Editors on Windows begin a file with a byte order mark.
  const text = contentOf(path)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: not JSON: ${(error as Error).message}`);
  }
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`cannot read "${path}": ${(error as Error).message}`);
  }
}

/** Where a recording's meter has no clock, it begins when the scenario does. */
function recordingOf(values: Record<string, unknown>, scenario: Scenario): P1Recording | undefined {
  const path = values.p1 as string | undefined;
  if (!path) return undefined;
  const recording = parseRecording(contentOf(path), undefined, Date.parse(scenario.start));
  if (!recording.telegrams.length)
    throw new UsageError(`${path}: there is no P1 telegram in it: none begins with "/"`);
  if (!hasWholeTelegram(recording))
    throw new UsageError(`${path}: nothing is to be measured: there is no whole P1 telegram in it`);
  return recording;
}
