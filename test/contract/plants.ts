import type { VirtualClock } from "../../hal-mocks/clock";
import type { Options } from "./rules";
import type { Device } from "./subjects";

/** What each planted fault changes of a well-behaved class. */
export interface Faults {
  skipsChecks?: boolean;
  opensBeforeChecks?: boolean;
  callsBackWhenRefused?: boolean;
  writesToOptions?: boolean;
  throwsOnSecondClose?: boolean;
  keepsThePort?: boolean;
  callsBackInConstructor?: boolean;
  callsBackInUse?: boolean;
  callsBackInClose?: boolean;
  callsBackLate?: boolean;
  neverCallsBack?: boolean;
}

/** Which rule finds which fault, and what it says of it. */
export const plants: readonly [rule: string, faults: Faults, finding: string][] = [
  ["refusesBadOptions", { skipsChecks: true }, "accepts pin 2"],
  ["refusesBadOptions", { opensBeforeChecks: true }, "does not open after pin 2 was refused: Error: in use"],
  ["refusesBadOptions", { callsBackWhenRefused: true }, "calls onDone of a refused instance"],
  ["leavesOptionsAlone", { writesToOptions: true }, "TypeError: Cannot add property opened"],
  ["closesTwice", { throwsOnSecondClose: true }, "close throws: Error: closed"],
  ["closesTwice", { keepsThePort: true }, "does not open after close: Error: in use"],
  ["neverCallsBackInside", { callsBackInConstructor: true }, "calls onDone from inside a public call"],
  ["neverCallsBackInside", { callsBackInUse: true }, "calls onDone from inside a public call"],
  ["neverCallsBackInside", { callsBackInClose: true }, "calls onDone from inside a public call"],
  ["neverCallsBackInside", { neverCallsBack: true }, "has not called onDone"],
  ["silentAfterClose", { callsBackLate: true }, "calls onDone after close"],
];

/** A class of its own, so that two worlds do not share its port. */
export function createDevice(faults: Faults, clock: VirtualClock): new (options: Options) => Device {
  let inUse = false;

  return class implements Device {
    #onDone: (() => void) | undefined;
    #closed = false;

    constructor(options: Options) {
      if (faults.opensBeforeChecks) this.#take();
      this.#onDone = options.onDone as (() => void) | undefined;
      if (!faults.skipsChecks && options.pin !== 1) this.#refuse();
      if (!faults.opensBeforeChecks) this.#take();
      if (faults.writesToOptions) options.opened = true;
      if (faults.callsBackInConstructor) this.#onDone?.();
    }

    use(): void {
      if (faults.callsBackInUse) this.#onDone?.();
      else if (!faults.neverCallsBack) clock.set(() => this.#done(), 5);
    }

    close(): void {
      if (this.#closed && faults.throwsOnSecondClose) throw new Error("closed");
      if (!this.#closed && !faults.keepsThePort) inUse = false;
      if (!this.#closed && faults.callsBackInClose) this.#onDone?.();
      this.#closed = true;
    }

    #take(): void {
      if (inUse) throw new Error("in use");
      inUse = true;
    }

    #refuse(): never {
      if (faults.callsBackWhenRefused) clock.set(() => this.#done(), 5);
      throw new RangeError("pin");
    }

    #done(): void {
      if (!this.#closed || faults.callsBackLate) this.#onDone?.();
    }
  };
}
