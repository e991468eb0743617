import { createHash } from "node:crypto";
import {
  type BusEvent,
  type BusRecording,
  BusReplay,
  eventLine,
  headLine,
  recorded,
} from "../../hal-mocks/chips/bus-recording";
import { P1Meter } from "../../hal-mocks/chips/p1-meter";
import { type P1Recording, P1Replay } from "../../hal-mocks/chips/p1-replay";
import { VirtualClock } from "../../hal-mocks/clock";
import type { AnySegment } from "../../hal-mocks/energy/account";
import type { Charges } from "../../hal-mocks/energy/charges";
import { latenciesOf } from "../../hal-mocks/energy/timings";
import { createPairStream } from "../../hal-mocks/node/pair";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import { createTcpStream } from "../../hal-mocks/node/tcp";
import type { SerialChip } from "../../hal-mocks/serial";
import type { StreamConstructor } from "../../hal-mocks/stream";
import { House } from "../../hal-mocks/world/house";
import type { App } from "../../src/app/interface";
import { loadConfig } from "../../src/config";
import { planOf } from "../../src/sensors/places";
import { type BrokerAddress, Failure, urlOf } from "../cli/command";
import type { FrameReadings } from "../decode/formats/format";
import { FrameReader } from "../decode/reader";
import { type DecodedRecord, recordsOf } from "../decode/records";
import { Subscriber } from "../subscriber";
import { Broker, type BrokerControl, type Listener } from "./broker";
import { type EnergyReport, energyReport } from "./energy-report";
import { type EnergyFields, energySettings, sessionPlan, tlsOf } from "./energy-settings";
import { points, type RecordingExpectation, recent, telegrams } from "./expectations";
import { type Household, householdsOf } from "./household";
import { Judge, together, type Verdict } from "./judge";
import type { XsFiles } from "./machine";
import { type Lie, liesOf, type Occurrence, occurrencesOf } from "./occurrences";
import { endOf, headsOf, portOf, ReplayListing, replayed } from "./replay";
import type { Scenario, Way } from "./scenario";
import { chipsOf } from "./sensors";
import { FLUSH_MS } from "./slots";
import { SimulatedTerminal, type TerminalSetup } from "./terminal";
import { type StreamWay, streamByPort } from "./ways";

export interface SimulationOptions {
  scenario: Scenario;
  /** A recorded P1 stream in place of the scenario's houses. */
  recording?: P1Recording;
  /** Milliseconds between the times at which somebody listened to it: the meter was not silent meanwhile. */
  listenedMs?: number;
  /** What was seen on another sensor's serial line, in place of the scenario's houses. */
  replay?: BusRecording;
  /** Sees what is on each serial line of each terminal: lines of a bus recording. */
  onBus?: (device: string, port: number, line: string) => void;
  /** An MQTT broker that runs already; without it one is started in this process. */
  broker?: BrokerAddress;
  /** What stops and starts that broker when the scenario says so; without it the links go down instead. */
  brokerControl?: BrokerControl;
  /** Bytes of each terminal's outbox. Default: what a board has. */
  outboxBytes?: number;
  /** Runs the firmware on XS. Default: on the engine of this process. */
  xs?: XsFiles;
  /** Tried in this order by each terminal, on Node. Default: the app that the base brings. */
  apps?: readonly App[];
  /** Each session searches all channels, as if none were remembered. */
  searchesChannels?: boolean;
  /** From 0 to 1. */
  onProgress?: (done: number, moment: number) => void;
  /** Each decoded reading, repeats dropped, in the order of arrival. */
  onRecord?: (record: DecodedRecord) => void;
  /** Each stretch of a terminal's power-state timeline, up to the end. */
  onSegment?: (device: string, segment: AnySegment) => void;
  log?: (line: string) => void;
  /** A terminal's installed app does not run, and the built-in one does. */
  onFallback?: (device: string, why: string) => void;
}

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

export interface Report {
  scenario: string;
  seed: number;
  start: string;
  days: number;
  broker: string;
  /** Bare LF of the recording was restored to the CR LF that a meter sends. */
  restoredLineEnds?: boolean;
  /** Telegrams of the recording that are damaged in it, and whether it ends before its last one does. */
  damagedTelegrams?: number;
  endsInsideTelegram?: boolean;
  terminals: TerminalReport[];
  undecodable: number;
  /** All terminals are, and every frame could be decoded. */
  ok: boolean;
}

