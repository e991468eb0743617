import type { HouseSettings } from "../../hal-mocks/world/house";
import { loadConfig } from "../../src/config";
import type { Scenario } from "./scenario";

/** One house of a scenario: what the simulator builds, and the judge looks at. */
export interface Household {
  device: string;
  house: HouseSettings;
  /** Milliseconds after a full second at which its meter begins to speak. */
  offset: number;
  /** What its terminal's configuration overrides, but for the broker. */
  overrides: Record<string, unknown>;
  sampleMs: number;
  baud: number;
  /** Virtual Unix milliseconds. */
  start: number;
  end: number;
}

const DAY_MS = 86_400_000;

export function householdsOf(scenario: Scenario): Household[] {
  const { seed, utcOffset, days } = scenario;
  const start = Date.parse(scenario.start);
  return scenario.terminals.map(({ device, config, house }, index) => {
    const overrides = { ...config, device, phases: house.phases, utcOffset };
    const { sampleMs, p1Baud } = loadConfig([{ from: "", values: overrides }]).config;
    return {
      device,
      house: { ...house, utcOffset, seed: `${seed} ${device}`, start },
      // A meter's second is its own: each sends at another moment of it.
      offset: (index * 370) % 1000,
      overrides,
      sampleMs,
      baud: p1Baud,
      start,
      end: start + days * DAY_MS,
    };
  });
}
