import type { Config } from "../config";
import type { Hal } from "../hal";
import type { Planner } from "../lowpower/planner";
import type { State } from "../lowpower/state";
import type { Timekeeper } from "../lowpower/timekeeper";
import { backoff } from "../lowpower/wake";
import type { Updater } from "../ota/updater";
import { type Announcement, Session } from "./session";
import { statusOf, WILL } from "./status";
import type { Store } from "./store";
import { askTime } from "./time";
import type { SessionFailure } from "./waiter";

/**
 * After so many failed sessions the next one wants no messages kept for it: an empty one, which the SDK's client never
 * gets past, would hold up every session for ever.
 */
const CLEAN_AFTER = 3;
/** Time servers that are all silent are not asked in every session. */
const NO_TIME_MS = 3_600_000;
/** Nobody needs a sleeper for longer at a time; a battery might not last. */
const LONGEST_STAY_MS = 86_400_000;

/** A retained descriptor, and where it goes behind `gm/<device>/`. */
export interface Descriptor {
  topic: string;
  payload: Uint8Array;
}

export interface UplinkOptions {
  hal: Hal;
  config: Readonly<Config>;
  device: string;
  state: State;
  store: Store;
  time: Timekeeper;
  planner: Planner;
  /** One number for what all descriptors are; never 0. */
  descriptorsId: number;
  descriptors: () => Descriptor[];
  /** The clock has gone by so many milliseconds, NaN when the time was not known before. */
  onTime: (stepMs: number) => void;
  /** A session has ended, well or not. */
  onEnd: () => void;
  update?: Updater;
}

