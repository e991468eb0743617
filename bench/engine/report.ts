import { table } from "../../tools/cli/table";
import type { Cost } from "./cost";
import type { BenchFiles } from "./files";
import { type Operation, SAMPLE_OF } from "./operations";

/** All that one run over the operations has measured. */
export type Run = Record<string, Operation>;

export interface ModuleCost {
  module: string;
  meter: number;
  slots: number;
  chunks: number;
}

export interface Report {
  operations: Record<string, Operation & { modules: ModuleCost[] }>;
  /** Without line numbers, as a board has it. */
  image: BenchFiles["modules"];
  /** Operations whose cost was not the same each time. */
  unequal: string[];
}

/** @param runs the same operations, measured again and again. */
export function reportOf(runs: readonly Run[], image: BenchFiles["modules"]): Report {
  const [first, ...others] = runs;
  const unequal = Object.keys(first).filter((name) => others.some((run) => !isSame(run[name], first[name])));
  const operations: Report["operations"] = {};
  for (const [name, operation] of Object.entries(first))
    operations[name] = { ...operation, modules: modulesOf(operation.cost) };
  return { operations, image, unequal };
}

function isSame(a: Operation, b: Operation): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function modulesOf({ functions }: Cost): ModuleCost[] {
  const modules = new Map<string, ModuleCost>();
  for (const { module, meter, slots, chunks } of functions) {
    const total = modules.get(module) ?? { module, meter: 0, slots: 0, chunks: 0 };
    total.meter += meter;
    total.slots += slots;
    total.chunks += chunks;
    modules.set(module, total);
  }
  return [...modules.values()].sort((a, b) => b.meter - a.meter);
}

/** What a person reads. */
export function textOf({ operations, image, unequal }: Report, runs: number): string {
  const equal = unequal.length
    ? `NOT the same each time: ${unequal.join(", ")}.`
    : `Measured ${runs} times, the same each time.`;
  return [
    costs(operations),
    NOTES,
    samples(operations),
    largest(operations),
    modules(image),
    `${equal}\n`,
  ].join("\n");
}

function costs(operations: Report["operations"]): string {
  const others = Object.entries(operations).filter(([name]) => !name.startsWith(SAMPLE_OF));
  const rows = others.map(([name, { cost, outputBytes }]) => [
    name,
    cost.meter,
    cost.harness.meter,
    cost.peakSlots,
    cost.peakChunks,
    cost.garbageSlots,
    cost.garbageChunks,
    outputBytes ?? "-",
  ]);
  const header = [
    "",
    "bytecodes",
    "+ bench",
    "peak slots",
    "peak B",
    "garbage slots",
    "garbage B",
    "output B",
  ];
  return table(header, rows);
}

const NOTES = `Bytecodes are XS meter units. Beside them, those of what is there for the bench only: for a wake, what
stands in for the platform. Slots (of 32 bytes here, 16 on a board) and bytes of chunks include both, and peaks are
those without a collection. JSON.stringify is the engine's own: its bytecodes say little. The frame's arrays are made
before cbor-x and JSON write them; a frame of 30 x 10 is read from rows, its differences are computed, and it is written.
`;

/** What a sample of each driver costs: of its own modules alone, not of the device and the bus beside it. */
function samples(operations: Report["operations"]): string {
  const found = Object.entries(operations).filter(([name]) => name.startsWith(SAMPLE_OF));
  const rows = found.map(([name, { cost }]) => [
    name.slice(SAMPLE_OF.length),
    cost.meter,
    cost.slots,
    cost.chunks,
  ]);
  return `${table(["a driver's sample", "bytecodes", "slots", "chunk B"], rows)}
All that comes from one sample to the next, such as a telegram, or a poll with its answers. Slots and chunks are taken, and
are garbage when the sample has been recorded.
`;
}

/** Where the bytecodes of the wakes go that only sample. */
function largest(operations: Report["operations"]): string {
  const wakes = Object.entries(operations).filter(([name]) => name.startsWith("wake that samples"));
  return wakes.map(([name, operation]) => largestIn(name, operation)).join("\n");
}

function largestIn(name: string, { modules, cost }: Report["operations"][string]): string {
  const own = modules.filter(({ module }) => module.startsWith("src/")).slice(0, 6);
  const rows = own.map(({ module, meter, slots, chunks }) => [
    module,
    meter,
    `${Math.round((100 * meter) / cost.meter)} %`,
    slots,
    chunks,
  ]);
  const header = ["", "bytecodes", "share", "slots", "chunk B"];
  return `Largest in a ${name}: ${own[0].module}\n\n${table(header, rows)}`;
}

function modules(image: BenchFiles["modules"]): string {
  const sorted = [...image].sort((a, b) => b.codeBytes - a.codeBytes);
  const rows = sorted.map(({ name, codeBytes, slots }) => [name, codeBytes, slots]);
  const total = (of: "codeBytes" | "slots") => image.reduce((sum, module) => sum + module[of], 0);
  return table(["image", "bytecode B", "slots"], [...rows, ["all", total("codeBytes"), total("slots")]]);
}
