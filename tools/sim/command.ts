import { type BusRecording, isBusRecording, parseBusRecording } from "../../hal-mocks/chips/bus-recording";
import { type P1Recording, parseRecording } from "../../hal-mocks/chips/p1-replay";
import { defaultSettings, type EnergySettings } from "../../hal-mocks/energy/settings";
import { type BrokerAddress, type Command, type Io, UsageError } from "../cli/command";
import { contentOf, readJson } from "../cli/json";
import { broker, choice, file, integer, positive, text } from "../cli/options";
import { Progress } from "../cli/progress";
import { compare, policiesOf, printComparison } from "./compare";
import { PowerFiles } from "./energy-files";
import { energySettings } from "./energy-settings";
import { buildXs } from "./engines";
import { hasWholeTelegram, unmeasured } from "./expectations";
import { LineFiles } from "./files";
import { HeapWatch } from "./heap";
import { householdsOf } from "./household";
import { AppFailures, appsOf, loadApp } from "./own-app";
import { policyNames } from "./policies";
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
    scenario: { value: "FILE", help: "a scenario in JSON (default: a street of four houses)", parse: file },
    broker: {
      value: "mqtt://host:port",
      help: "a broker that runs already, for one simulation at a time (default: one in this process)",
      parse: broker,
    },
    replay: {
      value: "FILE",
      help: "what --record has written, or a raw P1 byte stream, in place of the houses",
      parse: file,
    },
    p1: { value: "FILE", help: "the same as --replay", parse: file },
    record: {
      value: "DIR",
      help: "write what is on each serial line to DIR/<device>-<port>.bus, for --replay",
      parse: text,
    },
    engine: {
      value: "node|xs",
      help: "what runs the firmware; xs is the board's engine, built here (default node)",
      parse: choice("node", "xs"),
    },
    app: {
      value: "FILE",
      help: "an app of one's own in TypeScript, in place of src/app/default.ts, on either engine",
      parse: file,
    },
    out: {
      value: "DIR",
      help: "write readings to DIR/<device>.jsonl, power states to -power.csv and -power.svg",
      parse: text,
    },
    compare: {
      value: "NAMES|FILE",
      help: `one scenario under several policies: all, or some of ${policyNames.join(", ")}, or a JSON file`,
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
    if (values.compare !== undefined) return compareUnder(values, scenario, io);
    const { recording, listenedMs, replay } = recordingOf(values, scenario);
    const own = values.app === undefined ? undefined : await loadApp(values.app as string);
    const xs =
      values.engine === "xs" ? buildXs((line) => io.stderr.write(line), own && { app: own.file }) : undefined;
    const files = values.out === undefined ? undefined : new LineFiles("--out", values.out as string);
    const buses =
      values.record === undefined ? undefined : new LineFiles("--record", values.record as string);
    const power = files && new PowerFiles(files, settingsOf(scenario));
    const heap = values.json ? new HeapWatch() : undefined;
    const progress = values.json ? undefined : new Progress(io.stderr);
    const begun = performance.now();
    const failures = new AppFailures((line) => io.stderr.write(`gridmote: ${line}\n`));
    let report: Report;
    try {
      report = await simulate({
        scenario,
        recording,
        listenedMs,
        xs,
        ...(own && { apps: appsOf(own) }),
        log: (line) => failures.see(line),
        onFallback: (device, why) => failures.fallBack(device, why),
        broker: values.broker as BrokerAddress | undefined,
        replay,
        onBus: buses && ((device, port, line) => buses.write(`${device}-${port}.bus`, line)),
        onRecord: (record) => files?.write(`${record.device}.jsonl`, JSON.stringify(record)),
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
    buses?.close();
    const elapsedMs = Math.round(performance.now() - begun);
    if (values.json)
      io.stdout.write(
        `${JSON.stringify({ ...report, heap: heap?.end(), timing: { elapsedMs } }, null, 2)}\n`,
      );
    else printReport(report, elapsedMs, io.stdout, values.energy === true);
    return verdict(report, failures, io);
  },
};

async function compareUnder(values: Record<string, unknown>, scenario: Scenario, io: Io): Promise<number> {
  const other = ["broker", "p1", "replay", "record", "engine", "app", "out", "energy"].find(
    (name) => values[name] !== undefined,
  );
  if (other) throw new UsageError(`either --compare or --${other}, not both`);
  const policies = policiesOf(values.compare as string);
  const compared = await compare(scenario, policies, (name) => {
    if (!values.json) io.stderr.write(`gridmote: ${name}\n`);
  });
  if (values.json) io.stdout.write(`${JSON.stringify({ policies: compared }, null, 2)}\n`);
  else printComparison(compared, io.stdout);
  const bad = compared.filter(({ report }) => !report.ok);
  for (const { policy } of bad)
    io.stderr.write(`gridmote: ${policy}: the readings that came out are not what the world had\n`);
  return bad.length ? 1 : 0;
}

/** The hardware of each terminal, for its charge. */
function settingsOf(scenario: Scenario): (device: string) => EnergySettings {
  const ofHouses = new Map(
    scenario.terminals.map(({ device, energy }) => [device, energySettings(scenario.energy, energy)]),
  );
  return (device) => ofHouses.get(device) ?? defaultSettings;
}

function verdict(report: Report, { verdict }: AppFailures, io: Io): number {
  if (!report.ok)
    io.stderr.write(
      "gridmote: the readings that came out are not what the world had: see bad, lost, duplicates and the remarks\n",
    );
  else if (verdict) io.stderr.write(`gridmote: ${verdict}\n`);
  return report.ok && !verdict ? 0 : 1;
}

function scenarioOf(values: Record<string, unknown>): Scenario {
  const path = values.scenario as string | undefined;
  const option = values.p1 ? "--p1" : values.replay ? "--replay" : undefined;
  if (values.p1 && values.replay) throw new UsageError("either --replay or --p1, not both");
  if (path && option) throw new UsageError(`either --scenario or ${option}, not both`);
  if (option && values.record) throw new UsageError(`either --record or ${option}, not both`);
  if (option && values.days) throw new UsageError("--days is for scenarios: a recording has its own length");
  const result = parseScenario(path ? readJson(path) : street);
  if ("problem" in result) throw new UsageError(`${path}: ${result.problem}`);
  const days = values.days as number | undefined;
  const seed = values.seed as number | undefined;
  const changes = { ...(days !== undefined && { days }), ...(seed !== undefined && { seed }) };
  const scenario = { ...result.scenario, ...changes };
  const empty = option ? undefined : unmeasured(householdsOf(scenario));
  if (empty) throw new UsageError(empty);
  return scenario;
}

/** Where a recording's meter has no clock, it begins when the scenario does. */
function recordingOf(
  values: Record<string, unknown>,
  scenario: Scenario,
): { recording?: P1Recording; listenedMs?: number; replay?: BusRecording } {
  const path = (values.replay ?? values.p1) as string | undefined;
  if (!path) return {};
  const content = contentOf(path);
  const bus = busRecordingOf(path, content);
  // A P1 meter's telegrams say what they mean: they are judged one by one.
  if (bus && !bus.sensors.startsWith("p1")) return { replay: bus };
  const bytes = bus
    ? Buffer.concat(bus.events.filter(({ isAsked }) => !isAsked).map((event) => event.bytes))
    : content;
  return {
    recording: p1RecordingOf(path, bytes, Date.parse(scenario.start)),
    ...(bus?.mode === "sleeper" && { listenedMs: bus.sampleMs }),
  };
}

function busRecordingOf(path: string, content: Buffer): BusRecording | undefined {
  const text = content.toString("latin1");
  if (!isBusRecording(text)) return undefined;
  try {
    return parseBusRecording(text);
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
}

function p1RecordingOf(path: string, bytes: Uint8Array, start: number): P1Recording {
  const recording = parseRecording(bytes, undefined, start);
  if (!recording.telegrams.length)
    throw new UsageError(`${path}: there is no P1 telegram in it: none begins with "/"`);
  if (!hasWholeTelegram(recording))
    throw new UsageError(`${path}: nothing is to be measured: there is no whole P1 telegram in it`);
  return recording;
}
