import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { type BrokerAddress, type Command, Failure, type Io, UsageError, urlOf } from "../cli/command";
import { broker, choice, deviceId, integer, readable, topicFilter } from "../cli/options";
import { Subscriber } from "../subscriber";
import { decodeItem } from "./checked";
import type { Format } from "./formats/format";
import { type FormatName, formats } from "./formats/formats";
import { HomeAssistantMessages } from "./formats/homeassistant";
import { PRECISIONS, type Precision } from "./formats/influx";
import { decodeFrame } from "./frame";
import { itemsOf } from "./items";
import { FrameReader, type ReadResult } from "./reader";
import { MAX_POINT } from "./records";

export const decodeCommand: Command = {
  name: "decode",
  summary:
    "Prints the readings in frames, as lines of JSON or otherwise: from a broker, or from a file of CBOR.",
  positionals: "[FILE | -]",
  maximumPositionals: 1,
  options: {
    broker: { value: "mqtt://host:port", help: "subscribe there, until Ctrl-C", parse: broker },
    topic: { value: "FILTER", help: "what to subscribe to (default gm/+/+/f)", parse: topicFilter },
    device: {
      value: "ID",
      help: "FILE holds bare frames of this device, not [topic, payload]",
      parse: deviceId,
    },
    point: { value: "N", help: "and of this point (default 0)", parse: integer(0, MAX_POINT) },
    format: {
      value: "NAME",
      help: `${Object.keys(formats).join(", ")} (default jsonl)`,
      parse: choice(...Object.keys(formats)),
    },
    precision: {
      value: "UNIT",
      help: `of the times of influx: ${PRECISIONS.join(", ")} (default ns)`,
      parse: choice(...PRECISIONS),
    },
    "primary-units": { help: "senml: energy in J and so on, for readers that do not know Wh (RFC 8798)" },
    publish: { help: "homeassistant: publish at the broker, retained, instead of printing" },
  },
  async run(values, [path], io) {
    const address = values.broker as BrokerAddress | undefined;
    if (address && path) throw new UsageError("either --broker or a FILE, not both");
    if (!address && !path)
      throw new UsageError("what shall be decoded? Give --broker mqtt://host:port, or a FILE");
    if (values.topic !== undefined && !address) throw new UsageError("--topic needs --broker");
    if (values.device !== undefined && address)
      throw new UsageError("--device is for files: topics name the device");
    if (values.point !== undefined && values.device === undefined)
      throw new UsageError("--point needs --device");
    const format = formatOf(values);
    if (address) {
      const filter = (values.topic as string | undefined) ?? "gm/+/+/f";
      return follow(address, { filter, format, publish: values.publish === true }, io);
    }
    const source = { device: values.device as string | undefined, point: (values.point as number) ?? 0 };
    return decodeFile(path, source, format, io);
  },
};

/** @throws UsageError for an option of another format. */
function formatOf(values: Record<string, unknown>): Format {
  const name = (values.format as FormatName | undefined) ?? "jsonl";
  if (values.precision !== undefined && name !== "influx")
    throw new UsageError("--precision needs --format influx");
  if (values["primary-units"] && !name.startsWith("senml"))
    throw new UsageError("--primary-units needs --format senml or senml-cbor");
  if (values.publish && (name !== "homeassistant" || !values.broker))
    throw new UsageError("--publish needs --broker and --format homeassistant");
  const precision = (values.precision as Precision | undefined) ?? "ns";
  return formats[name]({ precision, primaryUnits: values["primary-units"] === true });
}

interface Following {
  filter: string;
  format: Format;
  /** Whether Home Assistant's messages go to the broker. */
  publish: boolean;
}

