import { createRandom, type Random } from "./random";

/** What everything throws that needs power, from the cut on until it is restored. */
export class PowerLoss extends Error {
  override name = "PowerLoss";

  constructor() {
    super("the power is off");
  }
}

/** When the power goes: before an operation has changed anything, in the middle of it, or right after it. */
export type CutMoment = "before" | "torn" | "after";

export const cutMoments: readonly CutMoment[] = ["before", "torn", "after"];

/**
 * The supply of all that survives a boot: flash, key-value store and retained memory count their changes in one row,
 * so that a test can cut the power at each of them.
 */
export class Power {
  #operations = 0;
  #isOn = true;
  #cut: { operation: number; moment: CutMoment; seed: number | string } | undefined;

  /** How many changes have begun since this was made. */
  get operations(): number {
    return this.#operations;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** @param operation the change at which the power goes: 0 is the next one. `seed` says how a torn one looks. */
  cutAt(operation: number, moment: CutMoment, seed: number | string = 0): void {
    this.#cut = { operation: this.#operations + operation, moment, seed };
  }

  /** The power is back, and goes no more. */
  restore(): void {
    this.#isOn = true;
    this.#cut = undefined;
  }

  /** Throws while the power is off: whatever only reads calls this. */
  check(): void {
    if (!this.#isOn) throw new PowerLoss();
  }

  /**
   * One change.
   * @param whole makes it.
   * @param torn makes a part of it; without that, it is one that happens wholly or not at all.
   */
  change(whole: () => void, torn: (random: Random) => void = () => {}): void {
    this.check();
    const cut = this.#cut;
    if (this.#operations++ !== cut?.operation) {
      whole();
      return;
    }
    if (cut.moment === "torn") torn(createRandom(cut.seed));
    else if (cut.moment === "after") whole();
    this.#isOn = false;
    throw new PowerLoss();
  }
}
