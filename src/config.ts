/**
 * A terminal's configuration: one table gives types, defaults, validation and messages.
 *
 * Names are at most 15 characters, because the key-value store (ESP-IDF's NVS) allows no more.
 */
import type { StreamPlan } from "./app/interface";
import { streamsOf } from "./sensors/sensor-text";

interface Field<T> {
  fallback: T;
  /** What a person is told to write instead. */
  expected: string;
  /** The value, or undefined when `raw` is not one. Text is accepted for numbers: stores hold text. */
  parse(raw: unknown): T | undefined;
}

// No regular expressions: XS (SDK 8.2.3) crashes when it collects garbage while it runs one that is preloaded.
const DIGITS = "0123456789";
const MAX_DIGITS = 15;
const DEVICE_CHARACTERS = `abcdefghijklmnopqrstuvwxyz${DIGITS}-_`;

function consistsOf(text: string, characters: string): boolean {
  for (const character of text) if (!characters.includes(character)) return false;
  return text !== "";
}

/** Digits with a sign or without one, and perhaps a space on either side. */
function isDecimal(text: string): boolean {
  const start = text.startsWith(" ") ? 1 : 0;
  const end = text.length - (text.endsWith(" ") ? 1 : 0);
  const number = text.slice(start, end);
  const digits = number.slice(number[0] === "+" || number[0] === "-" ? 1 : 0);
  return digits.length <= MAX_DIGITS && consistsOf(digits, DIGITS);
}

function integer(fallback: number, low: number, high: number): Field<number> {
  return {
    fallback,
    expected: `an integer from ${low} to ${high}`,
    parse(raw) {
      const value = typeof raw === "string" && isDecimal(raw) ? Number(raw) : raw;
      return typeof value === "number" && Number.isInteger(value) && value >= low && value <= high
        ? value
        : undefined;
    },
  };
}

function choice<T extends string>(...values: readonly [T, ...T[]]): Field<T> {
  return {
    fallback: values[0],
    expected: values.map((value) => `"${value}"`).join(" or "),
    parse: (raw) => values.find((value) => value === raw),
  };
}

function text(
  fallback: string,
  maximum: number,
  allowed?: { test(text: string): boolean; words: string },
): Field<string> {
  return {
    fallback,
    expected: `text of at most ${maximum} characters${allowed ? `, ${allowed.words}` : ""}`,
    parse(raw) {
      if (typeof raw !== "string" || raw.length > maximum) return undefined;
      return raw === "" || !allowed || allowed.test(raw) ? raw : undefined;
    },
  };
}

/** Topic levels carry the device id: no dots, spaces, slashes or wildcards. */
const deviceId = {
  test: (id: string) => consistsOf(id, DEVICE_CHARACTERS),
  words: "each a-z, 0-9, - or _",
};

const ipv4 = {
  test(address: string) {
    const parts = address.split(".");
    return parts.length === 4 && parts.every((part) => consistsOf(part, DIGITS) && Number(part) < 256);
  },
  words: "an IPv4 address",
};

const DAY_MS = 86_400_000;

