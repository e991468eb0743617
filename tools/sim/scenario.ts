import { z } from "zod";
import { type Config, configNames, loadConfig } from "../../src/config";
import { planOf } from "../../src/sensors/places";
import { streamsOf } from "../../src/sensors/sensor-text";
import { energySchema } from "./energy-settings";
import { describe, integer, listOf, number, object } from "./schema";
import { sensedBy } from "./sensed";

/** Days and a time of day after the scenario's start: `06:00`, `1d06:00:30`. */
const MOMENT = /^(?:(\d{1,4})d)?([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

const moment = z
  .string("expected text such as 06:00 or 1d06:00:30, a time after the start")
  .regex(MOMENT, "expected a time after the start such as 06:00 or 1d06:00:30")
  .transform((text) => {
    const [, days = "0", hours, minutes, seconds = "0"] = MOMENT.exec(text)!;
    return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  });

/** The two digits of a P1 clock's year, and room for the longest run. */
const FIRST_YEAR = 2001;
const LAST_YEAR = 2089;
const START = "expected a time such as 2026-06-01T00:00:00+02:00";
const start = z.iso.datetime({ offset: true, error: START }).refine((text) => {
  const year = new Date(text).getUTCFullYear();
  return year >= FIRST_YEAR && year <= LAST_YEAR;
}, `expected a year from ${FIRST_YEAR} to ${LAST_YEAR}`);

/** What the simulator itself sets, for each terminal. */
const OURS = ["host", "port", "host2", "port2", "user", "password", "device", "phases", "utcOffset"];
/** The network of hal-mocks/air.ts: a terminal elsewhere reaches nothing. */
const NETWORK = "192.0.2.";
const ADDRESSES = ["address", "gateway"];
const MIN_SAMPLE_MS = 2000;
const SECOND_MS = 1000;
const SAMPLE = `expected a whole number of seconds, from ${MIN_SAMPLE_MS} ms: a meter here speaks once a second, and frames carry whole seconds`;

const config = z.record(z.string(), z.unknown(), "expected an object").superRefine((values, context) => {
  for (const name in values) {
    const message = settingProblem(name, values);
    if (message) context.addIssue({ code: "custom", path: [name], message });
  }
  if (context.issues.length) return;
  // Settings that are good each by itself, and not together.
  for (const { name, message } of loadConfig([{ from: "", values }]).problems)
    context.addIssue({ code: "custom", path: [name], message: message.slice(name.length + 1) });
});

/** What is wrong with one setting of a terminal, to be read after its name. */
function settingProblem(name: string, values: Record<string, unknown>): string | undefined {
  if (OURS.includes(name)) return "is set by the simulator: leave it out";
  if (!(configNames as string[]).includes(name)) {
    return `is not known; expected ${listOf(configNames.filter((known) => !OURS.includes(known)))}`;
  }
  // As a resident's: what only a sleeper may not have, the line below says better.
  const { [name]: value, address = "", mask = "", gateway = "" } = values;
  const alone = { mode: "resident", address, mask, gateway, [name]: value };
  const { config, problems } = loadConfig([{ from: "", values: alone }]);
  const [problem] = problems;
  if (problem?.name === name) return problem.message.slice(name.length + 1);
  if (ADDRESSES.includes(name) && value !== "" && !String(value).startsWith(NETWORK))
    return `is ${JSON.stringify(value)}, expected ${NETWORK}1 to 254: that is the network here, and .1 its gateway`;
  const { sampleMs } = config;
  const fits = sampleMs >= MIN_SAMPLE_MS && sampleMs % SECOND_MS === 0;
  if (name === "sampleMs" && !fits) return `is ${JSON.stringify(value)}, ${SAMPLE}`;
  return name === "sensors" ? sensorsProblem(config) : undefined;
}

/** What the simulator has no chip for, or no second of its own for. */
function sensorsProblem(config: Config): string | undefined {
  for (const stream of streamsOf(config)) {
    const { driver, options = {} } = planOf(stream);
    const problem = sensedBy(driver)?.problem?.(options);
    if (problem) return `has ${driver} ${problem}`;
    const { sampleMs } = stream;
    if (sampleMs < MIN_SAMPLE_MS || sampleMs % SECOND_MS) return `has sampleMs=${sampleMs}, ${SAMPLE}`;
  }
  return undefined;
}

/** An ESP32's sleep clock before it is calibrated. */
const MAX_DRIFT_PPM = 100_000;

const terminal = object({
  device: z
    .string("expected text: 1 to 32 of a-z, 0-9, - and _")
    .regex(/^[a-z0-9_-]{1,32}$/, "expected 1 to 32 of a-z, 0-9, - and _"),
  config: config.default({}),
  /** By how much its sleep clock is fast, in parts per million. */
  drift: number(-MAX_DRIFT_PPM, MAX_DRIFT_PPM).default(0),
  /** Its hardware, for its charge: goes over the scenario's. */
  energy: energySchema.default({}),
  house: object({
    phases: z.literal([1, 3], "expected 1 or 3").default(3),
    baseW: number(0, 100_000).default(250),
    pvW: number(0, 1_000_000).default(0),
  }).prefault({}),
  /** What sensors other than a smart meter look at. */
  plant: object({
    pvW: number(1, 1_000_000).default(6000),
    batteryWh: number(100, 1_000_000).default(8000),
  }).prefault({}),
});

export type Way = "down" | "up";
/** What a reset does to retained memory; `flip` leaves it with some bits the other way round. */
export type Reset = "keep" | "lose" | "flip";

/** A number and its unit: `30s`, `5m`, `6h`, `7d`. */
const DURATION = /^([1-9]\d{0,5})([smhd])$/;
const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION_WORDS = "such as 30s, 5m, 6h or 7d";
const duration = z
  .string(`expected text ${DURATION_WORDS}`)
  .regex(DURATION, `expected a time ${DURATION_WORDS}`)
  .transform((text) => {
    const [, count, unit] = DURATION.exec(text)!;
    return Number(count) * UNIT_MS[unit];
  });

const way = z.enum(["down", "up"], 'expected "down" or "up"');
const loss = number(0, 0.9);
/** Seconds that servers are ahead: a century at most. */
const MAX_OFFSET_S = 3_155_760_000;

const eventFields = object({
  at: moment,
  /** How long it lasts. */
  for: duration.optional(),
  /** It comes again, each time up to `jitter` later. */
  every: duration.optional(),
  jitter: duration.optional(),
  device: z.string("expected text: the device of a terminal").optional(),
  broker: way.optional(),
  broker2: way.optional(),
  network: way.optional(),
  wifi: way.optional(),
  reset: z.enum(["keep", "lose", "flip"], 'expected "keep", "lose" or "flip"').optional(),
  loss: loss.optional(),
  time: object({
    /** The only one that lies; without it all do. */
    server: z.string("expected text: the name of a time server").optional(),
    /** Seconds that it is ahead. */
    offset: integer(-MAX_OFFSET_S, MAX_OFFSET_S),
  }).optional(),
});

type EventFields = z.output<typeof eventFields>;
const EVENT =
  'is no event: expected "broker", "broker2", "reset", "loss" or "time", or "device" with "network" or "wifi"';

/** What is wrong with an event, to be read after its place. */
function eventProblem(event: EventFields): string | undefined {
  const { device, broker, broker2, network, wifi, reset, loss, time, every, jitter } = event;
  const kinds = [broker, broker2, network ?? wifi, reset, loss, time].filter((kind) => kind !== undefined);
  const isLink = (network ?? wifi) !== undefined;
  const isOfAll = broker ?? broker2 ?? time;
  if (kinds.length !== 1 || (isLink && device === undefined) || (isOfAll && device !== undefined))
    return EVENT;
  const lasts = [broker, broker2, network, wifi].includes("down") || loss !== undefined || time;
  if (event.for !== undefined && !lasts) return 'is over at once: "for" is for "down", "loss" and "time"';
  if (time && event.for === undefined) return 'needs "for": how long the time is wrong';
  if (jitter !== undefined && every === undefined) return 'has "jitter" without "every"';
  return undefined;
}

const event = eventFields.superRefine((fields, context) => {
  const message = eventProblem(fields);
  if (message) context.addIssue({ code: "custom", message });
});

/** Times are in milliseconds, `at` after the start. */
export type ScenarioEvent = EventFields;

const LIST_OF_TERMINALS = "expected a list of 1 to 10000 terminals";
const DAYS = "expected a number above 0, up to 3660";

const scenario = object({
  name: z.string("expected text").optional(),
  /** When the virtual world begins. */
  start,
  /** Minutes east of UTC of the street's standard time, by which its meters and tariffs run. */
  utcOffset: integer(-720, 840).default(60),
  days: z.number(DAYS).positive(DAYS).max(3660, DAYS).default(1),
  seed: integer(0, 2 ** 31 - 1).default(1),
  /** How many brokers there are; terminals ask the second where the first is not there. */
  brokers: z.literal([1, 2], "expected 1 or 2").default(1),
  /** How likely each packet is to get lost. */
  loss: loss.default(0),
  energy: energySchema.default({}),
  terminals: z.array(terminal, LIST_OF_TERMINALS).min(1, LIST_OF_TERMINALS).max(10_000, LIST_OF_TERMINALS),
  events: z.array(event, "expected a list of events").default([]),
});

export type Scenario = z.output<typeof scenario>;
export type ScenarioTerminal = Scenario["terminals"][number];

/**
 * Three houses, the second with PV; two of their terminals sleep, the third is resident. In the fourth a resident has an
 * inverter, a battery and a heat pump's sub-meter as points, and a plug is a terminal of its own.
 */
export const street = {
  name: "street",
  start: "2026-06-01T00:00:00+01:00",
  terminals: [
    { device: "house-1", config: { mode: "sleeper" }, house: { baseW: 220 } },
    { device: "house-2", config: { mode: "sleeper" }, house: { baseW: 310, pvW: 5200 } },
    {
      device: "house-3",
      config: { mode: "resident", sampleMs: 10_000, sessionMs: 300_000, batch: 30 },
      house: { phases: 1, baseW: 180 },
    },
    {
      device: "house-4",
      config: {
        mode: "resident",
        sensors:
          "sunspec address=192.168.1.40; ina228 shuntOhms=0.001 maximumAmperes=50 averages=16; sdm630 unit=3",
      },
    },
    { device: "plug-4", config: { mode: "resident", sensors: "bl0942" } },
  ],
};

/**
 * A scenario from JSON.
 * @returns the scenario, or one line that names the first wrong field and what was expected.
 */
export function parseScenario(json: unknown): { scenario: Scenario } | { problem: string } {
  const parsed = scenario.safeParse(json, { reportInput: true });
  if (!parsed.success) return { problem: describe(parsed.error.issues[0], "the scenario") };
  const { terminals, events } = parsed.data;
  const places = new Map<string, string>();
  for (const [index, { device }] of terminals.entries()) {
    const other = places.get(device);
    if (other) return { problem: `terminals[${index}].device is "${device}", as ${other} is already` };
    places.set(device, `terminals[${index}]`);
  }
  for (const [index, event] of events.entries()) {
    const problem = strangerIn(event, parsed.data);
    if (problem) return { problem: `events[${index}].${problem}` };
  }
  return { scenario: parsed.data };
}

/** What an event names that the scenario does not have. */
function strangerIn({ device, broker2, time }: ScenarioEvent, scenario: Scenario): string | undefined {
  const { terminals, brokers } = scenario;
  if (device !== undefined && !terminals.some((terminal) => terminal.device === device))
    return `device: there is no terminal "${device}"`;
  if (broker2 && brokers < 2) return "broker2: there is one broker: brokers is 1";
  const server = time?.server;
  if (server !== undefined && !terminals.some(({ config }) => timeServersOf(config).includes(server)))
    return `time.server: no terminal asks "${server}"`;
  return undefined;
}

function timeServersOf(config: Record<string, unknown>): string[] {
  return loadConfig([{ from: "", values: config }]).config.timeServers.split(" ");
}
