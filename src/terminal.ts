import type { App, AppInstance, Plan, StreamPlan } from "./app/interface";
import { descriptorBytes, encodeDescriptor } from "./comms/descriptor";
import { planProfiles } from "./comms/plan-profiles";
import { countReset } from "./comms/status";
import { longestRows, Store } from "./comms/store";
import { type Descriptor, Uplink } from "./comms/uplink";
import type { Config } from "./config";
import type { Hal, Timer, WakeReason, WakeResult } from "./hal";
import { Integrator } from "./lowpower/integrator";
import { LEAST_SAMPLE_MS, Lead, newLead } from "./lowpower/lead";
import { Planner } from "./lowpower/planner";
import { emptyBatch, Recorder } from "./lowpower/recorder";
import { newRegisters, partsOf, resumedRegisters } from "./lowpower/registers";
import { loadState, newState, QUALITY_CODES, rowBytes, type State, type StreamState } from "./lowpower/state";
import { Stream } from "./lowpower/stream";
import { Timekeeper } from "./lowpower/timekeeper";
import { Triggers } from "./lowpower/triggers";
import { dueAfterStep } from "./lowpower/wake";
import type { Profile } from "./model/profiles";
import { Quality } from "./model/quality";
import type { Sample } from "./model/reading";
import type { Updater } from "./ota/updater";
import { configure, provisioned, raiseEpoch } from "./provisioning";
import { rowOf } from "./sensors/drivers";
import { checkPlaces, planOf, sourceOf } from "./sensors/places";
import { checkPeriod, checkSensor, Sensors } from "./sensors/sensors";

/** Time servers give whole seconds: what is due need not follow a smaller step. */
const CLOCK_STEP_MS = 2_000;
/** A terminal that stays up counts by its crystal, in parts per million: an estimate, with room. */
const CRYSTAL_SLIP = 200;
const MAX_PERIOD_MS = 86_400_000;
const MAX_BATCH = 1024;
/** A resident's readings that are further apart have their device closed in between. */
const LEAST_CLOSED_MS = 10_000;
/** A fifteenth of the time between sessions. */
const MINIMUM_SHARE = 15;

/** A stream with what keeps its readings. */
interface Line {
  stream: Stream;
  recorder: Recorder;
  saved: StreamState;
  integrator: Integrator | undefined;
  triggers: Triggers | undefined;
  /** A sleeper's, of a device that speaks by itself. */
  lead: Lead | undefined;
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
  readonly #time: Timekeeper;
  readonly #planner: Planner;
  readonly #store: Store;
  readonly #uplink: Uplink;
  readonly #sensors: Sensors;
  readonly #lines: Line[];
  readonly #update: Updater | undefined;
  #sendNow = false;
  /** Reasons to be woken that have come and wait for the next wake. */
  readonly #reasons: WakeReason[] = [];
  #onReason: (() => void) | undefined;

