import type { App, AppInstance, Plan, StreamPlan } from "./app/interface";
import { encodeFrame } from "./comms/frame/encode";
import { KeyValueOutbox } from "./comms/outbox";
import { Session, type SessionFailure } from "./comms/session";
import { type Config, configNames, loadConfig } from "./config";
import type { Hal, Timer, WakeReason, WakeResult } from "./hal";
import { emptyBatch, Recorder } from "./lowpower/recorder";
import {
  loadState,
  newState,
  QUALITY_CODES,
  rowBytes,
  type State,
  type StreamState,
  saveState,
} from "./lowpower/state";
import { type Driver, type DriverFactory, Stream } from "./lowpower/stream";
import { backoff, devicePhase, nextSlot } from "./lowpower/wake";
import { type Profile, profileOf } from "./model/profiles";
import type { Sample } from "./model/reading";
import { P1 } from "./sensors/p1";

/** Envelope, t0, count and times: what a frame takes beside its columns, at most. */
const ENVELOPE_BYTES = 64;
/** A column's head in CBOR, at most: an array of up to 65,535. */
const HEAD_BYTES = 3;
const TWO_32 = 2 ** 32;
/** Domain and key of the epoch, and the domain that provisioning writes. */
const IDENTITY = { path: "gridmote", boot: "boot" };
const CONFIG_DOMAIN = "config";
const MANIFEST = "manifest";
const STORE = "key-value store";
const MAX_PERIOD_MS = 86_400_000;
const MAX_BATCH = 1024;

/** A stream with what keeps its readings. */
interface Line {
  stream: Stream;
  recorder: Recorder;
  saved: StreamState;
}

/**
 * One terminal between two deep sleeps: all the wiring, and the wake. In deep sleep it is gone; the next one starts
 * from retained memory and flash.
 */
export class Terminal {
  readonly #hal: Hal;
  readonly #config: Config;
  readonly #app: AppInstance;
  readonly #device: string;
  readonly #state: State;
  readonly #lines: Line[];
  #outbox: KeyValueOutbox | undefined;
  #session: Session | undefined;
  #sessionEnds: Promise<void> | undefined;
  /** The last session's end. The next one must not begin before: both would use the one radio. */
  #sessionClosed: Promise<void> | undefined;
  #sendNow = false;
  /** Reasons to be woken that have come and wait for the next wake. */
  readonly #reasons: WakeReason[] = [];
  #onReason: (() => void) | undefined;

