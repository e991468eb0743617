import type { StreamPlan } from "../app/interface";
import type { Clock, Timer } from "../hal";
import { Quality, type QualityCode } from "../model/quality";
import type { Sample } from "../model/reading";
import type { OpenSensor, SensorCallbacks } from "../sensors/sensors";
import type { Lead } from "./lead";
import type { Timekeeper } from "./timekeeper";
import { dueAfterStep } from "./wake";

/** Opens a driver. The callbacks are never called from inside the call. */
export type DriverFactory = (callbacks: SensorCallbacks) => OpenSensor;

/** How long a failed bus is left alone. */
const REOPEN_MS = 10_000;

/** What a time server's whole seconds move the clock by at most. */
const LONGEST_SPARE_MS = 1_000;

export interface StreamOptions {
  plan: StreamPlan;
  clock: Clock;
  time: Timekeeper;
  /** Ticks of the next reading. */
  due: number;
  open: DriverFactory;
  /** A resident closes the device between two readings, unless it can be asked again. */
  closesBetween?: boolean;
  /** Of a device that speaks by itself, to a sleeper: when it does. */
  lead?: Lead;
  onReading: (ticks: number, sample: Sample) => void;
}

/**
 * One stream's sampling: takes the first good sample at or after each slot, or says why there was none. A bad one
 * waits for a better one until the device's time is up.
 */
export class Stream {
  readonly plan: StreamPlan;
  readonly #options: StreamOptions;
  #due: number;
  #driver: OpenSensor | undefined;
  /** For the slot under way to be given up, or for the next one to begin. */
  #timeout: Timer | undefined;
  /** A resident's device is closed, or not asked, until its next reading is due. */
  #isWaiting = false;
  /** What is known of the slot under way, if no good sample comes. */
  #quality: QualityCode = Quality.silent;
  /** Of samples that came before their slot: what they said since the reading before must not be lost. */
  #flags = 0;
  #onTaken: (() => void) | undefined;
  #openedAt = 0;
  /** Of two silences, one after the other, the second may last longer. */
  #isPatient = false;

  constructor(options: StreamOptions) {
    this.plan = options.plan;
    this.#options = options;
    this.#due = options.due;
  }

  /** Ticks of the next reading; now, for a stream that takes every sample. */
  get due(): number {
    return this.#due;
  }

  /** Ticks at which a sleeper takes it: as the device is about to speak, if that is known. */
  get wakeAt(): number {
    return this.#due + (this.#options.lead?.ms ?? 0);
  }

  /**
   * The clock was set.
   * @param ahead how many milliseconds it has gained; NaN when the time was not known before.
   */
  follow(ahead: number): void {
    const { clock, time } = this.#options;
    const { sampleMs } = this.plan;
    if (!sampleMs) return;
    const { ticks } = clock;
    const slot = time.slotAfter(ticks, sampleMs);
    // Until now ticks have counted the slots: none of both kinds is left out.
    if (Number.isNaN(ahead)) this.#due = Math.min(Math.max(this.#due, ticks), slot);
    else this.#due = dueAfterStep(this.#due, ticks, ahead, sampleMs) ?? slot;
    // A slot that is under way keeps its deadline.
    if (this.#isWaiting) this.#waitForSlot();
    else if (this.#driver && this.#due > ticks) this.#armTimeout();
  }

  /** A resident's: from now on each slot gets its reading. */
  open(): void {
    if (this.#driver || this.#isWaiting) return;
    if (this.#options.closesBetween && this.#due > this.#options.clock.ticks) this.#waitForSlot();
    else this.#openDevice();
  }

  #openDevice(): void {
    this.#isWaiting = false;
    this.#openedAt = this.#options.clock.ticks;
    if (this.#driver) {
      this.#driver.again?.();
      this.#armTimeout();
      return;
    }
    try {
      this.#driver = this.#options.open({
        onSample: () => this.#onSample(),
        onError: () => this.#onBusError(),
      });
    } catch {
      // A port that is not there, or taken: the same to us as one that has failed.
      this.#onBusError();
      return;
    }
    this.#armTimeout();
  }

  close(): void {
    this.#options.clock.clear(this.#timeout);
    this.#isWaiting = false;
    this.#driver?.close();
    this.#driver = undefined;
  }

  /** Opens the device and resolves when the slot has its reading, good or bad. */
  async take(): Promise<void> {
    const taken = new Promise<void>((resolve) => {
      this.#onTaken = resolve;
    });
    this.open();
    await taken;
  }

  #onSample(): void {
    const sample = this.#driver?.sample();
    if (!sample) return;
    const ticks = sample.ticks ?? this.#options.clock.ticks;
    const { sampleMs } = this.plan;
    if (sampleMs && ticks < this.#due) {
      this.#flags |= sample.flags ?? 0;
      return;
    }
    if (sampleMs && sample.quality !== Quality.good) this.#quality = sample.quality;
    else this.#take(ticks, sample);
  }

