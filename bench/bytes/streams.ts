import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { channelNumber } from "../../src/model/channels";
import type { Column } from "../../src/model/profiles";

/** Readings of one point: rows of integers of 10^exponent of each column's unit, the time first. */
export interface Stream {
  name: string;
  /** Readings in a frame. */
  perFrame: number;
  columns: readonly Column[];
  rows: readonly (readonly number[])[];
}

const SIMULATED = "t v@-1 i@-3 p q f@-2 ei ee tc@-1 flags";
const AMPDS = "t v@-1 i@-1 f@-2 p q ei eqi esi";
/** Of the file, and each times what. */
const AMPDS_COLUMNS: readonly (readonly [name: string, scale: number])[] = [
  ["unix_ts", 1],
  ["V", 10],
  ["I", 10],
  ["f", 100],
  ["P", 1],
  ["Q", 1],
  ["Pt", 1],
  ["Qt", 1],
  ["St", 1],
];
const AMPDS_ROWS = 10_000;
/** The last rows of the file, which were not there when the dense body's numbers were fitted. */
const HELD_OUT_ROWS = 10_000;

export function columnsOf(text: string): Column[] {
  return text.split(" ").map((part) => {
    const [name, exponent] = part.split("@");
    return { channel: channelNumber(name), name, exponent: Number(exponent ?? 0) };
  });
}

function table(path: string): { names: string[]; rows: number[][] } {
  const [head, ...lines] = readFileSync(path, "utf8").trim().split("\n");
  return { names: head.split(","), rows: lines.map((line) => line.split(",").map(Number)) };
}

function simulated(path: string): number[][] {
  return table(path).rows;
}

function ampds(path: string, from: number, to?: number): number[][] {
  const { names, rows } = table(path);
  const columns = AMPDS_COLUMNS.map(([name, scale]) => ({ at: names.indexOf(name), scale }));
  return rows.slice(from, to).map((row) => columns.map(({ at, scale }) => Math.round(row[at] * scale)));
}

/** The recorded and published streams in `folder`, or undefined when it is not there. */
export function publishedStreams(folder: string): Stream[] | undefined {
  if (!existsSync(folder)) return undefined;
  const seconds10 = simulated(join(folder, "simulated_house_pv_ev_10s.csv"));
  const seconds60 = simulated(join(folder, "simulated_house_pv_ev_60s.csv"));
  const columns = columnsOf(SIMULATED);
  const recorded = join(folder, "ampds_B1E-11_1min_V_I_f_PF_P_Q_S.csv");
  return [
    { name: "10 s x30", perFrame: 30, columns, rows: seconds10 },
    { name: "60 s x15", perFrame: 15, columns, rows: seconds60 },
    { name: "60 s x60", perFrame: 60, columns, rows: seconds60 },
    { name: "60 s x1", perFrame: 1, columns, rows: seconds60 },
    { name: "AMPds x60", perFrame: 60, columns: columnsOf(AMPDS), rows: ampds(recorded, 0, AMPDS_ROWS) },
    { name: "AMPds end", perFrame: 60, columns: columnsOf(AMPDS), rows: ampds(recorded, -HELD_OUT_ROWS) },
  ];
}
