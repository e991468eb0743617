import type { Hal, ResetReason, Timer } from "../hal";
import { InstalledApp } from "./installed-app";
import type { Journal } from "./journal";
import { kindOf } from "./manifest";
import { MOST_TRIALS } from "./receiver";
import { type Refusal, RefusedUpdate, refusalCode } from "./refusal";
import { keepOld, newSettings, restoreOld, writeSettings } from "./settings";
import { hasImage, holds, otherSlot, RUNNING } from "./slots";
import { enter, Mapping, NO_SLOT, phaseOf, type UpdateState } from "./state";

/** Of a trial's time, what is left to the slots of readings. */
const TRIAL_SHARE = 4;

/** What ended a trial that was not confirmed before the next start. */
function causeOf(reset: ResetReason | undefined): Refusal {
  if (reset === "power" || reset === "brown-out") return "power";
  return reset === "watchdog" ? "hung" : "threw";
}

/** From one image to the next and, if need be, back: what happens between a restart and the proof that all is well. */
export class Trial {
  readonly #hal: Hal;
  readonly #journal: Journal;
  readonly #base: number;
  readonly #app: InstalledApp;
  readonly #onRestart: () => void;
  #deadline: Timer | undefined;
  /** It is on trial, and all of it is where it runs. */
  #isAppTrusted = false;
  #isOnTrial = false;
  #hasSampled = false;
  #sampleBy = Number.POSITIVE_INFINITY;
  #hasFailed: Refusal | undefined;
  #hasRestarted = false;

  /**
   * @param base what an app has to be made for, as `baseOf` has it.
   * @param onRestart the node restarts now: flash is to be let go.
   */
  constructor(hal: Hal, journal: Journal, base: number, onRestart: () => void) {
    this.#hal = hal;
    this.#journal = journal;
    this.#base = base;
    this.#app = new InstalledApp(hal, journal);
    this.#onRestart = onRestart;
  }

  get hasRestarted(): boolean {
    return this.#hasRestarted;
  }

  /** Whether the app in `xs` is the one that is confirmed, or on trial, and whole. */
  get mayRunInstalled(): boolean {
    const state = this.#state;
    if (phaseOf(state) === "trial" && kindOf(state.kind) === "app") return this.#isAppTrusted;
    // One that no update has brought is not ours to judge.
    if (state.appSlot === NO_SLOT) return state.mapping === Mapping.none;
    return (
      state.appBase === this.#base && state.mapping === Mapping.mapped && state.mappedSlot === state.appSlot
    );
  }

  get isOnTrial(): boolean {
    return this.#isOnTrial;
  }

  /** Ticks until which a trial waits for a slot to take its first reading in; later there would be no time for more. */
  get sampleBy(): number {
    return this.#sampleBy;
  }

  get isAppOnTrial(): boolean {
    return this.#isOnTrial && kindOf(this.#state.kind) === "app";
  }

  // ---- At a boot ----

  /** What a boot does first. */
  begin(): void {
    this.#resume();
    if (!this.#hasRestarted) this.#checkApp();
  }

  #resume(): void {
    const state = this.#state;
    if (state.isRestoring) this.#restoreSettings();
    const phase = phaseOf(state);
    if (phase !== "pending" && phase !== "trial") return;
    const kind = kindOf(state.kind);
    if (kind === "native") this.#resumeNative(phase);
    else if (phase === "trial") this.#revert(causeOf(this.#hal.resetReason));
    else if (kind === "app") this.#resumeApp();
    else this.#resumeSettings();
  }

  #resumeNative(phase: "pending" | "trial"): void {
    const { boot, storage, crypto, resetReason } = this.#hal;
    const { byteLength, digest, trials } = this.#state;
    const isNew = boot!.isOnTrial || holds(storage.flash!, { path: RUNNING, byteLength, digest }, crypto!);
    if (phase === "trial") {
      if (!isNew) this.#revert(causeOf(resetReason));
      // The bootloader has been told that all is well, and the power went before we had written it. One that knows of no
      // trials says the same of an image that has failed.
      else if (!boot!.isOnTrial && this.#state.isConfirming) this.#confirmed();
      else this.takeBack(causeOf(resetReason));
    } else if (isNew) this.#try();
    else if (trials >= MOST_TRIALS) this.#revert("hung");
    else this.#switch();
  }