/** Prints or publishes what a broker delivers until somebody says stop. */
async function follow(address: BrokerAddress, following: Following, io: Io): Promise<number> {
  const { filter, format, publish } = following;
  const reader = new FrameReader();
  const messages = new HomeAssistantMessages();
  const stopped = untilStopped();
  let bad = 0;
  const place = `the broker at ${address.host}:${address.port}`;
  const connecting = Subscriber.connect(urlOf(address), {
    filter,
    // The descriptors first: they are retained, and frames may need them.
    ...(filter.endsWith("/f") && { first: `${filter.slice(0, -1)}d/+` }),
    onMessage(topic, payload, broker) {
      const result = reader.accept(topic, payload);
      if (!publish || result.kind !== "frame") {
        if (!print(result, topic, format, io)) bad++;
        return;
      }
      for (const message of messages.of(result.frame)) broker.publish(message.topic, message.payload);
    },
    onLost() {
      io.stderr.write(`gridmote: ${place} is gone; waiting for it\n`);
    },
    onRestored() {
      io.stderr.write(`gridmote: ${place} is back\n`);
    },
  });
  // Ctrl-C counts while a broker lets us wait, too.
  const subscriber = await Promise.race([connecting, stopped]);
  if (subscriber && io.stderr.isTTY) io.stderr.write(`gridmote: listening to ${filter}; Ctrl-C ends it\n`);
  await stopped;
  if (subscriber) await subscriber.close();
  else connecting.then((late) => late.close()).catch(() => {});
  return bad ? 1 : 0;
}

/** Resolves at Ctrl-C; a second one ends the process as ever. */
async function untilStopped(): Promise<void> {
  const stop = new AbortController();
  const signals = ["SIGINT", "SIGTERM"].map((signal) => once(process, signal, stop).catch(() => {}));
  await Promise.race(signals);
  stop.abort();
}

interface Source {
  /** Whose bare frames a file holds; undefined for one of [topic, payload]. */
  device: string | undefined;
  point: number;
}

async function decodeFile(path: string, { device, point }: Source, format: Format, io: Io): Promise<number> {
  const source = path === "-" ? (io.stdin as Readable) : createReadStream(readable(path));
  const reader = new FrameReader();
  let number = 0;
  let bad = 0;
  try {
    for await (const item of itemsOf(source)) {
      number++;
      if (number === 1) checkKind(item, device, path);
      if (!print(readItem(item, device, point, reader), `item ${number}`, format, io)) bad++;
      if (io.stdout.writableNeedDrain) await once(io.stdout, "drain");
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new Failure(`${path}: after ${counted(number)}: ${(error as Error).message}`);
  }
  if (!number) throw new Failure(`${path}: there is no CBOR item in it`);
  return bad ? 1 : 0;
}

function counted(items: number): string {
  return `${items} whole item${items === 1 ? "" : "s"}`;
}

/** A file of the other kind would give the same line for each of its items. */
function checkKind(item: Uint8Array, device: string | undefined, path: string): void {
  if (device !== undefined && pairOf(item))
    throw new UsageError(`${path}: it holds [topic, payload], which name the device: leave --device out`);
  if (device === undefined && decodeFrame(item).ok)
    throw new UsageError(`${path}: it holds bare frames: say whose they are with --device ID`);
}

function readItem(
  item: Uint8Array,
  device: string | undefined,
  point: number,
  reader: FrameReader,
): ReadResult {
  if (device !== undefined) return reader.acceptFrom({ device, point }, item);
  const pair = pairOf(item);
  if (pair) return reader.accept(...pair);
  return { kind: "undecodable", device: undefined, error: "not [topic, payload]" };
}

function pairOf(item: Uint8Array): [topic: string, payload: Uint8Array] | undefined {
  try {
    const [topic, payload, ...rest] = decodeItem(item) as unknown[];
    if (typeof topic === "string" && payload instanceof Uint8Array && !rest.length) return [topic, payload];
  } catch {
    // Not CBOR, or no list: no pair in any case.
  }
  return undefined;
}

/** False when there was nothing to print because it could not be decoded. */
function print(result: ReadResult, place: string, format: Format, io: Io): boolean {
  // A topic is anybody's text.
  const say = (text: string) => io.stderr.write(`gridmote: ${place.replace(/\p{Cc}/gu, "?")}: ${text}\n`);
  if (result.kind === "undecodable") say(result.error);
  else if (result.kind === "frame") {
    const output = format.write(result.frame);
    if (output.length) io.stdout.write(output);
    const undated = result.frame.readings.filter(({ time }) => time === undefined).length;
    if (undated && format.needsTime) say(`${undated} readings without a time are left out`);
  }
  return result.kind !== "undecodable";
}
