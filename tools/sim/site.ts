import { createHash } from "node:crypto";
import type { Charges } from "../../hal-mocks/energy/charges";
import { loadConfig } from "../../src/config";
import type { FrameReadings } from "../decode/formats/format";
import type { ReadResult } from "../decode/reader";
import { type DecodedRecord, recordsOf } from "../decode/records";
import { type EnergyReport, energyReport } from "./energy-report";
import { type EnergyFields, sessionPlan } from "./energy-settings";
import { type Judge, together, type Verdict } from "./judge";
import type { SimulatedTerminal } from "./terminal";

/** One of a terminal's points. */
export interface PointReport extends Verdict {
  point: number;
  /** Its driver. */
  sensor: string;
}

/** Counts are of all points together, differences and energies those of the only one. */
export interface TerminalReport extends Verdict {
  device: string;
  /** Where it has other points than itself. */
  points?: PointReport[];
  mode: string;
  /** What the terminal itself has counted: readings taken, frames stored. */
  taken: number;
  frames: number;
  sessions: number;
  failedSessions: number;
  /** Different frames that came out of the broker. */
  delivered: number;
  /** Frames that came again and were dropped by (device, boot, seq). */
  repeats: number;
  /** Frames still in the outbox, and frames it had to drop. */
  waiting: number;
  dropped: number;
  payloadBytes: number;
  payloadBytesPerReading: number;
  /** Of all different frames in the order of arrival. */
  sha256: string;
  /** What it drew up to the end. */
  energy: EnergyReport;
}

/** Of each point of a terminal. */
export type Judges = ReadonlyMap<number, { sensor: string; judge: Judge }>;

export interface SiteSetup {
  terminal: SimulatedTerminal;
  judges: Judges;
  /** The terminal's overrides. */
  config: Record<string, unknown>;
  energyFields: readonly EnergyFields[];
}

/** One terminal with its sensors, their judges and what came of it. */
export class Site {
  readonly terminal: SimulatedTerminal;
  readonly #setup: SiteSetup;
  readonly #digest = createHash("sha256");
  #charges: Charges | undefined;
  /** Readings, and sessions, that the terminal had counted at the end. */
  #taken = 0;
  #sessions = 0;
  #delivered = 0;
  #repeats = 0;
  #payloadBytes = 0;

  constructor(setup: SiteSetup) {
    this.terminal = setup.terminal;
    this.#setup = setup;
  }

  /** Its terminal is about to lose what it has in RAM. */
  restarted(): void {
    for (const { judge } of this.#setup.judges.values()) judge.restarted();
  }

  /** What a subscriber has made of a message of its terminal. */
  take(result: ReadResult, payload: Uint8Array, onRecord?: (record: DecodedRecord) => void): void {
    if (result.kind === "repeat") this.#repeats++;
    else if (result.kind === "event")
      for (const { judge } of this.#setup.judges.values()) judge.hear(result.event);
    else if (result.kind === "frame") this.#takeFrame(result.frame, payload, onRecord);
  }

  #takeFrame(frame: FrameReadings, payload: Uint8Array, onRecord?: (record: DecodedRecord) => void): void {
    const { judges } = this.#setup;
    this.#delivered++;
    this.#payloadBytes += payload.length;
    this.#digest.update(payload);
    for (const record of recordsOf(frame)) {
      // Of a point that nobody was to measure, any judge says that.
      const { judge } = judges.get(record.point) ?? [...judges.values()][0];
      judge.accept(record);
      onRecord?.(record);
    }
  }

  /** The scenario's time is over: what its terminal does from now on is not counted. Returns the readings taken. */
  endCounting(): number {
    const { counters } = this.terminal;
    this.#taken = counters!.readings.reduce((sum, count) => sum + count, 0);
    this.#sessions = counters!.sessions;
    [this.#charges] = this.terminal.endCounting();
    return this.#taken;
  }

  report(): TerminalReport {
    const { terminal, judges, config, energyFields } = this.#setup;
    const counters = terminal.counters!;
    const points = [...judges].map(([point, { sensor, judge }]) => ({ point, sensor, ...judge.verdict() }));
    const verdict = together(points);
    return {
      device: terminal.device,
      mode: loadConfig([{ from: "", values: config }]).config.mode,
      taken: this.#taken,
      ...verdict,
      ...((points.length > 1 || points[0].sensor !== "p1") && { points }),
      frames: counters.frames,
      sessions: counters.sessions,
      failedSessions: counters.failedSessions,
      delivered: this.#delivered,
      repeats: this.#repeats,
      waiting: terminal.waiting,
      dropped: terminal.dropped,
      payloadBytes: this.#payloadBytes,
      payloadBytesPerReading: Math.round((this.#payloadBytes / Math.max(verdict.readings, 1)) * 100) / 100,
      sha256: this.#digest.digest("hex"),
      energy: energyReport(this.#charges!, sessionPlan(config, energyFields), this.#sessions),
    };
  }
}