  /** The driver is finished; a resident tries again after a while. */
  #onBusError(): void {
    const { clock } = this.#options;
    this.#driver = undefined;
    this.#isWaiting = false;
    clock.clear(this.#timeout);
    this.#timeout = clock.set(() => this.open(), REOPEN_MS);
    // Between two slots nothing is due: if the next one gets no sample either, it says why.
    if (clock.ticks < this.#due) this.#quality = Quality.bus;
    else this.#take(clock.ticks, { quality: Quality.bus });
  }

  #take(ticks: number, sample: Sample): void {
    const { time, onReading, lead } = this.#options;
    const { sampleMs } = this.plan;
    if (sample.quality === Quality.good) lead?.learn(ticks - this.#due, ticks - this.#openedAt, sampleMs);
    else lead?.forget();
    // Half a period on, so that a clock that was set back a little meanwhile gives no slot twice.
    if (sampleMs) this.#due = time.slotAfter(Math.max(ticks + 1, this.#due + sampleMs / 2), sampleMs);
    this.#quality = Quality.silent;
    if (sample.flags !== undefined) {
      sample.flags |= this.#flags;
      this.#flags = 0;
    }
    onReading(ticks, sample);
    if (this.#driver?.again) this.#waitForSlot();
    else if (this.#driver && this.#options.closesBetween) this.#closeLater();
    else if (this.#driver) this.#armTimeout();
    const onTaken = this.#onTaken;
    this.#onTaken = undefined;
    onTaken?.();
  }

  /** Not in the port's own callback, in which a reading comes. */
  #closeLater(): void {
    const { clock } = this.#options;
    clock.clear(this.#timeout);
    this.#timeout = clock.set(() => {
      this.close();
      this.open();
    }, 0);
  }

  #waitForSlot(): void {
    const { clock } = this.#options;
    this.#isWaiting = true;
    clock.clear(this.#timeout);
    this.#timeout = clock.set(() => this.#openDevice(), Math.max(this.#due - clock.ticks, 0));
  }

  #armTimeout(): void {
    const { clock, lead } = this.#options;
    const { timeoutMs, sampleMs } = this.plan;
    clock.clear(this.#timeout);
    const wait = sampleMs ? Math.max(this.#due - clock.ticks, 0) : 0;
    // The next slot is to have a reading of its own, also when the clock is set ahead a little meanwhile.
    const spare = Math.min(LONGEST_SPARE_MS, sampleMs / 4);
    const patience = sampleMs ? Math.min(timeoutMs, sampleMs - spare - (lead?.ms ?? 0)) : this.#patience;
    this.#timeout = clock.set(() => this.#onTimeout(), wait + patience);
  }

  #onTimeout(): void {
    const { clock } = this.#options;
    const quality = this.#quality;
    this.#take(clock.ticks, { quality });
    // A port can fall silent for good: the SDK's, when its message queue was full once. Opened anew, it speaks again.
    if (quality !== Quality.silent) return;
    this.close();
    this.#isPatient = !this.#isPatient;
    this.open();
  }

  /**
   * Of a stream that takes every sample. Each other silence may last half as long again: a device that speaks as often
   * as that would be cut off in the middle each time.
   */
  get #patience(): number {
    return this.plan.timeoutMs * (this.#isPatient ? 1.5 : 1);
  }
}
