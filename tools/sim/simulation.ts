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
import { latenciesOf } from "../../hal-mocks/energy/timings";
import { settle, settleMicrotasks } from "../../hal-mocks/node/settle";
import type { SerialChip } from "../../hal-mocks/serial";
import type { StreamConstructor } from "../../hal-mocks/stream";
import { gasAt } from "../../hal-mocks/world/gas";
import { House } from "../../hal-mocks/world/house";
import type { App } from "../../src/app/interface";
import { loadConfig } from "../../src/config";
import { planOf } from "../../src/sensors/places";
import { type BrokerAddress, Failure } from "../cli/command";
import type { FrameReadings } from "../decode/formats/format";
import { FrameReader } from "../decode/reader";
import type { DecodedRecord } from "../decode/records";
import type { BrokerControl } from "./broker";
import { Brokers } from "./brokers";
import { type EnergyFields, energySettings, tlsOf } from "./energy-settings";
import { points, type RecordingExpectation, recent, telegrams } from "./expectations";
import { type Household, householdsOf } from "./household";
import { Judge } from "./judge";
import type { XsFiles } from "./machine";
import { type Lie, liesOf, type Occurrence, occurrencesOf } from "./occurrences";
import { endOf, headsOf, portOf, ReplayListing, replayed } from "./replay";
import type { Scenario, Way } from "./scenario";
import { chipsOf } from "./sensors";
import { type Judges, Site, type TerminalReport } from "./site";
import { FLUSH_MS } from "./slots";
import { SimulatedTerminal, type TerminalSetup } from "./terminal";

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

/** On a smart meter's M-Bus, where a terminal reads one there. */
const GAS_METER = { type: 3, unit: "m3", read: gasAt } as const;

/** What the terminals of a simulation differ in. */
interface TerminalPart extends Pick<TerminalSetup, "device" | "config" | "chip" | "chips" | "stream"> {
  driftPpm: number;
  energy?: readonly EnergyFields[];
}

/**
 * Runs a scenario in virtual time, through a real broker, and has a subscriber that knows only what the broker
 * delivers compare it with the world.
 */
export async function simulate(options: SimulationOptions): Promise<Report> {
  const { scenario, broker: elsewhere, brokerControl: control } = options;
  const brokers = await Brokers.open({ elsewhere, control, count: scenario.brokers });
  let simulation: Simulation | undefined;
  try {
    simulation = new Simulation(options, brokers);
    return await simulation.run();
  } finally {
    await simulation?.close();
    await brokers.close();
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #brokers: Brokers;
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
  /** Resolves never, rejects when firmware or the world has thrown. */
  readonly #failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};

  constructor(given: SimulationOptions, brokers: Brokers) {
    const options = { ...given, recording: given.recording && recent(given.recording) };
    const { scenario, recording } = options;
    this.#options = options;
    this.#brokers = brokers;
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
    const stream = this.#brokers.stream();
    const { replay } = this.#options;
    if (recording) this.#addRecording(recording, stream);
    else if (replay) this.#addReplay(replay, stream);
    else for (const household of this.#households) this.#addHouse(household, stream);
    for (const occurrence of recording || replay ? [] : occurrencesOf(scenario)) this.#schedule(occurrence);
    await this.#brokers.listen((topic, payload) => this.#receive(topic, payload));
    try {
      for (const { terminal } of this.#sites.values())
        terminal.live().catch((error: unknown) => this.#fail(planFailure(terminal.device, error)));
      await this.#advance();
      await this.#flush();
      await this.#brokers.barrier();
    } finally {
      // A resident would keep its connection, and so this process, until the broker misses it.
      for (const { terminal } of this.#sites.values()) terminal.halt();
      await this.#brokers.endListening();
    }
    return this.#report();
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

  // ---- The street ----

  #addHouse(household: Household, stream: StreamConstructor): void {
    const { device, house, offset, overrides } = household;
    const world = new House(house);
    const { utcOffset } = house;
    const sensors = household.streams.map(planOf);
    const mbus = sensors.some(({ driver }) => driver === "p1mbus") ? [GAS_METER] : [];
    const meter = new P1Meter({
      ...{ clock: this.#clock, utcOffset, offset, mbus },
      values: (time) => world.at(time),
    });
    const config = { ...overrides, ...this.#brokers.config() };
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
    const config = { ...RECORDING_CONFIG, ...patience, device: "p1", ...this.#brokers.config() };
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
    const setup = { device: "replay", config: { ...settings, device: "replay", ...this.#brokers.config() } };
    const judges = new Map([[0, { sensor: planOf(first).driver, judge }]]);
    this.#add({ ...setup, chip, chips: { serial }, stream, driftPpm: 0 }, judges);
  }

  #add({ driftPpm, energy = [], ...setup }: TerminalPart, judges: Judges): void {
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
    this.#sites.set(device, new Site({ terminal, judges, config, energyFields: energy }));
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
    for (const site of this.#sitesOf(occurrence.device)) {
      const { terminal } = site;
      if ("link" in occurrence) terminal.link[occurrence.way](occurrence.link);
      else if ("loss" in occurrence) terminal.link.loss = occurrence.loss;
      else {
        site.restarted();
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
    if (this.#brokers.canTurn(number)) return this.#brokers.turn(number, way);
    for (const { terminal } of this.#sites.values()) terminal.link[way]("network");
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
      this.#replayListing.count = site.endCounting();
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
    if (result.kind === "frame" && this.#options.broker) this.#checkOrigin(result.frame, site.terminal);
    site.take(result, payload, this.#options.onRecord);
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
    const terminals = [...this.#sites.values()].map((site) => site.report());
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

/** What is expected of a recording's terminal, which has the defaults. */
function expected(recording: P1Recording): RecordingExpectation {
  const { p1Baud, utcOffset } = loadConfig([{ from: "", values: RECORDING_CONFIG }]).config;
  return telegrams(recording, p1Baud, utcOffset);
}

/** What a person's own settings or app ask for, and no terminal can do, is no bug of ours. */
function planFailure(device: string, error: unknown): unknown {
  const isPlan = error instanceof RangeError && error.message.startsWith("the app's plan: ");
  return isPlan ? new Failure(`${device}: ${error.message}`) : error;
}
