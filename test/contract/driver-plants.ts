import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import type { DriverSubject, SensorDriver } from "./drivers";
import type { Options } from "./rules";
import { type Mood, Stage } from "./stage";

/** What each planted fault changes of a well-behaved driver. */
export interface DriverFaults {
  believes?: Mood;
  saysNothingOf?: Mood;
  /** Gives it the wrong quality. */
  mistakes?: Mood;
  countsNothing?: boolean;
  namesNoChannel?: boolean;
  givesSampleAgain?: boolean;
  reusesSample?: boolean;
  leavesTimer?: boolean;
  callsBackInCall?: boolean;
  callsBackAfterClose?: boolean;
  neverComesBack?: boolean;
  namesNoField?: boolean;
  writesToOptions?: boolean;
}

/** Which rule finds which fault, and what it says of it. */
export const driverPlants: readonly [rule: string, faults: DriverFaults, finding: string][] = [
  ["givesChannelsOfTheRegistry", { namesNoChannel: true }, 'no channel is called "volts"'],
  ["givesEachSampleOnce", { givesSampleAgain: true }, "gives a sample again"],
  ["givesEachSampleOnce", { reusesSample: true }, "changes a sample that it has given"],
  ["saysThatItsDeviceIsSilent", { believes: "silent" }, "as good while its device is silent"],
  ["saysThatItsDeviceIsSilent", { saysNothingOf: "silent" }, "says nothing of a silent device"],
  ["saysThatItsDeviceIsSilent", { countsNothing: true }, "counts no silence"],
  ["saysThatItsDeviceIsSilent", { neverComesBack: true }, "gives no good sample when its device is back"],
  ["believesNoNonsense", { believes: "nonsense" }, "as good of nonsense"],
  ["believesNoNonsense", { saysNothingOf: "nonsense" }, "says nothing of nonsense"],
  ["refusesWhatCannotBe", { believes: "absurd" }, "as good of what cannot be"],
  ["refusesWhatCannotBe", { saysNothingOf: "absurd" }, "says nothing of what cannot be"],
  ["refusesWhatCannotBe", { mistakes: "absurd" }, "calls what cannot be malformed"],
  ["refusesWhatCannotBe", { countsNothing: true }, "counts nothing that cannot be"],
  ["refusesWhatIsStuck", { believes: "stuck" }, "as good of a device that is stuck"],
  ["refusesWhatIsStuck", { saysNothingOf: "stuck" }, "says nothing of a device that is stuck"],
  ["refusesWhatIsStuck", { countsNothing: true }, "counts nothing that is stuck"],
  ["closesInAnyState", { leavesTimer: true }, "close leaves 1 timers"],
  ["closesInAnyState", { callsBackAfterClose: true }, "calls back after close"],
  ["servesASleeper", { callsBackInCall: true }, "calls onSample from inside a public call"],
  ["refusesBadOptions", { namesNoField: true }, 'says "undefined" of sensor'],
  ["refusesBadConfigurations", { namesNoField: true }, 'says "undefined" of pollMs'],
  ["leavesOptionsAlone", { writesToOptions: true }, "Cannot add property"],
];

const POLL_MS = 100;
const QUALITIES = {
  well: "good",
  silent: "silent",
  nonsense: "malformed",
  absurd: "implausible",
  stuck: "implausible",
} as const;

class PlantedDriver implements SensorDriver {
  readonly identification = { model: "Planted", classification: "Test" };
  readonly counters = { good: 0, silent: 0, malformed: 0, implausible: 0, stuck: 0 };
  readonly #stage: Stage;
  readonly #faults: DriverFaults;
  readonly #onSample: (() => void) | undefined;
  readonly #kept: Sample = { quality: Quality.good };
  #sample: Sample | undefined;
  #timer;
  #isClosed = false;
  #wasSilent = false;

  constructor(stage: Stage, faults: DriverFaults, options: Options) {
    const { sensor, onSample, onError } = options;
    if (!faults.namesNoField) {
      if (!sensor) throw new TypeError("sensor is missing");
      for (const [name, callback] of Object.entries({ onSample, onError }))
        if (callback && typeof callback !== "function") throw new TypeError(`${name} is no function`);
    }
    if (faults.writesToOptions) (sensor as Options).opened = true;
    this.#stage = stage;
    this.#faults = faults;
    this.#onSample = typeof onSample === "function" ? (onSample as () => void) : undefined;
    if (faults.callsBackInCall) this.#onSample?.();
    this.#timer = stage.clock.set(() => this.#poll(), POLL_MS);
  }

  configure({ pollMs }: Options): void {
    if (pollMs !== undefined && !this.#faults.namesNoField) throw new RangeError("pollMs");
  }

  sample(): Sample | undefined {
    const sample = this.#sample;
    if (!this.#faults.givesSampleAgain) this.#sample = undefined;
    return sample;
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#faults.leavesTimer && !this.#faults.callsBackAfterClose) this.#stage.clock.clear(this.#timer);
    // Not one that is counted.
    if (this.#faults.callsBackAfterClose) this.#stage.world.set(() => this.#onSample?.(), POLL_MS);
  }

  #poll(): void {
    if (this.#isClosed) return;
    this.#timer = this.#stage.clock.set(() => this.#poll(), POLL_MS);
    const { mood } = this.#stage;
    const { believes, saysNothingOf, countsNothing, neverComesBack, reusesSample, namesNoChannel, mistakes } =
      this.#faults;
    this.#wasSilent ||= mood === "silent";
    if (saysNothingOf === mood || (neverComesBack && this.#wasSilent && mood === "well")) return;
    const isGood = mood === "well" || believes === mood;
    const name = isGood ? "good" : mistakes === mood ? "malformed" : QUALITIES[mood];
    if (!countsNothing) this.counters[name]++;
    if (!countsNothing && mood === "stuck") this.counters.stuck++;
    const values = namesNoChannel ? { volts: 1 } : { v: 230 };
    const sample: Sample = { quality: Quality[name], ticks: this.#stage.clock.ticks, ...values };
    this.#sample = reusesSample ? Object.assign(this.#kept, sample) : sample;
    this.#onSample?.();
  }
}

export function planted(faults: DriverFaults): DriverSubject {
  return {
    name: "planted",
    silence: "driver",
    patienceMs: 350,
    stuckMs: 300,
    create() {
      const stage = new Stage();
      return Object.assign(stage, {
        options: () => ({ sensor: { io: class {} }, clock: stage.clock }),
        open: (options: Options) => new PlantedDriver(stage, faults, options),
      });
    },
    badOptions: [],
    badConfigurations: [["pollMs", { pollMs: -1 }]],
  };
}
