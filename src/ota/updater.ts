import type { Flash, Hal, UpdateSettings, WakeReason } from "../hal";
import { AppTrust, loadAppTrust } from "../lowpower/state";
import { VERSION } from "../version";
import { Journal } from "./journal";
import { baseOf, Receiver } from "./receiver";
import type { Refusal } from "./refusal";
import { newsOf, reportOf } from "./report";
import { UPDATE, UPDATE_BLOCKS } from "./slots";
import type { UpdateState } from "./state";
import { offerTopic } from "./topics";
import { Trial } from "./trial";

/** Longer than what an announcement can be, and as long as a block. */
const MAX_MESSAGE_BYTES = 4096;

/**
 * A node's updates, from the offer to the trial. What it knows is in flash, in the partition `update`; each step is
 * written there before it is taken, and is taken again when the power went in between.
 */
export class Updater {
  readonly #hal: Hal;
  readonly #settings: UpdateSettings;
  readonly #base: number;
  #flash: Flash | undefined;
  #journal: Journal | undefined;
  #trial: Trial | undefined;
  #receiver: Receiver | undefined;
  #hasCharge = true;
  /** This boot is the end of a sleep. */
  #isWake = false;
  /** Phase and refusals that the state message has said last. */
  #said = "";

  /** Undefined where the platform lacks what updates need. */
  static of(hal: Hal): Updater | undefined {
    const { update, crypto, boot, storage } = hal;
    return update?.keys.length && crypto && boot && storage.flash ? new Updater(hal, update) : undefined;
  }

  private constructor(hal: Hal, settings: UpdateSettings) {
    this.#hal = hal;
    this.#settings = settings;
    this.#base = baseOf(VERSION, settings.engine);
  }

  // ---- At a boot ----

  /**
   * What a boot does first.
   * @returns true when the node restarts: nothing more is to be done then.
   */
  begin(reason: WakeReason): boolean {
    // A deep sleep begins only when nothing is under way that a boot would have to end.
    this.#isWake = reason !== "start";
    if (this.#isWake) return false;
    const trial = this.#openTrial();
    try {
      trial?.begin();
    } catch (error) {
      this.#hal.log(`updates: ${error}`);
    }
    // What a restart has come of is to be said.
    this.#said = "";
    return trial?.hasRestarted ?? false;
  }

  /** Whether what is installed is the app that is confirmed, or on trial, and whole; also when nobody knows. */
  get mayRunInstalled(): boolean {
    const kept = this.#isWake ? loadAppTrust(this.#hal.retained) : AppTrust.unknown;
    if (kept !== AppTrust.unknown) return kept === AppTrust.trusted;
    return this.#openTrial()?.mayRunInstalled ?? true;
  }

  /** What a start has found of it, for the wakes that follow; undefined in those. */
  get appTrust(): number | undefined {
    if (this.#isWake) return undefined;
    if (!this.#trial) return AppTrust.unknown;
    return this.#trial.mayRunInstalled ? AppTrust.trusted : AppTrust.refused;
  }

  get isOnTrial(): boolean {
    return this.#trial?.isOnTrial ?? false;
  }

  get isAppOnTrial(): boolean {
    return this.#trial?.isAppOnTrial ?? false;
  }

  /** Ticks until which a trial waits for a slot to take its first reading in; later there would be no time for more. */
  get sampleBy(): number {
    return this.#trial?.sampleBy ?? Number.POSITIVE_INFINITY;
  }

  /** A reading was taken. True for the first good one of a trial: it is time for a session. */
  onReading(isGood: boolean): boolean {
    return this.#trial?.onReading(isGood) ?? false;
  }

  /** A session has ended well, and the broker has acknowledged a frame that storage had. */
  onDelivered(): void {
    this.#trial?.onDelivered();
  }

  /** What is on trial has failed: it is taken back as soon as this wake ends. */
  fail(reason: Refusal): void {
    this.#trial?.fail(reason);
  }

  /** Goes back to what was there before the trial: restarts. */
  takeBack(reason: Refusal): void {
    this.#trial?.takeBack(reason);
  }

  /**
   * Whether the node is to end what it does, so that `proceed` can go on.
   * @param hasCharge whether a trial can be afforded.
   */
  isDue(hasCharge: boolean): boolean {
    return this.#trial?.isDue(hasCharge) ?? false;
  }

  /** The node would sleep now. True when it restarts instead. */
  proceed(): boolean {
    return this.#trial?.proceed() ?? false;
  }

  // ---- For a session ----

  /** Where offers stand for such nodes. */
  get offerTopic(): string {
    return offerTopic(this.#settings.deviceClass);
  }

  /** Topics of up to `most` things that are to be fetched; none while the battery is low. */
  wanted(most: number): string[] {
    return (this.#hasCharge && this.#receiver?.wanted(most)) || [];
  }

  /** A buffer for a message, or undefined when it is none of ours, or longer than any of them. */
  accept(topic: string, byteLength: number): Uint8Array | undefined {
    if (!topic.startsWith("gmu/")) return undefined;
    if (byteLength <= MAX_MESSAGE_BYTES) return new Uint8Array(byteLength);
    this.#receiver?.refuseLength(topic, byteLength);
    return undefined;
  }

  /** A message that is whole. */
  take(topic: string, bytes: Uint8Array): void {
    if (topic === this.offerTopic) this.#receiver?.offer(bytes);
    else this.#receiver?.take(topic, bytes);
  }

  /** What was asked for has not come. */
  miss(): void {
    this.#receiver?.miss();
  }

  /**
   * Makes ready for a session of this device.
   * @param hasCharge whether blocks can be afforded.
   */
  prepare(device: string, hasCharge: boolean): void {
    this.#hasCharge = hasCharge;
    const journal = this.#open();
    if (!journal) return;
    const { storage, crypto, log } = this.#hal;
    this.#openTrial();
    this.#receiver ??= new Receiver({
      ...{ journal, storage: storage.flash!, crypto: crypto!, settings: this.#settings },
      ...{ build: VERSION, device, log },
    });
    this.#receiver.begin();
  }

  /** What the state message says of updates; undefined while there is nothing to say. */
  get status(): object | undefined {
    if (!this.#journal) return undefined;
    this.#said = newsOf(this.#state);
    return reportOf(this.#state);
  }

  /** There is more to say than the last state message has said. */
  get hasNews(): boolean {
    return this.#journal !== undefined && this.#said !== newsOf(this.#state);
  }

  close(): void {
    this.#receiver?.close();
    this.#receiver = undefined;
    this.#flash?.close();
    this.#flash = undefined;
    this.#journal = undefined;
  }

  get #state(): UpdateState {
    return this.#journal!.state;
  }

  #openTrial(): Trial | undefined {
    const journal = this.#open();
    if (!journal) return this.#trial;
    this.#trial ??= new Trial(this.#hal, journal, this.#base, () => this.close());
    return this.#trial;
  }

  /** Undefined, and logged, when the partition cannot be used. */
  #open(): Journal | undefined {
    if (this.#journal || this.#trial?.hasRestarted) return this.#journal;
    const { storage, log } = this.#hal;
    try {
      const flash = storage.flash!.open({ path: UPDATE, mode: "r+" });
      this.#flash = flash;
      if (flash.status().blocks < UPDATE_BLOCKS) throw new Error(`"${UPDATE}" is too small`);
      this.#journal = new Journal(flash);
      this.#said = newsOf(this.#state);
    } catch (error) {
      log(`updates: there can be none (${error})`);
      this.#flash?.close();
      this.#flash = undefined;
    }
    return this.#journal;
  }
}
