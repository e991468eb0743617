import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { type BrokerAddress, type Command, Failure, type Io, UsageError, urlOf } from "../cli/command";
import { broker, integer, readable, text, topicFilter } from "../cli/options";
import { Subscriber } from "../subscriber";
import { decodeFrame, decodeItem } from "./frame";
import { itemsOf } from "./items";
import { FrameReader, type ReadResult } from "./reader";
import { MAX_POINT } from "./records";

export const decodeCommand: Command = {
  name: "decode",
  summary: "Prints the readings in frames as lines of JSON: from a broker, or from a file of CBOR.",
  positionals: "[FILE | -]",
  maximumPositionals: 1,
  options: {
    broker: { value: "mqtt://host:port", help: "subscribe there, until Ctrl-C", parse: broker },
    topic: { value: "FILTER", help: "what to subscribe to (default gm/+/+/f)", parse: topicFilter },
    device: { value: "ID", help: "FILE holds bare frames of this device, not [topic, payload]", parse: text },
    point: { value: "N", help: "and of this point (default 0)", parse: integer(0, MAX_POINT) },
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
    if (address) return follow(address, (values.topic as string | undefined) ?? "gm/+/+/f", io);
    const device = values.device as string | undefined;
    return decodeFile(path, device, (values.point as number | undefined) ?? 0, io);
  },
};

/** Prints what a broker delivers until somebody says stop. */
async function follow(address: BrokerAddress, filter: string, io: Io): Promise<number> {
  const reader = new FrameReader();
  const stopped = untilStopped();
  let bad = 0;
  const place = `the broker at ${address.host}:${address.port}`;
  const connecting = Subscriber.connect(urlOf(address), {
    filter,
    onMessage(topic, payload) {
      if (!print(reader.accept(topic, payload), topic, io)) bad++;
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

async function decodeFile(path: string, device: string | undefined, point: number, io: Io): Promise<number> {
  const source = path === "-" ? (io.stdin as Readable) : createReadStream(readable(path));
  const reader = new FrameReader();
  let number = 0;
  let bad = 0;
  try {
    for await (const item of itemsOf(source)) {
      number++;
      if (number === 1) checkKind(item, device, path);
      if (!print(readItem(item, device, point, reader), `item ${number}`, io)) bad++;
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
  if (device !== undefined) return reader.acceptFrom({ device, point }, decodeFrame(item));
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
function print(result: ReadResult, place: string, io: Io): boolean {
  // A topic is anybody's text.
  if (result.kind === "undecodable")
    io.stderr.write(`gridmote: ${place.replace(/\p{Cc}/gu, "?")}: ${result.error}\n`);
  else if (result.kind === "frame") {
    for (const record of result.records) io.stdout.write(`${JSON.stringify(record)}\n`);
  }
  return result.kind !== "undecodable";
}
