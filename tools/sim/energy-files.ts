import type { AnySegment } from "../../hal-mocks/energy/account";
import { chargeOf, currentOf } from "../../hal-mocks/energy/charges";
import { isKnown } from "../../hal-mocks/energy/figure";
import type { EnergySettings } from "../../hal-mocks/energy/settings";
import { drawTimeline, type Timeline } from "./energy-svg";
import type { TextFiles } from "./files";
import type { Report } from "./simulation";

const HEAD = "time,consumer,state,ms,mA,mC\n";
const US_PER_MS = 1000;
const US_PER_S = 1e6;
const DAY_US = 86_400_000 * US_PER_MS;
/** A picture of each house of a town nobody looks at; and each keeps a day in memory. */
const MOST_PICTURES = 20;

/**
 * Writes the power-state timeline of each terminal as `<device>-power.csv`, in which milliamperes are typical ones and the
 * millicoulombs add up to its charge, and draws its first day as `<device>-power.svg`.
 */
export class PowerFiles {
  readonly #files: TextFiles;
  readonly #settings: (device: string) => EnergySettings;
  readonly #days = new Map<string, Timeline>();

  constructor(files: TextFiles, settings: (device: string) => EnergySettings) {
    this.#files = files;
    this.#settings = settings;
  }

  write(device: string, segment: AnySegment): void {
    const settings = this.#settings(device);
    const { consumer, state, from, to } = segment;
    if (consumer === "flash" && state === "off") return;
    const mC = chargeOf(segment, settings);
    const mA = consumer === "board" ? undefined : currentOf(consumer, state, settings);
    const row = [
      new Date(from / US_PER_MS).toISOString(),
      consumer,
      state,
      (to - from) / US_PER_MS,
      mA && isKnown(mA) ? rounded(mA.typical) : "",
      mC ? rounded(mC.typical) : "",
    ];
    this.#files.append(`${device}-power.csv`, `${row.join()}\n`, HEAD);
    if (consumer === "chip") this.#keep(device, segment, settings);
  }

  #keep(device: string, { state, from, to }: AnySegment, settings: EnergySettings): void {
    let day = this.#days.get(device);
    if (!day && this.#days.size < MOST_PICTURES) {
      // The first boot lies before the first second.
      const begin = Math.ceil(from / US_PER_S) * US_PER_S;
      day = { begin, end: begin + DAY_US, stretches: [] };
      this.#days.set(device, day);
    }
    if (!day || from >= day.end) return;
    const mA = currentOf("chip", state, settings);
    day.stretches.push({ state, from, to, mA: isKnown(mA) ? mA.typical : 0 });
  }

  /** Draws. */
  finish({ terminals }: Report): void {
    for (const { device, energy } of terminals) {
      const day = this.#days.get(device);
      if (day) this.#files.append(`${device}-power.svg`, drawTimeline(device, day, energy));
    }
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