  #resumeApp(): void {
    const state = this.#state;
    const brought = this.#app.bring(otherSlot(state.appSlot), state.byteLength, state.digest);
    if (brought === "ready") {
      this.#isAppTrusted = true;
      state.trials++;
      this.#try();
    } else if (brought === "restart") this.#restart();
    else this.#revert(brought);
  }

  #resumeSettings(): void {
    const state = this.#state;
    try {
      writeSettings(this.#hal, newSettings(this.#hal, state.byteLength));
    } catch (error) {
      this.#revert(error instanceof RefusedUpdate ? error.reason : "full");
      return;
    }
    state.trials++;
    this.#try();
  }

  /** What is confirmed has to be where it runs. */
  #checkApp(): void {
    const state = this.#state;
    if (this.isAppOnTrial) return;
    if (state.mapping === Mapping.unwanted) {
      this.#app.clear();
      // In this boot the engine still knows the app that was there.
      this.#restart();
      return;
    }
    if (state.appSlot === NO_SLOT || state.appBase !== this.#base) return;
    const brought = this.#app.bring(state.appSlot, state.appBytes, state.appDigest);
    if (brought === "restart") this.#restart();
    else if (brought !== "ready") this.#hal.log(`the installed app is not used (${brought})`);
  }

  #try(): void {
    const { clock, log } = this.#hal;
    const state = this.#state;
    enter(state, "trial");
    state.isConfirming = 0;
    this.#journal.save();
    this.#isOnTrial = true;
    log(`${kindOf(state.kind)} ${state.version} is on trial`);
    this.#sampleBy = Math.floor(clock.ticks + state.healthMs / TRIAL_SHARE);
    this.#deadline = clock.set(() => this.takeBack("health"), state.healthMs);
  }

  // ---- On trial ----

  /** A reading was taken. True for the first good one of a trial: it is time for a session. */
  onReading(isGood: boolean): boolean {
    const isFirst = this.#isOnTrial && isGood && !this.#hasSampled;
    if (isFirst) this.#hasSampled = true;
    return isFirst;
  }

  /** A session has ended well, and the broker has acknowledged a frame that storage had. */
  onDelivered(): void {
    if (!this.#isOnTrial || !this.#hasSampled || this.#hasFailed) return;
    try {
      if (kindOf(this.#state.kind) === "native") this.#confirmNative();
      this.#confirmed();
    } catch (error) {
      this.#hal.log(`updates: ${error}`);
    }
  }

  #confirmNative(): void {
    this.#state.isConfirming = 1;
    this.#journal.save();
    this.#hal.boot!.confirm();
  }

  /** What is on trial has failed: it is taken back as soon as this wake ends. */
  fail(reason: Refusal): void {
    if (this.#isOnTrial) this.#hasFailed ??= reason;
  }

  #confirmed(): void {
    const state = this.#state;
    const before = { ...state, have: state.have.slice() };
    const { version, epoch } = state;
    const kind = kindOf(state.kind);
    state.isConfirming = 0;
    if (kind === "native") state.floorNative = Math.max(state.floorNative, version);
    else if (kind === "app") state.floorApp = Math.max(state.floorApp, version);
    else state.floorConfig = Math.max(state.floorConfig, version);
    state.floorEpoch = Math.max(state.floorEpoch, epoch);
    if (kind === "app") {
      state.appSlot = otherSlot(state.appSlot);
      state.appBytes = state.byteLength;
      state.appBase = state.base;
      state.appDigest = state.digest;
    }
    // A next app goes to another slot.
    state.have.fill(0);
    // What was not for this node before may be for it now.
    state.refusedOffer = 0;
    enter(state, "confirmed");
    try {
      this.#journal.save();
    } catch (error) {
      // It is still on trial: a floor that nobody has written has not risen.
      Object.assign(state, before);
      throw error;
    }
    this.#endTrial();
    this.#hal.log(`${kind} ${version} is confirmed`);
  }

  #endTrial(): void {
    this.#isOnTrial = false;
    this.#hal.clock.clear(this.#deadline);
  }

  /** Goes back to what was there before: restarts. */
  takeBack(reason: Refusal): void {
    if (this.#hasRestarted) return;
    const isNative = kindOf(this.#state.kind) === "native";
    try {
      this.#revert(reason);
    } catch (error) {
      // The next start finds a trial that was not confirmed, and that is enough.
      this.#hal.log(`updates: ${error}`);
    }
    this.#restart(isNative);
  }

  #revert(reason: Refusal): void {
    const state = this.#state;
    const kind = kindOf(state.kind);
    this.#endTrial();
    this.#isAppTrusted = false;
    enter(state, "reverted", refusalCode(reason));
    state.refused++;
    state.lastRefusal = state.reason;
    if (kind === "config") state.isRestoring = 1;
    if (kind === "app" && state.appSlot === NO_SLOT) state.mapping = Mapping.unwanted;
    this.#journal.save();
    this.#hal.log(`${kind} ${state.version} is taken back (${reason})`);
    if (state.isRestoring) this.#restoreSettings();
  }

  #restoreSettings(): void {
    restoreOld(this.#hal);
    this.#state.isRestoring = 0;
    this.#journal.save();
  }

  // ---- From one image to the next ----

  /**
   * Whether the node is to end what it does, so that `proceed` can go on.
   * @param hasCharge whether a trial can be afforded.
   */
  isDue(hasCharge: boolean): boolean {
    if (this.#hasFailed) return true;
    return hasCharge && phaseOf(this.#state) === "verified";
  }

  /** The node would sleep now. True when it restarts instead. */
  proceed(): boolean {
    if (this.#hasFailed) this.takeBack(this.#hasFailed);
    else if (phaseOf(this.#state) === "verified") this.#install();
    return this.#hasRestarted;
  }

  #install(): void {
    const { storage, crypto, log } = this.#hal;
    const state = this.#state;
    const kind = kindOf(state.kind);
    try {
      if (!hasImage(state, storage.flash!, crypto!)) throw new RefusedUpdate("digest");
      if (kind === "config") keepOld(this.#hal, newSettings(this.#hal, state.byteLength));
      if (kind === "app") this.#app.adopt(1 - otherSlot(state.appSlot), this.#base);
      enter(state, "pending");
      if (kind === "native") this.#switch();
      else {
        this.#journal.save();
        if (kind === "app") this.#app.bring(otherSlot(state.appSlot), state.byteLength, state.digest);
        this.#restart();
      }
    } catch (error) {
      const reason = error instanceof RefusedUpdate ? error.reason : "worn";
      log(`${kind} ${state.version} cannot be installed (${error})`);
      if (reason === "digest") state.have.fill(0);
      enter(state, "refused", refusalCode(reason));
      state.refused++;
      state.lastRefusal = state.reason;
      this.#saveIfPossible();
    }
  }

  /** Counted first: an image that never comes up cannot count. */
  #switch(): void {
    const { boot } = this.#hal;
    this.#state.trials++;
    this.#journal.save();
    try {
      boot!.setNext();
    } catch (error) {
      this.#hal.log(`the bootloader refuses the image (${error})`);
      this.#revert("archive");
      return;
    }
    this.#restart();
  }

  #saveIfPossible(): void {
    try {
      this.#journal.save();
    } catch (error) {
      this.#hal.log(`updates: ${error}`);
    }
  }

  #restart(isReverting = false): void {
    if (this.#hasRestarted) return;
    this.#hasRestarted = true;
    this.#onRestart();
    if (!isReverting || !this.#reverts()) this.#hal.boot!.restart();
  }

  /** False when the bootloader knows of no trial, or of no way back: then the other slot is tried as any image is. */
  #reverts(): boolean {
    const { boot, log } = this.#hal;
    try {
      boot!.revert();
      return true;
    } catch (error) {
      log(`the bootloader does not go back (${error})`);
    }
    try {
      boot!.setNext();
    } catch (error) {
      log(`nor to the image before (${error})`);
    }
    return false;
  }

  get #state(): UpdateState {
    return this.#journal.state;
  }
}
