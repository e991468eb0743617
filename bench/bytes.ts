import { join } from "node:path";
import { type Batch, brotliOfStream, type Codec, codecs, entropyOfDeltas } from "./bytes/codecs";
import { publishedStreams, type Stream } from "./bytes/streams";

/** Beside the repository, and not part of it. */
const FOLDER = join("..", "shared", "data", "timeseries");

interface Row {
  name: string;
  by: string;
  /** Bytes a reading, for each stream. */
  bytes: number[];
}

function batchesOf(stream: Stream): Batch[] {
  const batches: Batch[] = [];
  for (let from = 0; from < stream.rows.length; from += stream.perFrame) {
    batches.push({ stream, seq: batches.length, rows: stream.rows.slice(from, from + stream.perFrame) });
  }
  return batches;
}

function bytesAReading(codec: Codec, stream: Stream): number {
  const total = batchesOf(stream).reduce((sum, batch) => sum + codec.bytes(batch), 0);
  return total / stream.rows.length;
}

function tableOf(streams: readonly Stream[]): Row[] {
  const rows = codecs.map((codec) => ({
    name: codec.name,
    by: codec.by,
    bytes: streams.map((stream) => bytesAReading(codec, stream)),
  }));
  const references: Row[] = [
    {
      name: "(entropy of the deltas)",
      by: "order 0, over the whole stream, no envelope",
      bytes: streams.map(entropyOfDeltas),
    },
    {
      name: "(brotli of the whole stream)",
      by: "quality 11, one piece: nothing can be read alone",
      bytes: streams.map(brotliOfStream),
    },
  ];
  return [...rows, ...references];
}

function print(streams: readonly Stream[], rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ name }) => name.length));
  console.log("Bytes a reading, each frame coded alone with its envelope; (references) are no codecs.\n");
  console.log(`${"".padEnd(width)} ${streams.map(({ name }) => name.padStart(10)).join("")}`);
  for (const { name, bytes, by } of rows) {
    console.log(`${name.padEnd(width)} ${bytes.map((each) => each.toFixed(2).padStart(10)).join("")}  ${by}`);
  }
}

const streams = publishedStreams(FOLDER);
if (!streams) {
  console.error(`SKIPPED: the streams of ${FOLDER}, which are not part of this repository`);
} else {
  const rows = tableOf(streams);
  const names = streams.map(({ name, rows }) => ({ name, readings: rows.length }));
  if (process.argv.includes("--json")) console.log(JSON.stringify({ streams: names, rows }, null, 2));
  else print(streams, rows);
}
