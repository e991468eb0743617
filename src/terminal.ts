import type { App, AppInstance, Plan, StreamPlan } from "./app/interface";
import { descriptorBytes, encodeDescriptor } from "./comms/descriptor";
import { encodeFrame } from "./comms/frame/encode";
import { FlashOutbox, type FrameMeta, MAX_FRAME_BYTES } from "./comms/outbox";
import { type Announcement, Session, type SessionFailure } from "./comms/session";
import type { Config } from "./config";
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
import { backoff, devicePhase, dueAfterStep, nextSlot } from "./lowpower/wake";
import { type Profile, profileOf } from "./model/profiles";
import type { Sample } from "./model/reading";
import { configure, provisioned, raiseEpoch } from "./provisioning";
import { P1 } from "./sensors/p1";

/**
 * After so many failed sessions the next one wants no messages kept for it: an empty one, which the SDK's client never
 * gets past, would hold up every session for ever.
 */
const CLEAN_AFTER = 3;
/** Time and ticks are read one after the other, and each is rounded: less is no step of the clock. */
const CLOCK_STEP_MS = 50;
/** Envelope, t0, count and times: what a frame takes beside its columns, at most. */
const ENVELOPE_BYTES = 64;
/** A column's head in CBOR, at most: an array of up to 65,535. */
const HEAD_BYTES = 3;
/** No integer takes more than so many times the bytes in CBOR that it takes in a row. */
const ROW_GROWTH = 2;
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
  #outbox: FlashOutbox | undefined;
  #session: Session | undefined;
  #sessionEnds: Promise<void> | undefined;
  /** The last session's end. The next one must not begin before: both would use the one radio. */
  #sessionClosed: Promise<void> | undefined;
  #sendNow = false;
  #isWired = false;
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
    // Another name, or another broker, has no descriptors yet.
    if (this.#state.provisioned !== stored) this.#state.announced = 0;
    this.#state.provisioned = stored;
    this.#state.device = this.#device;
    checkPlan(this.#app.plan);
    const { seq } = this.#state;
    this.#finishStoring();
    this.#lines = this.#wire(this.#app.plan.streams);
    this.#isWired = true;
    if (this.#state.seq !== seq) this.#save();
    if (saved) return;
    this.#state.sessionDue = this.#nextSession();
    this.#state.epoch = this.#epoch ?? Number.NaN;
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
    this.#followClock();
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
    const room = rowBytes(this.#hal.retained, this.#state, plans.length, columns);
    // A frame has to fit the outbox too.
    const bytes = Math.min(room, Math.floor((MAX_FRAME_BYTES - frameBytes(columns, 0)) / ROW_GROWTH));
    if (bytes < Recorder.rowBytes(columns)) {
      throw new RangeError(`retained memory is too small for the ${plans.length} streams of the app's plan`);
    }
    const { streams } = this.#state;
    const kept = plans.map(({ point, profile }) =>
      streams.find((saved) => saved.point === point && saved.profile === profile),
    );
    // What an earlier plan has left open is complete now, and so is what would not fit the new one's room.
    for (const saved of streams) {
      if (!kept.includes(saved) || saved.batch.length > bytes) this.#storeSaved(saved);
    }
    this.#state.streams = plans.map(
      (plan, index) => kept[index] ?? this.#newStream(plan, profiles[index], bytes),
    );
    return plans.map((plan, index) => this.#line(plan, profiles[index], this.#state.streams[index], bytes));
  }

  #newStream(plan: StreamPlan, profile: Profile, bytes: number): StreamState {
    const { point } = plan;
    const batch = emptyBatch(profile, bytes);
    return { point, profile: plan.profile, due: this.#firstSlot(plan), storing: 0, batch };
  }

  #line(plan: StreamPlan, profile: Profile, saved: StreamState, bytes: number): Line {
    saved.batch.capacity = bytes;
    const recorder = new Recorder(profile, saved.batch, plan.batch);
    const stream = new Stream({
      plan,
      clock: this.#hal.clock,
      due: saved.due,
      open: driverFactory(this.#hal, this.#config),
      // As a job: below a port's callback and a driver, too little stack is left for the outbox (512 slots on ESP32).
      onReading: (ticks, sample) => void Promise.resolve().then(() => this.#record(line, ticks, sample)),
    });
    const line: Line = { stream, recorder, saved };
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
    const { counters } = this.#state;
    if (!recorder.append(ticks, sample)) {
      this.#store(recorder, saved);
      if (!recorder.append(ticks, sample)) counters.lost++;
    }
    saved.due = stream.due;
    counters.readings[Math.min(sample.quality, QUALITY_CODES - 1)]++;
    if (recorder.isFull) this.#store(recorder, saved);
    if (this.#isAlarm(saved.point, ticks, sample)) this.#raiseAlarm(line);
    if (this.#config.mode === "resident") this.#save();
  }

  /** The frame closes. It is sent at once, or when a session that has failed is due again. */
  #raiseAlarm({ recorder, saved }: Line): void {
    this.#store(recorder, saved);
    if (this.#state.attempt) return;
    this.#sendNow = true;
    this.request("sample");
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

  /**
   * Closes a batch into a frame: from here on it is durable. A store that fails keeps the batch open, and only one
   * that is full is given up.
   *
   * Retained memory knows before that this is under way, and after that it is done: a reset in between must neither
   * use a number twice nor store a reading twice.
   */
  #store(recorder: Recorder, saved: StreamState): void {
    const { batch } = saved;
    const state = this.#state;
    if (!batch.count) return;
    const outbox = this.#openOutbox();
    let stored = false;
    if (outbox) {
      const frame = this.#encode(recorder);
      const meta = this.#metaOf(saved);
      state.seq++;
      saved.storing = state.seq;
      state.isOutboxClean = false;
      this.#save();
      stored = outbox.append(meta, frame, noteOf(meta));
      state.lastFrameId = outbox.lastId;
      state.dropped = outbox.dropped;
      state.isOutboxClean = outbox.isClean;
      saved.storing = 0;
    }
    if (stored) state.counters.frames++;
    else if (recorder.isFull) {
      state.counters.lost += batch.count;
      this.#hal.log(`point ${saved.point}: ${batch.count} readings cannot be stored, and are lost`);
    }
    if (stored || recorder.isFull) recorder.clear();
    this.#save();
  }

  #encode(recorder: Recorder): Uint8Array {
    const { boot, seq } = this.#state;
    const content = recorder.content(boot, seq, this.#epoch);
    return encodeFrame(content, new Uint8Array(frameBytes(content.columns, recorder.batch.length)));
  }

  #metaOf({ point, batch }: StreamState): FrameMeta {
    const { boot, seq } = this.#state;
    const epoch = this.#epoch;
    const second = (ticks: number) => (epoch === undefined ? null : Math.floor((epoch + ticks) / 1000));
    return { point, boot, seq, readings: batch.count, start: second(batch.start), end: second(batch.end) };
  }

  /** What an earlier plan has left open. It is full, whatever its limit was. */
  #storeSaved(saved: StreamState): void {
    const profile = profileOf(saved.profile);
    if (profile) this.#store(new Recorder(profile, saved.batch, 1), saved);
    else {
      this.#state.counters.lost += saved.batch.count;
      this.#hal.log(`point ${saved.point}: there is no profile ${saved.profile} any more, its batch is lost`);
    }
  }

  /** A reset came while a batch was being stored: it is in the outbox, or still open. */
  #finishStoring(): void {
    for (const saved of this.#state.streams) {
      if (!saved.storing) continue;
      const profile = profileOf(saved.profile);
      const note = noteOf({ boot: this.#state.boot, seq: saved.storing - 1 });
      if (profile && isSame(this.#openOutbox()?.lastNote, note)) {
        new Recorder(profile, saved.batch, 1).clear();
        this.#state.counters.frames++;
      }
      saved.storing = 0;
    }
  }

  #startSession(): void {
    if (this.#sessionEnds) return;
    this.#sendNow = false;
    for (const { recorder, saved } of this.#lines) this.#store(recorder, saved);
    this.#state.sessionDue = this.#nextSession();
    // Starting a radio is where a weak supply gives way: a reset must find this session as begun.
    this.#save();
    const outbox = this.#openOutbox();
    if (outbox?.count) this.#sessionEnds = this.#runSession(outbox);
  }

  async #runSession(outbox: FlashOutbox): Promise<void> {
    const { counters } = this.#state;
    const { acknowledged } = counters;
    counters.sessions++;
    await this.#sessionClosed;
    this.#session ??= this.#newSession(outbox);
    try {
      await this.#session.send(this.#state.attempt > 0);
      this.#state.attempt = 0;
      if (this.#config.mode === "sleeper") await this.#endSession();
    } catch (error) {
      counters.failedSessions++;
      await this.#endSession();
      this.#retryLater(error as SessionFailure, counters.acknowledged > acknowledged);
    }
    this.#state.isOutboxClean = outbox.isClean;
    this.#sessionEnds = undefined;
    this.request("session");
  }

  #newSession(outbox: FlashOutbox): Session {
    return new Session({
      hal: this.#hal,
      config: this.#config,
      device: this.#device,
      outbox,
      announcements: this.#state.announced === this.#profilesId ? [] : this.#announcements(),
      onAnnounced: () => {
        this.#state.announced = this.#profilesId;
      },
      clean: this.#state.attempt >= CLEAN_AFTER,
      onAcknowledged: () => {
        this.#state.counters.acknowledged++;
        if (!this.#state.isOutboxClean) return;
        // The outbox is about to write: until the session ends, a reset may come in between.
        this.#state.isOutboxClean = false;
        this.#save();
      },
      onLost: () => void this.#endSession(),
    });
  }

  /** One number for what all streams' profiles are; never 0. */
  get #profilesId(): number {
    let id = 1;
    for (const { recorder, saved } of this.#lines)
      id = (id * 31 + saved.point * 65_536 + recorder.profile.number) % 2 ** 32;
    return id + 1;
  }

  /** The descriptors of all streams. */
  #announcements(): Announcement[] {
    return this.#lines.map(({ recorder: { profile }, saved: { point } }) => ({
      topic: `${point}/d/${profile.number}`,
      payload: encodeDescriptor(profile, new Uint8Array(descriptorBytes(profile))),
    }));
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

  /** Undefined, and logged, when the store cannot be opened now. */
  #openOutbox(): FlashOutbox | undefined {
    const { storage, log } = this.#hal;
    const state = this.#state;
    if (this.#outbox) return this.#outbox;
    try {
      if (!storage.flash) throw new Error("the platform has no flash");
      const { isOutboxClean: clean, lastFrameId, dropped } = state;
      this.#outbox = new FlashOutbox(storage.flash, { clean, lastFrameId, dropped });
      state.isOutboxClean = this.#outbox.isClean;
    } catch (error) {
      log(`the outbox cannot be opened (${error})`);
    }
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

  /** The clock was set: what is due keeps its time of day, so that no slot is taken twice and none is left out. */
  #followClock(): void {
    const state = this.#state;
    const epoch = this.#epoch ?? Number.NaN;
    const ahead = epoch - state.epoch;
    if (Math.abs(ahead) < CLOCK_STEP_MS || (Number.isNaN(epoch) && Number.isNaN(state.epoch))) return;
    const { ticks } = this.#hal.clock;
    for (const { stream, saved } of this.#lines) {
      stream.follow(epoch, ahead);
      saved.due = stream.due;
    }
    const { sessionMs } = this.#app.plan;
    // A wait after a failed session is no time of day.
    if (!state.attempt)
      state.sessionDue = dueAfterStep(state.sessionDue, ticks, ahead, sessionMs) ?? this.#nextSession();
    state.epoch = epoch;
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

  /**
   * While a boot wires, retained memory stays as it was found: what is left open may no longer fit beside settings that
   * have grown, and to store it again after a reset gives the same frame.
   */
  #save(): void {
    if (!this.#isWired) return;
    saveState(this.#state, this.#hal.retained);
  }
}

/** What a frame takes at most. */
function frameBytes(columns: number, rowBytes: number): number {
  return ENVELOPE_BYTES + HEAD_BYTES * columns + ROW_GROWTH * rowBytes;
}

/** Says after a reset which frame was stored last. */
function noteOf({ boot, seq }: Pick<FrameMeta, "boot" | "seq">): Uint8Array {
  return new Uint8Array(Uint32Array.of(boot, seq).buffer);
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a?.length === b.length && a.every((byte, index) => byte === b[index]);
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