const DAY_MS = 86_400_000;
const FLUSH_STEP_MS = 5_000;
const PROGRESS_STEPS = 200;
/** As the setting `sampleTimeoutMs` has it by default, and at most. */
const PATIENCE_MS = 12_000;
const MAX_PATIENCE_MS = 3_600_000;
/** A recording's terminal keeps its session open and sends each minute. */
const RECORDING_CONFIG = { mode: "resident", sampleMs: 0, sessionMs: 60_000, batch: 60 };

/** What the terminals of a simulation differ in. */
interface TerminalPart extends Pick<TerminalSetup, "device" | "config" | "chip" | "chips" | "stream"> {
  driftPpm: number;
  energy?: readonly EnergyFields[];
}

/** One terminal with its sensors, their judges and what came of it. */
interface Site {
  terminal: SimulatedTerminal;
  mode: string;
  /** Of each point. */
  judges: Map<number, { sensor: string; judge: Judge }>;
  digest: ReturnType<typeof createHash>;
  energyFields: readonly EnergyFields[];
  config: Record<string, unknown>;
  charges?: Charges;
  /** Readings, and sessions, that the terminal had counted at the end. */
  taken: number;
  sessions: number;
  delivered: number;
  repeats: number;
  payloadBytes: number;
}

/**
 * Runs a scenario in virtual time, through a real broker, and has a subscriber that knows only what the broker
 * delivers compare it with the world.
 */
