import { join } from "node:path";
import { runBench } from "./arguments";
import { batchesOf } from "./bytes/batch";
import { brotliOfStream, codecsWith, entropyOfDeltas } from "./bytes/codecs";
import { compressors } from "./bytes/commands";
import { publishedStreams, type Stream } from "./bytes/streams";
import { worldStreams } from "./bytes/world";

/** Beside the repository, and not part of it. */
const FOLDER = join("..", "shared", "data", "timeseries");

interface Row {
  name: string;
  by: string;
  /** Bytes a reading, for each stream. */
  bytes: number[];
}

function tableOf(streams: readonly Stream[]): Row[] {
  const rows = codecsWith(compressors()).map(({ name, by, bytes }) => ({
    name,
    by,
    bytes: streams.map((stream) => bytes(batchesOf(stream)) / stream.rows.length),
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

/** Says of each stream for which it is not so. */
function checkSmallest(streams: readonly Stream[], rows: readonly Row[]): void {
  const codecs = rows.filter(({ name }) => !name.startsWith("("));
  const dense = codecs[codecs.length - 1];
  streams.forEach(({ name }, index) => {
    const smaller = codecs.filter(({ bytes }) => bytes[index] < dense.bytes[index]);
    for (const row of smaller) console.error(`${name}: ${row.name.trim()} is smaller than the ${dense.name}`);
  });
}

await runBench("bench:bytes", async (asJson) => {
  const published = publishedStreams(FOLDER);
  if (!published) console.error(`SKIPPED: the streams of ${FOLDER}, which are not part of this repository`);
  const streams = [...(published ?? []), ...worldStreams()];
  const rows = tableOf(streams);
  const names = streams.map(({ name, rows }) => ({ name, readings: rows.length }));
  if (asJson) console.log(JSON.stringify({ streams: names, rows }, null, 2));
  else print(streams, rows);
  checkSmallest(streams, rows);
  return 0;
});