const fields = {
  /** Its name in topics. Empty: the MAC's 12 hexadecimal digits. */
  device: text("", 32, deviceId),
  /** A sleeper spends its life in deep sleep; a resident stays up with its buses and its session open. */
  mode: choice("sleeper", "resident"),
  /** Milliseconds between readings, aligned to the clock; 0 records every sample that the device sends. */
  sampleMs: integer(60_000, 0, DAY_MS),
  /** Milliseconds for which a device may be silent before the reading is given up. DSMR 4 and older send each 10 s. */
  sampleTimeoutMs: integer(12_000, 100, 3_600_000),
  /** Milliseconds between sessions. */
  sessionMs: integer(900_000, 1_000, DAY_MS),
  /** Readings at which a frame closes before its period ends. */
  batch: integer(60, 1, 1024),
  /** `reading` stores each reading in flash at once; `batch` risks the open batch at a power loss. */
  durable: choice("batch", "reading"),
  /** The body of frames: `dense` has half the bytes, and costs more charge to make than it saves on Wi-Fi (docs/frame.md). */
  frame: choice("plain", "dense"),
  /** What is measured, as README.md says under "Say what is measured" (src/sensors/sensor-text.ts). */
  sensors: text("p1", 511),
  /** Phases of the connection. */
  phases: integer(3, 1, 3),
  /** The meter's standard time, in minutes east of UTC. */
  utcOffset: integer(60, -720, 840),
  /** The serial port of the smart meter, by the UART's number. */
  p1Port: integer(1, 0, 15),
  /** The pin on which it is received. */
  p1Receive: integer(16, 0, 63),
  /** Its bits a second: 115,200 from DSMR 4 on, 9600 before. */
  p1Baud: integer(115_200, 300, 921_600),
  /** DSMR 2 and 3 send 7 data bits and a parity bit. */
  p1DataBits: integer(8, 7, 8),
  /** The serial port of sensors that are no smart meter: an RS-485 line, or the chip in a plug. */
  serialPort: integer(2, 0, 15),
  /** Its pin to receive on. */
  serialReceive: integer(26, 0, 63),
  /** Its pin to send on. */
  serialTransmit: integer(27, 0, 63),
  /** The data pin of the I2C bus. */
  i2cData: integer(21, 0, 63),
  /** Its clock pin. */
  i2cClock: integer(22, 0, 63),
  /** The MQTT broker, by name or address. */
  host: text("localhost", 253),
  /** Its port; there is no TLS yet. */
  port: integer(1883, 1, 65_535),
  /** A second broker, asked when the first is not there. Empty: there is none. */
  host2: text("", 253),
  /** Its port. */
  port2: integer(1883, 1, 65_535),
  /** Of the broker's login. Empty: none. */
  user: text("", 64),
  /** Of the broker's login. */
  password: text("", 64),
  /** The Wi-Fi network. */
  ssid: text("", 32),
  /** Its passphrase, or the key that `gridmote wifi-key` makes of it. */
  wifiPassword: text("", 64),
  /** A static address, which spares DHCP; all three, or DHCP is asked. */
  address: text("", 15, ipv4),
  /** The mask of that network. */
  mask: text("", 15, ipv4),
  /** The router of that network. */
  gateway: text("", 15, ipv4),
  /** Time servers, asked in this order until one agrees with our own clock, or two with each other. */
  timeServers: text("0.pool.ntp.org 1.pool.ntp.org 2.pool.ntp.org", 253),
  /** A session that has not ended after so many milliseconds is given up: a hard budget, because no network may drain a battery. */
  awakeMs: integer(30_000, 5_000, 600_000),
  /**
   * A sleeper waits awake for what is due sooner than in so many milliseconds: a boot takes 70 ms on ESP32, and draws as much
   * (docs/energy.md). More is worth it only where waiting costs less, as in light sleep.
   */
  stayMs: integer(70, 0, 3_600_000),
  /** Milliseconds between state messages. */
  statusMs: integer(21_600_000, 60_000, DAY_MS),
  /** Millivolts of the supply below which sessions are four times rarer; 0: never. */
  supplyLowMv: integer(0, 0, 60_000),
  /** Millivolts of the supply below which there are no sessions; 0: never. */
  supplyStopMv: integer(0, 0, 60_000),
  /** GPIO whose level wakes a sleeper for a session, such as a button's; it needs a resistor to the other level. -1: none. */
  wakePin: integer(-1, -1, 63),
  /** The level that wakes it. */
  wakeLevel: integer(0, 0, 1),
  /** Milliseconds: the first bound of the random wait after a failed session. */
  backoffMs: integer(30_000, 100, DAY_MS),
  /** Milliseconds: the largest bound of that wait. */
  backoffMaxMs: integer(3_600_000, 1_000, DAY_MS),
} as const;

