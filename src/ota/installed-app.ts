import type { Hal } from "../hal";
import type { Journal } from "./journal";
import { type Refusal, RefusedUpdate } from "./refusal";
import { appPartition, copyImage, digestOf, holds, MAPPED, withFlash } from "./slots";
import { Mapping, NO_SLOT, type UpdateState } from "./state";

/** Copies in a row that did not come to run: more say that the platform does not tell a restart from a loss of power. */
const MOST_COPIES = 5;
/** An archive of the SDK begins with its length, big-endian. */
const LENGTH_BYTES = 4;

/**
 * The app that runs: the engine takes it from the partition `xs` alone, and rewrites it there when it sees it first. A
 * loss of power while it does so leaves half of it rewritten, marked as done (SDK 8.2, fxMapArchive). So each app is
 * kept as it came in a slot of its own. What is in `xs` counts as whole when the boot that has let the engine rewrite
 * it came directly from our restart; what it was then, it must be at each later start, or it is copied again.
 */
export class InstalledApp {
  readonly #hal: Hal;
  readonly #journal: Journal;
  readonly #state: UpdateState;

  constructor(hal: Hal, journal: Journal) {
    this.#hal = hal;
    this.#journal = journal;
    this.#state = journal.state;
  }

  /**
   * Brings the app of a slot to where it runs.
   * @returns `ready`; `restart` when that is what it takes now; why it cannot be.
   */
  bring(slot: number, byteLength: number, digest: Uint8Array): "ready" | "restart" | Refusal {
    const { storage, crypto, resetReason } = this.#hal;
    const state = this.#state;
    const isThere = state.mappedSlot === slot && state.mappedBytes === byteLength;
    if (isThere && state.mapping === Mapping.copied && resetReason === "software") this.#accept();
    if (isThere && state.mapping === Mapping.mapped && this.#isAsMapped()) return "ready";
    const flash = storage.flash!;
    state.mapping = Mapping.none;
    if (state.copies >= MOST_COPIES) {
      state.copies = 0;
      this.#journal.save();
      return "hung";
    }
    const path = appPartition(slot);
    const isKept = holds(flash, { path, byteLength, digest }, crypto!);
    if (isKept) state.copies++;
    this.#journal.save();
    if (!isKept) return "digest";
    if (!copyImage(flash, path, MAPPED, byteLength)) return "worn";
    state.mapping = Mapping.copied;
    state.mappedSlot = slot;
    state.mappedBytes = byteLength;
    this.#journal.save();
    return "restart";
  }

  /**
   * Keeps an app that was there before the first update: it runs here, so it can be copied as it is.
   * @throws RefusedUpdate `worn`.
   */
  adopt(slot: number, base: number): void {
    const { storage, crypto } = this.#hal;
    const flash = storage.flash!;
    const state = this.#state;
    if (state.appSlot !== NO_SLOT || state.mapping !== Mapping.none) return;
    const [byteLength, digest] = withFlash(flash, MAPPED, (mapped) => {
      const { size } = mapped.status();
      const length = new DataView(mapped.read(LENGTH_BYTES, 0)).getUint32(0);
      if (length <= LENGTH_BYTES || length > size) return [0, undefined] as const;
      return [length, digestOf(mapped, length, crypto!)] as const;
    });
    if (!digest) return;
    if (!copyImage(flash, MAPPED, appPartition(slot), byteLength)) throw new RefusedUpdate("worn");
    state.appSlot = slot;
    state.appBytes = byteLength;
    state.appBase = base;
    state.appDigest = digest;
  }

  /** Takes the app away. It must not be loaded in this boot any more. */
  clear(): void {
    withFlash(this.#hal.storage.flash!, MAPPED, (flash) => flash.eraseBlock(0));
    this.#state.mapping = Mapping.none;
    this.#state.mappedSlot = NO_SLOT;
    this.#journal.save();
  }

  /** The boot that we have asked for: nothing has come between, so all is rewritten. */
  #accept(): void {
    const { storage, crypto } = this.#hal;
    const state = this.#state;
    state.mappedDigest = withFlash(storage.flash!, MAPPED, (flash) =>
      digestOf(flash, state.mappedBytes, crypto!),
    );
    state.mapping = Mapping.mapped;
    state.copies = 0;
    this.#journal.save();
  }

  #isAsMapped(): boolean {
    const { storage, crypto } = this.#hal;
    const { mappedBytes: byteLength, mappedDigest: digest } = this.#state;
    return holds(storage.flash!, { path: MAPPED, byteLength, digest }, crypto!);
  }
}