/** Sessions, one after the other: when one has failed the next one waits longer, and nothing is lost by it. */
export class Uplink {
  readonly #options: UplinkOptions;
  #session: Session | undefined;
  #isBusy = false;
  /** The last session's end. The next one must not begin before: both would use the one radio. */
  #closed: Promise<void> | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    // A start with the radio on: the supply gives way under it, so it gets time to recover.
    const { state, device, config, hal } = options;
    if (!state.radio) return;
    state.radio = 0;
    state.radioResets++;
    const wait = backoff(device, state.radioResets, config.backoffMs, config.backoffMaxMs);
    state.sessionDue = Math.max(state.sessionDue, hal.clock.ticks + wait);
    hal.log(
      `the terminal was reset with its radio on, time ${state.radioResets}; next session in ${wait} ms`,
    );
  }

  /** A session is under way. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Ticks until which a wish keeps the terminal up, or undefined. */
  get staysUntil(): number | undefined {
    const { state, time, hal } = this.#options;
    const { ticks } = hal.clock;
    const now = time.at(ticks);
    if (now === undefined || now >= state.stayUntil) return undefined;
    return ticks + Math.min(state.stayUntil - now, LONGEST_STAY_MS);
  }

  /** Begins a session if there is something to send or to ask; `store` has stored what is open. */
  start(): void {
    const { store, state, planner, hal, update, device } = this.#options;
    state.sessionDue = planner.nextSession();
    const outbox = store.open();
    const { ticks } = hal.clock;
    const wantsTime = hal.network.ntp && !this.#options.time.isKnown;
    update?.prepare(device, planner.mayUpdate);
    if (update?.hasNews) state.statusDue = 0;
    const hasWork = outbox?.count || ticks >= state.statusDue || wantsTime || update?.wanted(1).length;
    if (!outbox || !hasWork || !planner.mayTransmit) return;
    this.#isBusy = true;
    state.radio = hal.network.wifi ? 1 : 0;
    // Starting a radio is where a weak supply gives way: a reset must find this session as begun.
    store.save();
    void this.#run();
  }

  /** Ends what is kept open. */
  async end(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session) this.#closed = session.close();
    await this.#closed;
    if (!this.#session) this.#options.state.radio = 0;
  }

  async #run(): Promise<void> {
    const { state, config, hal, onEnd, update } = this.#options;
    const { counters } = state;
    const { acknowledged } = counters;
    counters.sessions++;
    await this.#closed;
    this.#session ??= this.#newSession();
    const session = this.#session;
    try {
      await session.send(state.attempt > 0, true);
      if (counters.acknowledged > acknowledged) update?.onDelivered();
      if (update?.hasNews) {
        state.statusDue = 0;
        await session.send(false, false);
      }
      // The broker forgets what a clean session has subscribed to: the next one asks again.
      if (update && state.attempt >= CLEAN_AFTER) state.statusDue = 0;
      state.attempt = 0;
      state.radio = 0;
      state.radioResets = 0;
      state.lastSession = hal.clock.ticks;
      if (config.mode === "sleeper" && this.staysUntil === undefined) await this.end();
    } catch (error) {
      counters.failedSessions++;
      // The broker has published the last will.
      if (session.wasConnected) state.statusDue = 0;
      await this.end();
      this.#retryLater(error as SessionFailure, counters.acknowledged > acknowledged);
    }
    this.#isBusy = false;
    onEnd();
  }

  #newSession(): Session {
    const { hal, config, device, state, store, update } = this.#options;
    const clean = state.attempt >= CLEAN_AFTER;
    return new Session({
      hal,
      config,
      device,
      outbox: store.open()!,
      known: state.link,
      setTime: () => this.#setTime(),
      dated: (stored) => store.dated(stored),
      announcements: () => this.#announcements(),
      will: WILL,
      clean,
      updates: update,
      // As often as the state is said: the broker may have lost what it keeps for us.
      asksForOffers: clean || hal.clock.ticks >= state.statusDue,
      onAcknowledged: () => {
        state.counters.acknowledged++;
      },
      onWish: (until) => {
        state.stayUntil = until * 1000;
      },
      onLost: () => {
        state.statusDue = 0;
        void this.end();
      },
    });
  }

  #announcements(): Announcement[] {
    const { state, descriptorsId, descriptors, hal } = this.#options;
    const announcements: Announcement[] = [];
    if (state.announced !== descriptorsId) {
      let waiting = 0;
      for (const descriptor of descriptors()) {
        waiting++;
        const onAcknowledged = () => {
          if (--waiting === 0) state.announced = descriptorsId;
        };
        announcements.push({ ...descriptor, onAcknowledged });
      }
    }
    if (hal.clock.ticks >= state.statusDue) announcements.push(this.#status());
    return announcements;
  }

  #status(): Announcement {
    const { state, time, hal, config, store, update } = this.#options;
    const { ticks } = hal.clock;
    const text = statusOf(state, time, ticks, config.mode, store.open()!.count, update?.status);
    return {
      topic: "s",
      payload: Uint8Array.from(text, (character) => character.charCodeAt(0)),
      onAcknowledged: () => {
        state.statusDue = ticks + config.statusMs;
      },
    };
  }

  /** Sets the clock, if that is due. */
  async #setTime(): Promise<void> {
    const { hal, config, time, store, planner, onTime } = this.#options;
    const { ntp } = hal.network;
    const { clock } = hal;
    if (!ntp || !time.isDue(clock.ticks, planner.sessionMs)) return;
    const servers = config.timeServers.split(" ").filter((server) => server);
    const answer = await askTime(ntp, clock, servers, (candidate) => time.explains(candidate));
    if (!answer) {
      time.retryAfter(clock.ticks, NO_TIME_MS);
      hal.log("no time server has answered, or no two agree");
      return;
    }
    const isExplained = !time.isKnown || time.explains(answer);
    const step = time.accept(answer);
    if (step === undefined) {
      hal.log("a time server contradicts the clock, and no other one confirms it");
      return;
    }
    if (!isExplained) store.sayClockStep(step);
    onTime(step);
  }

  /** @param progress some frames got through: a slow link must not be made slower by ever longer waits. */
  #retryLater({ message }: SessionFailure, progress: boolean): void {
    const { hal, config, device, state } = this.#options;
    const { backoffMs, backoffMaxMs, host, port } = config;
    state.attempt = progress ? 1 : state.attempt + 1;
    const wait = backoff(device, state.attempt, backoffMs, backoffMaxMs);
    state.sessionDue = hal.clock.ticks + wait;
    hal.log(`session with ${host}:${port} failed (${message}), attempt ${state.attempt}, next in ${wait} ms`);
  }
}