export type Config = {
  -readonly [Name in keyof typeof fields]: (typeof fields)[Name] extends Field<infer T> ? T : never;
};

/** Values that are never logged or published. */
export const secrets: readonly (keyof Config)[] = ["password", "wifiPassword", "user"];

/** Names of all fields: what provisioning may write to the key-value store. */
export const configNames = Object.keys(fields) as (keyof Config)[];

/** One source of values: later layers win. `from` is named in messages. */
export interface Layer {
  from: string;
  values: Record<string, unknown>;
}

/** What all layers together come to. */
export interface Loaded {
  config: Config;
  /** What `config.sensors` says is to be sampled. */
  streams: StreamPlan[];
  problems: Problem[];
}

/** What is wrong with a value, and in which layer. */
export interface Problem {
  from: string;
  name: string;
  message: string;
}

const defaults = Object.fromEntries(Object.entries(fields).map(([name, { fallback }]) => [name, fallback]));

/**
 * Defaults, then each layer. A value that is not valid, or a name that does not exist, is left out and gives one
 * of the `problems`; secrets are not quoted there.
 */
export function loadConfig(layers: readonly Layer[]): Loaded {
  const config: Record<string, unknown> = { ...defaults };
  const problems: Problem[] = [];
  for (const { from, values } of layers) {
    for (const name in values) {
      const field = Object.hasOwn(fields, name)
        ? (fields as Record<string, Field<unknown>>)[name]
        : undefined;
      const value = field?.parse(values[name]);
      if (value !== undefined) config[name] = value;
      else if (!field) problems.push({ from, name, message: `there is no setting "${name}"` });
      else
        problems.push({
          from,
          name,
          message: `${name} is ${quote(name, values[name])}, expected ${field.expected}`,
        });
    }
  }
  if (config.mode === "sleeper" && config.sampleMs === 0) {
    problems.push({
      from: sourceOf("sampleMs", layers),
      name: "sampleMs",
      message: "sampleMs is 0, which takes every sample: only a resident can",
    });
    config.sampleMs = fields.sampleMs.fallback;
  }
  checkAddress(config as Config, layers, problems);
  const streams = loadStreams(config as Config, layers, problems);
  return { config: config as Config, streams, problems };
}

const ADDRESS_FIELDS = ["address", "mask", "gateway"] as const;

/** DHCP is asked, as without any of them: who gave one of them thinks that it is not. */
function checkAddress(config: Config, layers: readonly Layer[], problems: Problem[]): void {
  // At each wake, and mostly for nothing.
  if (!config.address && !config.mask && !config.gateway) return;
  const missing = ADDRESS_FIELDS.find((name) => config[name] === "");
  const given = ADDRESS_FIELDS.find((name) => config[name] !== "");
  if (missing === undefined || given === undefined) return;
  problems.push({
    from: sourceOf(given, layers),
    name: given,
    message: `${given} is "${config[given]}", but there is no ${missing}: DHCP is asked unless address, mask and gateway are all given`,
  });
}

/** Where a setting comes from: the last layer that has it. */
function sourceOf(name: string, layers: readonly Layer[]): string {
  let from = "";
  for (const layer of layers) if (name in layer.values) from = layer.from;
  return from;
}

/** Whether the sensors can be so depends on other settings, too. */
function loadStreams(config: Config, layers: readonly Layer[], problems: Problem[]): StreamPlan[] {
  try {
    return streamsOf(config);
  } catch (error) {
    const from = sourceOf("sensors", layers);
    const message = `sensors is ${quote("sensors", config.sensors)}: ${(error as Error).message}`;
    problems.push({ from, name: "sensors", message });
    config.sensors = fields.sensors.fallback;
    return streamsOf(config);
  }
}

function quote(name: string, raw: unknown): string {
  if (secrets.includes(name as keyof Config)) return "not valid";
  return JSON.stringify(raw) ?? String(raw);
}
