import type { HouseSettings } from "../../hal-mocks/world/house";
import type { PlantSettings } from "../../hal-mocks/world/plant";
import type { StreamPlan } from "../../src/app/interface";
import { type Config, loadConfig } from "../../src/config";
import type { EnergyFields } from "./energy-settings";
import { blindSpans, liesOf, occurrencesOf, type Span } from "./occurrences";
import type { Scenario } from "./scenario";

/** One house of a scenario: what the simulator builds, and the judge looks at. */
export interface Household {
  device: string;
  house: HouseSettings;
  /** Its PV, battery and what else sensors look at. */
  plant: PlantSettings;
  /** Milliseconds after a full second at which its meter begins to speak. */
  offset: number;
  /** What its terminal's configuration overrides, but for the broker. */
  overrides: Record<string, unknown>;
  config: Config;
  /** What is to be sampled. */
  streams: StreamPlan[];
  /** By how much its sleep clock is fast, in parts per million. */
  driftPpm: number;
  /** The scenario's hardware, then its own. */
  energy: readonly EnergyFields[];
  /** Virtual Unix milliseconds between which all its time servers lie. */
  lies: { from: number; to: number }[];
  /** Virtual Unix milliseconds between which it hears of no time server. */
  blind: { from: number; to: number }[];
  /** Virtual Unix milliseconds. */
  start: number;
  end: number;
}

const DAY_MS = 86_400_000;

/** @param isBrokerElsewhere the networks go down in the broker's place. */
export function householdsOf(scenario: Scenario, isBrokerElsewhere = false): Household[] {
  const { seed, utcOffset, days } = scenario;
  const start = Date.parse(scenario.start);
  const end = start + days * DAY_MS;
  const occurrences = occurrencesOf(scenario);
  const inTime = ({ from, to }: Span) => ({ from: start + from, to: start + to });
  const lies = liesOf(scenario)
    .filter(({ server }) => server === undefined)
    .map(inTime);
  return scenario.terminals.map(({ device, config: own, house, plant, drift, energy }, index) => {
    const overrides = { ...own, device, phases: house.phases, utcOffset };
    const { config, streams } = loadConfig([{ from: "", values: overrides }]);
    return {
      device,
      house: { ...house, utcOffset, seed: `${seed} ${device}`, start },
      plant: { ...plant, utcOffset, seed: `${seed} ${device} plant`, start },
      // A meter's second is its own: each sends at another moment of it.
      offset: (index * 370) % 1000,
      overrides,
      config,
      streams,
      driftPpm: drift,
      energy: [scenario.energy, energy],
      lies,
      blind: blindSpans(device, occurrences, isBrokerElsewhere, days * DAY_MS).map(inTime),
      start,
      end,
    };
  });
}