  /**
   * @param overrides what the manifest's `config` sets; what provisioning has stored goes over it.
   * @param reason why this boot happened; `start` reads what provisioning has stored, later wakes remember it.
   * @param update where images come from; `run` has begun it.
   * @throws RangeError when the overrides or the app's plan are not valid: programming errors both.
   */
  constructor(hal: Hal, app: App, overrides: Record<string, unknown>, reason: WakeReason, update?: Updater) {
    this.#hal = hal;
    this.#update = update;
    const saved = loadState(hal.retained);
    const stored = saved && reason !== "start" ? saved.provisioned : provisioned(hal, overrides);
    const { config, streams } = configure(overrides, stored);
    this.#config = config;
    this.#device = this.#config.device || (reason === "start" ? undefined : saved?.device) || hal.mac;
    this.#app = app({ version: 1, config, streams });
    checkPlan(this.#app.plan, this.#config, reason);
    this.#sensors = new Sensors(hal, this.#config);
    const slipError = this.#config.mode === "resident" ? CRYSTAL_SLIP : undefined;
    this.#state = saved ?? newState(raiseEpoch(hal), slipError);
    const state = this.#state;
    // Another name, or another broker, has no descriptors yet, and knows of no state.
    if (state.provisioned !== stored) {
      state.announced = 0;
      state.statusDue = 0;
    }
    state.provisioned = stored;
    state.device = this.#device;
    if (update?.hasNews) state.statusDue = 0;
    if (reason === "start") countReset(state, hal.resetReason ?? (saved ? undefined : "power"));
    this.#time = new Timekeeper(state.time);
    const { sessionMs } = this.#app.plan;
    this.#planner = new Planner(hal, this.#config, this.#device, this.#time, sessionMs);
    const profiles = planProfiles(this.#app.plan.streams);
    // A start may have ended a write to flash, an acknowledgement for one.
    const mayBeTorn = !saved || reason === "start";
    this.#store = new Store(hal, this.#config.frame, state, this.#time, profiles, mayBeTorn);
    const { seq } = state;
    this.#store.finish();
    this.#lines = this.#wire(this.#app.plan.streams, profiles);
    this.#store.beginSaving();
    if (!saved) state.sessionDue = this.#planner.firstSession();
    this.#uplink = this.#newUplink();
    if (state.seq !== seq) this.#store.save();
  }

  /** What has been counted in this epoch, and where it stands. */
  get state(): Readonly<State> {
    return this.#state;
  }

  /** Nothing has been asked for that is not done. */
  get isSettled(): boolean {
    return !this.#sendNow && !this.#uplink.isBusy && !this.#reasons.length;
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
    const result = await this.#next();
    this.#state.appTrust = this.#update?.appTrust ?? this.#state.appTrust;
    this.#store.save();
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
    void this.#uplink.end();
    this.#store.close();
  }

  // ---- Wiring ----

  #wire(plans: readonly StreamPlan[], profiles: readonly Profile[]): Line[] {
    const fresh = plans.map((plan, index) => newStream(plan, profiles[index]));
    const numbers = Math.max(0, ...fresh.map(numbersOf));
    const columns = Math.max(0, ...profiles.map((profile) => profile.columns.length));
    const room = rowBytes(this.#hal.retained, this.#state, plans.length, numbers);
    const bytes = Math.min(room, longestRows(columns));
    if (bytes < Recorder.rowBytes(columns)) {
      throw new RangeError(
        `the app's plan: its ${plans.length} streams need more retained memory than there is`,
      );
    }
    const { streams } = this.#state;
    const kept = fresh.map((stream) => streams.find((saved) => isAlike(saved, stream)));
    // What an earlier plan has left open is complete now, and so is what would not fit the new one's room.
    for (const saved of streams) {
      if (!kept.includes(saved) || saved.batch.length > bytes) this.#store.storeSaved(saved);
    }
    this.#state.streams = fresh.map((stream, index) => kept[index] ?? this.#begun(stream, plans[index]));
    const sampleBy = this.#update?.sampleBy ?? Number.POSITIVE_INFINITY;
    for (const saved of this.#state.streams) saved.due = Math.min(saved.due, sampleBy);
    return plans.map((plan, index) => this.#line(plan, profiles[index], this.#state.streams[index], bytes));
  }

  /** A stream that retained memory does not have: it goes on from what flash has of it. */
  #begun(stream: StreamState, plan: StreamPlan): StreamState {
    const { ticks } = this.#hal.clock;
    // A slot whose device had yet to speak as the plan changed is not left out.
    const begun = this.#state.streams.find(({ point, due }) => point === stream.point && due <= ticks);
    stream.due = begun?.due ?? (plan.sampleMs ? this.#time.slotAfter(ticks, plan.sampleMs) : ticks);
    const { length } = stream.registers;
    const before = length ? this.#store.registersBefore(stream.point, stream.profile, length) : undefined;
    if (before) stream.registers = resumedRegisters(before, rowOf(planOf(plan).driver).counts);
    return stream;
  }

  #line(plan: StreamPlan, profile: Profile, saved: StreamState, bytes: number): Line {
    saved.batch.capacity = bytes;
    const recorder = new Recorder(profile, saved.batch, plan.batch);
    const sensor = planOf(plan);
    const row = rowOf(sensor.driver);
    const { integrated, counts } = partsOf(saved.registers, row.counts);
    const integrator = integrated.length ? new Integrator(profile, integrated, plan.sampleMs) : undefined;
    const triggers = plan.triggers && new Triggers(plan.triggers, saved.triggers);
    const isResident = this.#config.mode === "resident";
    const hasLead = !isResident && row.speaks && plan.sampleMs >= LEAST_SAMPLE_MS;
    const lead = hasLead ? new Lead(saved) : undefined;
    const closesBetween = isResident && !row.staysOpen && plan.sampleMs >= LEAST_CLOSED_MS;
    const stream = new Stream({
      plan,
      clock: this.#hal.clock,
      time: this.#time,
      due: saved.due,
      open: (callbacks) => this.#sensors.open(sensor, counts, callbacks, closesBetween),
      closesBetween,
      lead,
      // As a job: below a port's callback and a driver, too little stack may be left for the outbox.
      onReading: (ticks, sample) => void Promise.resolve().then(() => this.#record(line, ticks, sample)),
    });
    const line: Line = { stream, recorder, saved, integrator, triggers, lead };
    const missing = this.#sensors.lacks(sensor);
    if (missing)
      this.#hal.log(
        `point ${plan.point}: ${sensor.driver} needs a bus, ${missing}, that this platform has not`,
      );
    return line;
  }

  #newUplink(): Uplink {
    let id = 1;
    for (const { recorder, saved } of this.#lines)
      id = (id * 31 + saved.point * 65_536 + recorder.profile.number) % 2 ** 32;
    return new Uplink({
      hal: this.#hal,
      config: this.#config,
      device: this.#device,
      state: this.#state,
      store: this.#store,
      time: this.#time,
      planner: this.#planner,
      descriptorsId: id + 1,
      descriptors: () => this.#descriptors(),
      onTime: (stepMs) => this.#followClock(stepMs),
      onEnd: () => this.request("session"),
      update: this.#update,
    });
  }

  /** The descriptors of all streams. */
  #descriptors(): Descriptor[] {
    return this.#lines.map(({ recorder: { profile }, saved: { point } }) => ({
      topic: `${point}/d/${profile.number}`,
      payload: encodeDescriptor(profile, new Uint8Array(descriptorBytes(profile))),
    }));
  }

  // ---- Sampling ----

  async #takeDue(): Promise<void> {
    const { clock } = this.#hal;
    const due = this.#lines.filter(({ stream }) => stream.wakeAt <= clock.ticks);
    await Promise.all(due.map(({ stream }) => stream.take()));
    for (const { stream } of due) stream.close();
  }

  #record(line: Line, ticks: number, measured: Sample): void {
    const { recorder, stream, saved, integrator } = line;
    const { counters } = this.#state;
    const sample = integrator ? integrator.add(ticks, measured) : measured;
    if (!recorder.append(ticks, sample)) {
      this.#store.store(recorder, saved);
      if (!recorder.append(ticks, sample)) counters.lost++;
    }
    saved.due = stream.due;
    counters.readings[Math.min(sample.quality, QUALITY_CODES - 1)]++;
    if (recorder.isFull) this.#store.store(recorder, saved);
    this.#trigger(line, ticks, sample);
    if (this.#update?.onReading(sample.quality === Quality.good)) {
      this.#sendNow = true;
      this.request("sample");
    }
    if (this.#config.mode === "resident") this.#store.save();
  }

  /** What is worth a session of its own. One that has failed is due again in its own time. */
  #trigger({ triggers, recorder, saved }: Line, ticks: number, sample: Sample): void {
    const why = triggers?.check(sample);
    const isAlarm = this.#isAlarm(saved.point, ticks, sample);
    if (isAlarm || why === "alarm") {
      // The frame closes, so that it is durable before the radio starts.
      this.#store.store(recorder, saved);
      if (this.#state.attempt) return;
      this.#sendNow = true;
      this.request("sample");
    } else if (why === "delta" && !this.#state.attempt) {
      const { sessionMs, minimumMs = sessionMs / MINIMUM_SHARE } = this.#app.plan;
      const earliest = Math.max(this.#state.lastSession + minimumMs, ticks);
      this.#state.sessionDue = Math.min(this.#state.sessionDue, Math.ceil(earliest));
      this.request("sample");
    }
  }

  #isAlarm(point: number, ticks: number, sample: Sample): boolean {
    try {
      return this.#app.onReading?.({ point, ticks, time: this.#time.at(ticks), sample }) === "send";
    } catch (error) {
      // The reading is recorded already. What an app gets wrong must not stop the node.
      this.#hal.log(`the app failed at a reading of point ${point} (${error})`);
      this.#update?.fail("threw");
      return false;
    }
  }

  // ---- What comes next ----

  #startSession(): void {
    if (this.#uplink.isBusy) return;
    this.#sendNow = false;
    for (const { recorder, saved } of this.#lines) this.#store.store(recorder, saved);
    this.#uplink.start();
  }

  async #next(): Promise<WakeResult> {
    const { sessionDue } = this.#state;
    const update = this.#update;
    if (!this.#uplink.isBusy && update?.isDue(this.#planner.mayUpdate)) {
      await this.#uplink.end();
      return { next: "sleep", ms: 0, wakeOn: [] };
    }
    const sampleDue = Math.min(...this.#lines.map(({ stream }) => stream.wakeAt));
    const session = this.#uplink.isBusy ? Number.POSITIVE_INFINITY : sessionDue;
    if (this.#config.mode === "resident") return { next: "idle", until: session };
    const until = Math.min(sampleDue, session);
    // A button pressed while this wake ran must not be slept away, nor a trial: a deep sleep ends in a reset.
    if (this.#uplink.isBusy || update?.isOnTrial || this.#reasons.some((reason) => reason !== "session"))
      return { next: "idle", until };
    const staysUntil = this.#uplink.staysUntil;
    if (staysUntil !== undefined) return { next: "idle", until: Math.min(until, staysUntil) };
    await this.#uplink.end();
    const ms = Math.max(until - this.#hal.clock.ticks, 0);
    const { stayMs, wakePin, wakeLevel } = this.#config;
    if (ms < stayMs) return { next: "idle", until };
    const pin = { pin: wakePin, level: wakeLevel };
    return { next: "sleep", ms, wakeOn: ["timer", "pin"], ...(wakePin >= 0 && { pin }) };
  }

  /**
   * The clock was set: what is due keeps its time of day, so that no slot is taken twice and none is left out.
   * @param ahead how many milliseconds it has gained, NaN when it was not known before.
   */
  #followClock(ahead: number): void {
    const state = this.#state;
    for (const { lead } of this.#lines) lead?.follow(ahead);
    if (Math.abs(ahead) < CLOCK_STEP_MS) return;
    for (const { stream, saved } of this.#lines) {
      stream.follow(ahead);
      saved.due = stream.due;
    }
    const { ticks } = this.#hal.clock;
    state.sessionDue =
      dueAfterStep(state.sessionDue, ticks, ahead, this.#planner.sessionMs) ?? this.#planner.nextSession();
    this.request("timer");
  }
}

function newStream(plan: StreamPlan, profile: Profile): StreamState {
  const { point, integrate, triggers } = plan;
  const sensor = planOf(plan);
  return {
    point,
    profile: profile.number,
    due: 0,
    storingId: 0,
    end: Number.NaN,
    source: sourceOf(sensor),
    ...newLead(),
    batch: emptyBatch(profile, 0),
    registers: newRegisters(profile, integrate ?? false, rowOf(sensor.driver).counts),
    triggers: triggers ? Triggers.kept(triggers) : new Float64Array(0),
  };
}

/** Of the numbers that the state keeps of a stream, those whose count its plan decides. */
function numbersOf({ batch, registers, triggers }: StreamState): number {
  return batch.last.length + registers.length + triggers.length;
}

function isAlike(saved: StreamState, stream: StreamState): boolean {
  return (
    saved.point === stream.point &&
    saved.profile === stream.profile &&
    saved.source === stream.source &&
    numbersOf(saved) === numbersOf(stream) &&
    saved.registers.length === stream.registers.length
  );
}

/** @throws RangeError that names what is wrong with an app's plan. */
function checkPlan({ streams, sessionMs, minimumMs }: Plan, config: Config, reason: WakeReason): void {
  checkInteger("sessionMs", sessionMs, 1, MAX_PERIOD_MS);
  if (minimumMs !== undefined) checkInteger("minimumMs", minimumMs, 0, MAX_PERIOD_MS);
  for (const { point, sampleMs, timeoutMs, batch } of streams) {
    checkInteger("point", point, 0, 255);
    checkInteger("sampleMs", sampleMs, 0, MAX_PERIOD_MS);
    checkInteger("timeoutMs", timeoutMs, 1, MAX_PERIOD_MS);
    checkInteger("batch", batch, 1, MAX_BATCH);
  }
  checkSensors(streams, config, reason);
}

/** What the first boot of an epoch has found to be valid, the wakes after it need not look at again. */
function checkSensors(streams: readonly StreamPlan[], config: Config, reason: WakeReason): void {
  const sensors = streams.map(planOf);
  try {
    if (reason === "start") {
      for (const sensor of sensors) checkSensor(sensor, config);
      for (const [index, sensor] of sensors.entries()) checkPeriod(sensor, streams[index].sampleMs, config);
    }
    if (sensors.length > 1) checkPlaces(sensors, config);
  } catch (error) {
    throw new RangeError(`the app's plan: ${(error as Error).message}`);
  }
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new RangeError(`the app's plan: ${name} is ${value}, expected an integer from ${low} to ${high}`);
}
