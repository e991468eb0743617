import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { Engine, type EngineFiles } from "../../target/host/engine";
import { driverBenches } from "../../test/support/driver-benches";
import { beginMeasuring, type Cost, LIMITS } from "./cost";
import type { BenchFiles } from "./files";

/** An ESP32's UART interrupts after so many bytes. */
const CHUNK_BYTES = 96;
const MOMENT = Date.UTC(2026, 5, 1, 12);

export interface Operation {
  cost: Cost;
  /** Bytes of what it has made, where it makes bytes or text. */
  outputBytes?: number;
}

/** What an engine is asked for before, and what is measured. */
interface Plan {
  program: "telegram" | "frame" | "outbox" | "sensor";
  prepare: readonly string[];
  event: string;
  parameters?: readonly unknown[];
}

/** What operations of sensors are called begin with it; the driver's name follows. */
export const SAMPLE_OF = "sample of ";

const plans: Record<string, Plan> = {
  "P1 telegram": {
    program: "telegram",
    prepare: ["open"],
    event: "feed",
    parameters: [telegram(), CHUNK_BYTES],
  },
  "30 readings recorded": { program: "frame", prepare: ["prepare"], event: "record" },
  "frame of 30 x 10": { program: "frame", prepare: ["prepare", "record"], event: "encode" },
  "the same, dense": { program: "frame", prepare: ["prepare", "record"], event: "encode dense" },
  "outbox: opened": { program: "outbox", prepare: ["prepare"], event: "open" },
  "outbox: a frame stored": { program: "outbox", prepare: ["prepare", "open"], event: "append" },
  "outbox: a frame taken": { program: "outbox", prepare: ["prepare", "open"], event: "next" },
  "outbox: it is acknowledged": {
    program: "outbox",
    prepare: ["prepare", "open", "next"],
    event: "acknowledge",
  },
  "cbor-x: loading": { program: "frame", prepare: ["prepare"], event: "load" },
  "cbor-x: readings": { program: "frame", prepare: ["prepare", "load"], event: "cbor-x readings" },
  "cbor-x: the frame's arrays": {
    program: "frame",
    prepare: ["prepare", "record", "item", "load"],
    event: "cbor-x frame",
  },
  "JSON: readings": { program: "frame", prepare: ["prepare"], event: "json readings" },
  "JSON: the frame's arrays": {
    program: "frame",
    prepare: ["prepare", "record", "item"],
    event: "json frame",
  },
  ...Object.fromEntries(
    driverBenches.map(({ name }): [string, Plan] => [
      SAMPLE_OF + name,
      { program: "sensor", prepare: [`open ${name}`], event: "sample" },
    ]),
  ),
};

/** There for the bench alone: programs, and the devices and buses that they bring along. */
const HARNESS = ["bench/programs/", "hal-mocks/", "test/"];

/** Each in an engine of its own, as the first of its kind: so it is in a wake. */
export async function measureOperations(files: BenchFiles): Promise<Record<string, Operation>> {
  const operations: Record<string, Operation> = {};
  for (const [name, plan] of Object.entries(plans)) operations[name] = await measure(files, plan);
  return operations;
}

async function measure(
  files: BenchFiles,
  { program, prepare, event, parameters = [] }: Plan,
): Promise<Operation> {
  const archives = program === "frame" ? [files.peer, files.programs.frame] : [files.programs[program]];
  const engine = open({ engine: files.engine, image: files.image, archives });
  try {
    for (const step of prepare) run(engine, step);
    const endMeasuring = beginMeasuring(engine, (module) =>
      HARNESS.some((folder) => module.startsWith(folder)),
    );
    const result = run(engine, event, ...parameters);
    return { cost: endMeasuring(), outputBytes: lengthOf(result) };
  } finally {
    await engine.close();
  }
}

function open(files: EngineFiles): Engine {
  const engine = new Engine(files, LIMITS, () => undefined);
  engine.boot();
  return engine;
}

function run(engine: Engine, event: string, ...parameters: readonly unknown[]): unknown {
  const result = engine.event(event, ...parameters);
  while (engine.runJobs());
  return result;
}

/** Text here is ASCII. */
function lengthOf(result: unknown): number | undefined {
  return typeof result === "string" || result instanceof Uint8Array ? result.length : undefined;
}

/** Of a three-phase DSMR 5 meter. */
function telegram(): Uint8Array {
  let next: (() => void) | undefined;
  const parts: Uint8Array[] = [];
  const clock = {
    now: MOMENT,
    set(callback: () => void): never {
      next = callback;
      return undefined as never;
    },
    clear(): void {},
  };
  const phase = { v: 229.1, i: 3, importW: 431, exportW: 0 };
  const values = () => ({
    tariff: 2,
    importWh: [8_122_368, 5_061_184] as const,
    exportWh: [791_374, 1_780_592] as const,
    importW: 1293,
    exportW: 0,
    phases: [phase, phase, phase],
  });
  new P1Meter({ clock, values }).onOpen({ baud: 115_200, send: (bytes) => parts.push(bytes.slice()) });
  next?.();
  return parts[0];
}