export async function simulate(options: SimulationOptions): Promise<Report> {
  const { scenario, broker: elsewhere } = options;
  if (elsewhere && scenario.brokers > 1)
    throw new Failure("two brokers are both in this process: without --broker");
  const broker = elsewhere ? undefined : await Broker.open();
  const second = scenario.brokers > 1 ? await Broker.open() : undefined;
  let simulation: Simulation | undefined;
  try {
    simulation = new Simulation(options, broker, second);
    return await simulation.run();
  } finally {
    await simulation?.close();
    await broker?.close();
    await second?.close();
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #broker: Broker | undefined;
  readonly #second: Broker | undefined;
  readonly #households: Household[];
  readonly #recorded: RecordingExpectation | undefined;
  readonly #clock: VirtualClock;
  readonly #replayListing: ReplayListing;
  readonly #start: number;
  readonly #end: number;
  readonly #sites = new Map<string, Site>();
  readonly #reader = new FrameReader();
  readonly #lies: Lie[];
  #undecodable = 0;
  /** Of each broker, in their order. */
  readonly #listeners: Listener[] = [];
  readonly #brokers: Way[] = ["up", "up"];
  /** Resolves never, rejects when firmware or the world has thrown. */
  readonly #failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};

  constructor(given: SimulationOptions, broker: Broker | undefined, second: Broker | undefined) {
    const options = { ...given, recording: given.recording && recent(given.recording) };
    const { scenario, recording } = options;
    this.#options = options;
    this.#broker = broker;
    this.#second = second;
    this.#households = householdsOf(scenario, options.broker && !options.brokerControl);
    this.#lies = recording || options.replay ? [] : liesOf(scenario);
    this.#recorded = recording && expected(recording);
    const { replay } = options;
    const replaying = replay && { start: replay.start, end: endOf(replay) };
    const { start, end } = this.#recorded ?? replaying ?? this.#households[0];
    this.#start = start;
    this.#end = end;
    this.#replayListing = new ReplayListing(end);
    this.#clock = new VirtualClock(
      this.#start,
      () => this.#settle(settle),
      () => this.#settle(settleMicrotasks),
    );
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failed.catch(() => {});
  }

  async run(): Promise<Report> {
    const { scenario, recording } = this.#options;
    this.#options.onProgress?.(0, this.#start);
    const stream = this.#stream();
    const { replay } = this.#options;
    if (recording) this.#addRecording(recording, stream);
    else if (replay) this.#addReplay(replay, stream);
    else for (const household of this.#households) this.#addHouse(household, stream);
    for (const occurrence of recording || replay ? [] : occurrencesOf(scenario)) this.#schedule(occurrence);
    await this.#listen();
    try {
      for (const { terminal } of this.#sites.values()) terminal.live().catch(this.#fail);
      await this.#advance();
      await this.#flush();
      // A broker that is down at the end has nothing more to deliver: what it did not get is lost.
      for (const [index, listener] of this.#listeners.entries())
        if (this.#brokers[index] === "up") await listener.barrier();
    } finally {
      // A resident would keep its connection, and so this process, until the broker misses it.
      for (const { terminal } of this.#sites.values()) terminal.halt();
      for (const listener of this.#listeners) await listener.close();
    }
    return this.#report();
  }

  async #listen(): Promise<void> {
    const filter = "gm/#";
    const onMessage = (topic: string, payload: Uint8Array) => this.#receive(topic, payload);
    for (const broker of this.#builtIn) this.#listeners.push(await broker.listen(filter, onMessage));
    if (!this.#broker) this.#listeners.push(await Subscriber.connect(this.#url(), { filter, onMessage }));
  }

  /** The brokers of this process. */
  get #builtIn(): Broker[] {
    return [this.#broker, this.#second].filter((broker) => broker !== undefined);
  }

  /** Lets the engines go. */
  async close(): Promise<void> {
    for (const { terminal } of this.#sites.values()) await terminal.close();
  }

  /** Firmware in another process does not run its promise jobs by itself; each may make some here. */
  async #settle(here: () => Promise<void>): Promise<void> {
    do {
      await here();
    } while (this.#runJobs());
  }

  #runJobs(): boolean {
    if (!this.#options.xs) return false;
    let some = false;
    for (const { terminal } of this.#sites.values()) some = terminal.runJobs() || some;
    return some;
  }

  #url(): string {
    const { broker } = this.#options;
    return broker ? urlOf(broker) : this.#broker!.url;
  }

  /** Terminals reach a broker of this process without sockets. */
  #stream(): StreamConstructor {
    if (!this.#broker) return createTcpStream();
    const ways = this.#builtIn.map((broker): StreamWay => {
      const { hostname, port } = new URL(broker.url);
      return [`${hostname}:${port}`, createPairStream((far) => broker.handle(far))];
    });
    return streamByPort(new Map(ways));
  }

  #brokerConfig(): Record<string, unknown> {
    const { hostname, port } = new URL(this.#url());
    const { user, password } = this.#options.broker ?? {};
    const second = this.#second && new URL(this.#second.url);
    return {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port),
      ...(second && { host2: second.hostname, port2: Number(second.port) }),
      ...(user && { user, password }),
    };
  }

  // ---- The street ----

  #addHouse(household: Household, stream: StreamConstructor): void {
    const { device, house, offset, overrides } = household;
    const world = new House(house);
    const { utcOffset } = house;
    const meter = new P1Meter({ clock: this.#clock, values: (time) => world.at(time), utcOffset, offset });
    const config = { ...overrides, ...this.#brokerConfig() };
    const sensors = household.streams.map(planOf);
    const judges = points(household).map(
      ({ point, expectation }, index) =>
        [point, { sensor: sensors[index].driver, judge: new Judge(expectation, point) }] as const,
    );
    const chips = chipsOf(sensors, household.config, this.#clock, household.plant);
    const { p1Port } = household.config;
    const serial = this.#listened(
      household,
      new Map<number, SerialChip>([[p1Port, meter], ...(chips.serial ?? [])]),
    );
    const chip = serial.get(p1Port)!;
    this.#add(
      {
        device,
        config,
        chip,
        chips: { ...chips, serial },
        stream,
        driftPpm: household.driftPpm,
        energy: household.energy,
      },
      new Map(judges),
    );
  }

  #addRecording(recording: P1Recording, stream: StreamConstructor): void {
    const replay = new P1Replay({ clock: this.#clock, recording });
    const { listenedMs = 0 } = this.#options;
    const patience = listenedMs && { sampleTimeoutMs: Math.min(listenedMs + PATIENCE_MS, MAX_PATIENCE_MS) };
    const config = { ...RECORDING_CONFIG, ...patience, device: "p1", ...this.#brokerConfig() };
    const judges = new Map([[0, { sensor: "p1", judge: new Judge(this.#recorded!) }]]);
    this.#add({ device: "p1", config, chip: replay, stream, driftPpm: 0 }, judges);
  }

  /** The same chips, whose lines are listened to if somebody wishes that. */
  #listened(household: Household, chips: Map<number, SerialChip>): Map<number, SerialChip> {
    const { onBus } = this.#options;
    if (!onBus) return chips;
    const { device, start } = household;
    for (const [port, head] of headsOf(household)) {
      const chip = chips.get(port);
      if (!chip) continue;
      onBus(device, port, headLine(head));
      const listen = (event: BusEvent) => onBus(device, port, eventLine(event));
      chips.set(port, recorded(chip, this.#clock, start, listen));
    }
    return chips;
  }

  #addReplay(replay: BusRecording, stream: StreamConstructor): void {
    const { sensors, mode, sampleMs } = replay;
    const settings = { ...RECORDING_CONFIG, mode, sampleMs, sensors };
    const { config, streams, problems } = loadConfig([{ from: "", values: settings }]);
    if (problems.length) throw new Failure(`the recording: ${problems[0].message}`);
    const [first] = streams;
    const chip = new BusReplay(this.#clock, replay);
    const serial = new Map([[portOf(first, config) ?? 0, chip]]);
    const judge = new Judge(replayed(this.#replayListing));
    const setup = { device: "replay", config: { ...settings, device: "replay", ...this.#brokerConfig() } };
    const judges = new Map([[0, { sensor: planOf(first).driver, judge }]]);
    this.#add({ ...setup, chip, chips: { serial }, stream, driftPpm: 0 }, judges);
  }

  #add({ driftPpm, energy = [], ...setup }: TerminalPart, judges: Site["judges"]): void {
    const { xs, outboxBytes, onSegment, apps, searchesChannels } = this.#options;
    const { seed } = this.#options.scenario;
    const { device, config } = setup;
    const log = this.#options.log ?? (() => {});
    const onFallback = (why: string) => this.#options.onFallback?.(device, why);
    const settings = energySettings(...energy);
    const latencies = latenciesOf(settings.chip);
    if (searchesChannels) latencies.rejoinMs = latencies.associateMs;
    const terminal = new SimulatedTerminal({
      ...setup,
      clock: this.#clock,
      seed,
      outboxBytes,
      xs,
      oscillators: { sleepPpm: () => driftPpm },
      latencies,
      apps,
      energy: [settings],
      tls: tlsOf(...energy),
      onSegment: onSegment && ((segment) => onSegment(device, segment)),
      timeServers: (name) => (now) => this.#aheadAt(name, now),
      log,
      onFallback,
    });
    terminal.link.loss = this.#recorded || this.#options.replay ? 0 : this.#options.scenario.loss;
    const { mode } = loadConfig([{ from: "", values: config }]).config;
    const digest = createHash("sha256");
    this.#sites.set(device, {
      terminal,
      mode,
      judges,
      digest,
      energyFields: energy,
      config,
      taken: 0,
      sessions: 0,
      delivered: 0,
      repeats: 0,
      payloadBytes: 0,
    });
  }

  // ---- What happens to it ----

  #schedule(occurrence: Occurrence): void {
    this.#clock.set(() => this.#happen(occurrence), occurrence.at);
  }

  #happen(occurrence: Occurrence): void {
    if ("broker" in occurrence) {
      const { broker, way } = occurrence;
      const release = this.#clock.hold(`broker ${broker} to go ${way}`);
      this.#turnBroker(broker, way).then(release, this.#fail);
      return;
    }
    for (const { terminal, judges } of this.#sitesOf(occurrence.device)) {
      if ("link" in occurrence) terminal.link[occurrence.way](occurrence.link);
      else if ("loss" in occurrence) terminal.link.loss = occurrence.loss;
      else {
        for (const { judge } of judges.values()) judge.restarted();
        terminal.reset(occurrence.reset);
      }
    }
  }

  #sitesOf(device: string | undefined): Site[] {
    return device === undefined ? [...this.#sites.values()] : [this.#sites.get(device)!];
  }

  /** How far a time server is ahead at virtual Unix time `now`. */
  #aheadAt(name: string, now: number): number {
    const after = now - this.#start;
    let ahead = 0;
    for (const { from, to, server = name, offsetMs } of this.#lies)
      if (server === name && after >= from && after < to) ahead += offsetMs;
    return ahead;
  }

  async #turnBroker(number: 1 | 2, way: Way): Promise<void> {
    const control = number === 2 ? this.#second : (this.#options.brokerControl ?? this.#broker);
    if (!control) {
      for (const { terminal } of this.#sites.values()) terminal.link[way]("network");
      return;
    }
    const index = number - 1;
    if (way === this.#brokers[index]) return;
    this.#brokers[index] = way;
    const listener = this.#listeners[index];
    if (way === "down") {
      // What the broker has acknowledged must have been passed on: it keeps nothing on disk.
      await listener.barrier();
      await control.stop();
    } else {
      await control.start();
      await listener.barrier();
    }
  }

  async #advance(): Promise<void> {
    const step = (this.#end - this.#start) / PROGRESS_STEPS;
    for (let index = 1; index <= PROGRESS_STEPS; index++) {
      // Up to, not including, the end: a slot that begins there is not on the list.
      const until = Math.round(this.#start + index * step) - 1;
      await Promise.race([this.#clock.runUntil(until), this.#failed]);
      this.#options.onProgress?.(index / PROGRESS_STEPS, until);
    }
  }

  /** Presses every button, and gives the terminals time to send what they have. */
  async #flush(): Promise<void> {
    const terminals = [...this.#sites.values()].map(({ terminal }) => terminal);
    for (const site of this.#sites.values()) {
      const { device, counters } = site.terminal;
      if (!counters) throw new Failure(`${device} has never come up: does its app ever finish loading?`);
      site.taken = total(counters.readings);
      site.sessions = counters.sessions;
      [site.charges] = site.terminal.endCounting();
      this.#replayListing.count = site.taken;
    }
    for (const terminal of terminals) terminal.press();
    const deadline = this.#clock.now + FLUSH_MS;
    do {
      const until = this.#clock.now + FLUSH_STEP_MS;
      await Promise.race([this.#clock.runUntil(until), this.#failed]);
    } while (terminals.some(({ isSettled }) => !isSettled) && this.#clock.now < deadline);
  }

  // ---- What the subscriber sees ----

  #receive(topic: string, payload: Uint8Array): void {
    const result = this.#reader.accept(topic, payload);
    const site = result.device === undefined ? undefined : this.#sites.get(result.device);
    if (!site) return;
    if (result.kind === "undecodable") {
      this.#undecodable++;
      this.#options.log?.(`${topic}: ${result.error}`);
      return;
    }
    if (result.kind === "repeat") site.repeats++;
    if (result.kind === "event") for (const { judge } of site.judges.values()) judge.hear(result.event);
    if (result.kind !== "frame") return;
    if (this.#options.broker) this.#checkOrigin(result.frame, site.terminal);
    site.delivered++;
    site.payloadBytes += payload.length;
    site.digest.update(payload);
    for (const record of recordsOf(result.frame)) {
      // Of a point that nobody was to measure, any judge says that.
      const { judge } = site.judges.get(record.point) ?? [...site.judges.values()][0];
      judge.accept(record);
      this.#options.onRecord?.(record);
    }
  }

  /** Two simulations at one broker take each other's sessions, and each would judge the other's frames. */
  #checkOrigin({ device, boot, seq }: FrameReadings, terminal: SimulatedTerminal): void {
    if (terminal.hasStored(boot, seq)) return;
    const { host, port } = this.#options.broker!;
    const message = `the broker at ${host}:${port} has frames of "${device}" that are not this simulation's: one at a time`;
    this.#fail(new Failure(message));
  }

  #report(): Report {
    const { scenario, recording, broker } = this.#options;
    const terminals = [...this.#sites.values()].map(reportOf);
    return {
      scenario: recording || this.#options.replay ? "recording" : (scenario.name ?? "unnamed"),
      seed: scenario.seed,
      start: new Date(this.#start).toISOString(),
      days: (this.#end - this.#start) / DAY_MS,
      broker: broker ? `${broker.host}:${broker.port}` : "built-in",
      ...(recording && {
        restoredLineEnds: recording.restoredLineEnds,
        damagedTelegrams: this.#recorded!.damaged,
        endsInsideTelegram: this.#recorded!.endsInside,
      }),
      terminals,
      undecodable: this.#undecodable,
      ok: this.#undecodable === 0 && terminals.every((terminal) => terminal.ok),
    };
  }
}

function reportOf(site: Site): TerminalReport {
  const { terminal, mode, judges, digest, taken, delivered, repeats, payloadBytes } = site;
  const counters = terminal.counters!;
  const points = [...judges].map(([point, { sensor, judge }]) => ({ point, sensor, ...judge.verdict() }));
  const verdict = together(points);
  return {
    device: terminal.device,
    mode,
    taken,
    ...verdict,
    ...((points.length > 1 || points[0].sensor !== "p1") && { points }),
    frames: counters.frames,
    sessions: counters.sessions,
    failedSessions: counters.failedSessions,
    delivered,
    repeats,
    waiting: terminal.waiting,
    dropped: terminal.dropped,
    payloadBytes,
    payloadBytesPerReading: Math.round((payloadBytes / Math.max(verdict.readings, 1)) * 100) / 100,
    sha256: digest.digest("hex"),
    energy: energyReport(site.charges!, sessionPlan(site.config, site.energyFields), site.sessions),
  };
}

/** What is expected of a recording's terminal, which has the defaults. */
function expected(recording: P1Recording): RecordingExpectation {
  const { p1Baud, utcOffset } = loadConfig([{ from: "", values: RECORDING_CONFIG }]).config;
  return telegrams(recording, p1Baud, utcOffset);
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
