import { Ina226Chip } from "../../hal-mocks/chips/ina226";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { VirtualClock } from "../../hal-mocks/clock";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import { House } from "../../hal-mocks/world/house";
import { loadState } from "../../src/lowpower/state";
import { Broker } from "../../tools/sim/broker";
import { SimulatedTerminal } from "../../tools/sim/terminal";
import type { Cost } from "./cost";
import type { BenchFiles } from "./files";
import { MeasuredMachine } from "./machine";

const START = Date.UTC(2026, 5, 1);
const UTC_OFFSET = 60;
const STEP_MS = 30_000;
/** Ten frames of fifteen readings between two sessions: after them no batch is open. */
const FRAMES = 10;
const READINGS = 15;
const SAMPLE_MS = 60_000;
const SESSION_MS = FRAMES * READINGS * SAMPLE_MS;
const SHUNT_OHMS = 0.001;
const CURRENT = { volts: 12.5, amperes: 3 };
/** The first session takes what there is by then; the second one, all ten. */
const END = START + 2 * SESSION_MS + SAMPLE_MS;

export interface Wakes {
  /** Adds to a batch that is half full. */
  sample: Cost;
  /** Sends ten frames of fifteen readings. */
  session: Cost;
}

type Sensor = "p1" | "ina226";

const SENSORS: Readonly<Record<Sensor, string>> = { p1: "p1", ina226: `ina226 shuntOhms=${SHUNT_OHMS}` };

/** A sleeper's wakes, with its meter, its radio and a broker in virtual time. */
export async function measureWakes(files: BenchFiles, sensor: Sensor = "p1"): Promise<Wakes> {
  const broker = await Broker.open();
  try {
    return await measureStreet(files, broker, sensor);
  } finally {
    await broker.close();
  }
}

async function measureStreet(files: BenchFiles, broker: Broker, sensor: Sensor): Promise<Wakes> {
  const found: Partial<Wakes> = {};
  const settleAll = async (here: () => Promise<void>) => {
    do await here();
    while (terminal.runJobs());
  };
  const clock = new VirtualClock(
    START,
    () => settleAll(settle),
    () => settleAll(settleMicrotasks),
  );
  const terminal: SimulatedTerminal = new SimulatedTerminal({
    device: "house-1",
    config: {
      ...{ sampleMs: SAMPLE_MS, sessionMs: SESSION_MS, batch: READINGS, utcOffset: UTC_OFFSET },
      sensors: SENSORS[sensor],
    },
    clock,
    seed: 1,
    chip: meterOf(clock),
    chips: {
      i2c: new Map([[0x40, new Ina226Chip({ clock, values: () => CURRENT, shuntOhms: SHUNT_OHMS })]]),
    },
    stream: createPairStream((far) => broker.handle(far)),
    machine: (hal) => new MeasuredMachine(hal, files, onWake),
    log: () => {},
  });
  let acknowledged = 0;
  function onWake(cost: Cost): void {
    const { counters, streams } = loadState(terminal.retained)!;
    if (counters.acknowledged - acknowledged === FRAMES) found.session = cost;
    else if (acknowledged > 0 && streams[0].batch.count === Math.ceil(READINGS / 2)) found.sample ??= cost;
    ({ acknowledged } = counters);
  }
  const failed = new Promise<never>((_, reject) => terminal.live().catch(reject));
  try {
    while (!found.session && clock.now < END)
      await Promise.race([clock.runUntil(clock.now + STEP_MS), failed]);
  } finally {
    await terminal.close();
  }
  const { sample, session } = found;
  if (!sample || !session) throw new Error("bench: the terminal has not woken as it should");
  return { sample, session };
}

function meterOf(clock: VirtualClock): P1Meter {
  const house = new House({
    seed: "bench",
    start: START,
    phases: 3,
    baseW: 200,
    pvW: 4000,
    utcOffset: UTC_OFFSET,
  });
  return new P1Meter({ clock, values: (time) => house.at(time), utcOffset: UTC_OFFSET });
}