  /**
   * @param overrides what the manifest's `config` sets; what provisioning has stored goes over it.
   * @param reason why this boot happened; `start` reads what provisioning has stored, later wakes remember it.
   * @throws RangeError when the overrides or the app's plan are not valid: programming errors both.
   */
  constructor(hal: Hal, app: App, overrides: Record<string, unknown>, reason: WakeReason) {
    this.#hal = hal;
    const saved = loadState(hal.retained);
    const stored = saved && reason !== "start" ? saved.provisioned : provisioned(hal, overrides);
    this.#config = configure(overrides, stored);
    this.#device = this.#config.device || (reason === "start" ? undefined : saved?.device) || hal.mac;
    this.#app = app({ version: 1, config: this.#config });
    this.#state = saved ?? newState(raiseEpoch(hal));
    this.#state.provisioned = stored;
    this.#state.device = this.#device;
    checkPlan(this.#app.plan);
    const { seq } = this.#state;
    this.#lines = this.#wire(this.#app.plan.streams);
    if (!saved) this.#state.sessionDue = this.#nextSession();
    // What wiring has stored must not be stored again, under the same numbers, after a reset.
    if (this.#state.seq !== seq) this.#save();
  }

  /** What has been counted in this epoch, and where it stands. */
  get state(): Readonly<State> {
    return this.#state;
  }

  /** Nothing has been asked for that is not done. */
  get isSettled(): boolean {
    return !this.#sendNow && !this.#sessionEnds && !this.#reasons.length;
  }

  /**
   * One wake: samples what is due, stores what is complete, starts a session if it is time for one. It never waits
   * for the network: while a session is under way a sleeper idles, and its end is a wake of its own.
   */
  async wake(reason: WakeReason): Promise<WakeResult> {
    if (reason === "pin") this.#sendNow = true;
    if (this.#config.mode === "resident") for (const { stream } of this.#lines) stream.open();
    else await this.#takeDue();
    const { ticks } = this.#hal.clock;
    if (this.#sendNow || ticks >= this.#state.sessionDue) this.#startSession();
    const result = this.#next();
    this.#save();
    return result;
  }

  /** Resolves with the reason for the next wake: something has happened, or `until` (ticks) has come. */
  async idle(until: number): Promise<WakeReason> {
    const { clock } = this.#hal;
    if (!this.#reasons.length) {
      let timer: Timer | undefined;
      await new Promise<void>((resolve) => {
        this.#onReason = resolve;
        if (Number.isFinite(until)) timer = clock.set(resolve, Math.max(until - clock.ticks, 0));
      });
      clock.clear(timer);
      this.#onReason = undefined;
    }
    return this.#reasons.shift() ?? "timer";
  }

  /** Asks for a wake, from outside: a button, a command. */
  request(reason: WakeReason): void {
    if (!this.#reasons.includes(reason)) this.#reasons.push(reason);
    this.#onReason?.();
  }

  /** Lets everything go. What was not saved by a wake is lost. */
  close(): void {
    for (const { stream } of this.#lines) stream.close();
    void this.#endSession();
    this.#outbox?.close();
    this.#outbox = undefined;
  }

  // ---- Wiring ----

  #wire(plans: readonly StreamPlan[]): Line[] {
    const buses = new Set(plans.map(({ sensor }) => sensor));
    if (buses.size !== plans.length) throw new RangeError("the app's plan uses one bus for two streams");
    const profiles = plans.map(({ profile }) => knownProfile(profile));
    const columns = Math.max(0, ...profiles.map((profile) => profile.columns.length));
    const bytes = rowBytes(this.#hal.retained, this.#state, plans.length, columns);
    const saved = this.#state.streams;
    const lines = plans.map((plan, index) => this.#line(plan, profiles[index], saved, bytes));
    // What an earlier plan has left open is complete now.
    for (const orphan of saved)
      this.#store(new Recorder(knownProfile(orphan.profile), orphan.batch, 1), orphan.point);
    this.#state.streams = lines.map((line) => line.saved);
    for (const { recorder, saved } of lines) {
      if (saved.batch.length > saved.batch.capacity) this.#store(recorder, saved.point);
    }
    return lines;
  }

  /** Takes the plan's state out of `saved`, or begins a new one. */
  #line(plan: StreamPlan, profile: Profile, saved: StreamState[], bytes: number): Line {
    const { clock } = this.#hal;
    const index = saved.findIndex(({ point, profile }) => point === plan.point && profile === plan.profile);
    const [state] =
      index >= 0
        ? saved.splice(index, 1)
        : [
            {
              point: plan.point,
              profile: plan.profile,
              due: this.#firstSlot(plan),
              batch: emptyBatch(profile, bytes),
            },
          ];
    state.batch.capacity = bytes;
    const recorder = new Recorder(profile, state.batch, plan.batch);
    const stream = new Stream({
      plan,
      clock,
      due: state.due,
      open: driverFactory(this.#hal, this.#config),
      onReading: (ticks, sample) => this.#record(line, ticks, sample),
    });
    const line: Line = { stream, recorder, saved: state };
    return line;
  }

  #firstSlot(plan: StreamPlan): number {
    const { ticks } = this.#hal.clock;
    return plan.sampleMs ? nextSlot(ticks, this.#epoch, plan.sampleMs) : ticks;
  }

  // ---- Sampling ----

  async #takeDue(): Promise<void> {
    const { clock } = this.#hal;
    const due = this.#lines.filter(({ stream }) => stream.due <= clock.ticks);
    await Promise.all(due.map(({ stream }) => stream.take()));
    for (const { stream } of due) stream.close();
  }

  #record(line: Line, ticks: number, sample: Sample): void {
    const { recorder, stream, saved } = line;
    const { point } = stream.plan;
    if (!recorder.append(ticks, sample)) {
      this.#store(recorder, point);
      if (!recorder.append(ticks, sample))
        this.#hal.log(`point ${point}: no room for a reading, which is lost`);
    }
    saved.due = stream.due;
    this.#state.counters.readings[Math.min(sample.quality, QUALITY_CODES - 1)]++;
    if (recorder.isFull) this.#store(recorder, point);
    if (this.#isAlarm(point, ticks, sample)) {
      this.#sendNow = true;
      this.request("sample");
    }
    if (this.#config.mode === "resident") this.#save();
  }

  #isAlarm(point: number, ticks: number, sample: Sample): boolean {
    const time = this.#epoch === undefined ? undefined : this.#epoch + ticks;
    try {
      return this.#app.onReading?.({ point, ticks, time, sample }) === "send";
    } catch (error) {
      // The reading is recorded already. What an app gets wrong must not stop the node.
      this.#hal.log(`the app failed at a reading of point ${point} (${error})`);
      return false;
    }
  }

  // ---- Storing and sending ----

  /** Closes a batch into a frame: from here on it is durable. */
  #store(recorder: Recorder, point: number): void {
    if (!recorder.batch.count) return;
    const state = this.#state;
    const content = recorder.content(state.boot, state.seq, this.#epoch);
    // No integer takes more than twice the bytes in CBOR that it takes in a row.
    const bytes = ENVELOPE_BYTES + HEAD_BYTES * content.columns + 2 * recorder.batch.length;
    const frame = encodeFrame(content, new Uint8Array(bytes));
    const outbox = this.#openOutbox();
    state.seq++;
    outbox.append(point, frame);
    state.lastFrameId = outbox.lastId;
    state.counters.frames++;
    recorder.clear();
  }

  #startSession(): void {
    if (this.#sessionEnds) return;
    this.#sendNow = false;
    for (const { recorder, stream } of this.#lines) this.#store(recorder, stream.plan.point);
    this.#state.sessionDue = this.#nextSession();
    // Starting a radio is where a weak supply gives way: a reset must find what was stored as stored.
    this.#save();
    if (this.#openOutbox().count) this.#sessionEnds = this.#runSession();
  }

  async #runSession(): Promise<void> {
    const { counters } = this.#state;
    const { acknowledged } = counters;
    counters.sessions++;
    await this.#sessionClosed;
    this.#session ??= this.#newSession();
    try {
      await this.#session.send(this.#state.attempt > 0);
      this.#state.attempt = 0;
      if (this.#config.mode === "sleeper") await this.#endSession();
    } catch (error) {
      counters.failedSessions++;
      await this.#endSession();
      this.#retryLater(error as SessionFailure, counters.acknowledged > acknowledged);
    }
    this.#sessionEnds = undefined;
    this.request("session");
  }

  #newSession(): Session {
    return new Session({
      hal: this.#hal,
      config: this.#config,
      device: this.#device,
      outbox: this.#openOutbox(),
      onAcknowledged: () => {
        this.#state.counters.acknowledged++;
      },
      onLost: () => void this.#endSession(),
    });
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session) this.#sessionClosed = session.close();
    await this.#sessionClosed;
  }

  /** @param progress some frames got through: a slow link must not be made slower by ever longer waits. */
  #retryLater({ message }: SessionFailure, progress: boolean): void {
    const { clock, log } = this.#hal;
    const { backoffMs, backoffMaxMs, host, port } = this.#config;
    this.#state.attempt = progress ? 1 : this.#state.attempt + 1;
    const wait = backoff(this.#device, this.#state.attempt, backoffMs, backoffMaxMs);
    this.#state.sessionDue = clock.ticks + wait;
    log(
      `session with ${host}:${port} failed (${message}), attempt ${this.#state.attempt}, next in ${wait} ms`,
    );
  }

  #openOutbox(): KeyValueOutbox {
    const { storage } = this.#hal;
    this.#outbox ??= new KeyValueOutbox(storage.keyValue, this.#config.outboxFrames, this.#state.lastFrameId);
    return this.#outbox;
  }

  // ---- What comes next ----

  #next(): WakeResult {
    const { ticks } = this.#hal.clock;
    const { sessionDue } = this.#state;
    const sampleDue = Math.min(...this.#lines.map(({ stream }) => stream.due));
    const session = this.#sessionEnds ? Number.POSITIVE_INFINITY : sessionDue;
    if (this.#config.mode === "resident") return { next: "idle", until: session };
    const until = Math.min(sampleDue, session);
    // A button pressed while this wake ran must not be slept away.
    if (this.#sessionEnds || this.#reasons.some((reason) => reason !== "session"))
      return { next: "idle", until };
    return { next: "sleep", ms: Math.max(until - ticks, 0), wakeOn: ["timer", "pin"] };
  }

  #nextSession(): number {
    const { sessionMs } = this.#app.plan;
    const { ticks } = this.#hal.clock;
    return nextSlot(ticks + 1, this.#epoch, sessionMs, devicePhase(this.#device, sessionMs));
  }

  /** Unix time at ticks 0, or undefined while the time is not known. */
  get #epoch(): number | undefined {
    const { clock } = this.#hal;
    const { time } = clock;
    return time === undefined ? undefined : time - clock.ticks;
  }

  #save(): void {
    saveState(this.#state, this.#hal.retained);
  }
}

function knownProfile(number: number): Profile {
  const profile = profileOf(number);
  if (!profile) throw new RangeError(`there is no built-in profile ${number}`);
  return profile;
}

function driverFactory(hal: Hal, config: Config): DriverFactory {
  const { p1 } = hal.buses;
  if (!p1) throw new RangeError("the plan samples p1, but the platform has no such bus");
  return ({ onSample, onError }): Driver => {
    const sensor = { ...p1, port: config.p1Port, receive: config.p1Receive, baud: config.p1Baud };
    const driver = new P1({ sensor, clock: hal.clock, onSample, onError });
    driver.configure({ utcOffset: config.utcOffset, dataBits: config.p1DataBits as 7 | 8 });
    return driver;
  };
}

/** Defaults, the manifest, then what provisioning has written. */
function configure(overrides: Record<string, unknown>, stored: string): Config {
  const { config, problems } = loadConfig([
    { from: MANIFEST, values: overrides },
    { from: STORE, values: JSON.parse(stored) },
  ]);
  const wrong = problems.filter(({ from }) => from === MANIFEST);
  if (wrong.length) throw new RangeError(`config: ${wrong.map(({ message }) => message).join("; ")}`);
  return config;
}

/** What provisioning has written, as JSON. What is not valid is logged and left out: it must not brick a node. */
function provisioned(hal: Hal, overrides: Record<string, unknown>): string {
  const store = hal.storage.keyValue.open({ path: CONFIG_DOMAIN, format: "string", mode: "r+" });
  const values: Record<string, unknown> = {};
  for (const name of configNames) {
    try {
      const value = store.read(name);
      if (value !== undefined) values[name] = value;
    } catch (error) {
      // A tool that fills NVS may have stored a number as one: the SDK reads each key in its own type only.
      hal.log(`${STORE}: ${name} cannot be read as text (${error}); left out`);
    }
  }
  store.close();
  const { problems } = loadConfig([
    { from: MANIFEST, values: overrides },
    { from: STORE, values },
  ]);
  for (const { from, name, message } of problems) {
    if (from !== STORE) continue;
    hal.log(`${from}: ${message}; left out`);
    delete values[name];
  }
  return JSON.stringify(values);
}

/** @throws RangeError that names what is wrong with an app's plan. */
function checkPlan({ streams, sessionMs }: Plan): void {
  checkInteger("sessionMs", sessionMs, 1, MAX_PERIOD_MS);
  for (const { point, sampleMs, timeoutMs, batch } of streams) {
    checkInteger("point", point, 0, 255);
    checkInteger("sampleMs", sampleMs, 0, MAX_PERIOD_MS);
    checkInteger("timeoutMs", timeoutMs, 1, MAX_PERIOD_MS);
    checkInteger("batch", batch, 1, MAX_BATCH);
  }
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new RangeError(`the app's plan: ${name} is ${value}, expected an integer from ${low} to ${high}`);
}

/** Begins an epoch: the next number, or a random one when the store has been erased. */
function raiseEpoch(hal: Hal): number {
  const store = hal.storage.keyValue.open({ path: IDENTITY.path, format: "uint32", mode: "r+" });
  const last = store.read(IDENTITY.boot) as number | undefined;
  const boot = last === undefined ? hal.random() : (last + 1) % TWO_32;
  try {
    store.write(IDENTITY.boot, boot);
  } catch (error) {
    // A store full of frames must not keep them from being sent. A random epoch will not have been before.
    hal.log(`the epoch cannot be stored (${error}): this one is random`);
    return hal.random();
  } finally {
    store.close();
  }
  return boot;
}
