import { createRandom } from "../../hal-mocks/random";
import type { Reset, Scenario, ScenarioEvent, Way } from "./scenario";

/** One thing that happens, once; `at` is in milliseconds after the start. */
export type Occurrence = { at: number } & (
  | { broker: 1 | 2; way: Way }
  | { device: string; link: "network" | "wifi"; way: Way }
  /** Of all terminals where there is no `device`. */
  | { device?: string; reset: Reset }
  | { device?: string; loss: number }
);

/** What goes down and up. */
type Turned = { broker: 1 | 2 } | { device: string; link: "network" | "wifi" };

/** Between two moments, in milliseconds after the start. */
export interface Span {
  from: number;
  to: number;
}

/** A time server that lies, or all of them. */
export interface Lie extends Span {
  server?: string;
  offsetMs: number;
}

const DAY_MS = 86_400_000;

/** When an event happens: once, or again and again until the end. */
function momentsOf(
  { at, every, jitter = 0 }: ScenarioEvent,
  index: number,
  { seed, days }: Scenario,
): number[] {
  if (every === undefined) return [at];
  const random = createRandom(`${seed} event ${index}`);
  const moments: number[] = [];
  for (let moment = at; moment < days * DAY_MS; moment += every) {
    moments.push(moment + Math.floor(random.unit() * jitter));
  }
  return moments;
}

/** Everything that happens in a scenario, but for what time servers say. */
export function occurrencesOf(scenario: Scenario): Occurrence[] {
  return scenario.events.flatMap((event, index) =>
    momentsOf(event, index, scenario).flatMap((at) => occurrencesAt(at, event, scenario.loss)),
  );
}

function occurrencesAt(at: number, event: ScenarioEvent, usualLoss: number): Occurrence[] {
  const { device, broker, broker2, network, wifi, reset, loss } = event;
  const ends = event.for === undefined ? undefined : at + event.for;
  const list: Occurrence[] = [];
  const turn = (way: Way | undefined, what: Turned) => {
    if (way) list.push({ at, way, ...what });
    if (way && ends !== undefined) list.push({ at: ends, way: "up", ...what });
  };
  turn(broker, { broker: 1 });
  turn(broker2, { broker: 2 });
  turn(network, { device: device!, link: "network" });
  turn(wifi, { device: device!, link: "wifi" });
  if (reset) list.push({ at, device, reset });
  if (loss !== undefined) list.push({ at, device, loss });
  if (loss !== undefined && ends !== undefined) list.push({ at: ends, device, loss: usualLoss });
  return list;
}

/** What time servers say that is not so. */
export function liesOf(scenario: Scenario): Lie[] {
  return scenario.events.flatMap((event, index) => {
    const { time } = event;
    if (!time) return [];
    return momentsOf(event, index, scenario).map((from) => ({
      from,
      to: from + event.for!,
      server: time.server,
      offsetMs: time.offset * 1000,
    }));
  });
}

/**
 * When a terminal has no network, in the order of time.
 * @param withBroker it has none either while the broker is down.
 */
export function blindSpans(
  device: string,
  occurrences: readonly Occurrence[],
  withBroker: boolean,
  end: number,
): Span[] {
  const changes: { at: number; link: string; way: Way }[] = [];
  for (const one of occurrences) {
    if ("link" in one && one.device === device) changes.push(one);
    else if ("broker" in one && withBroker) changes.push({ ...one, link: "network" });
  }
  changes.sort((a, b) => a.at - b.at);
  const down = new Set<string>();
  const spans: Span[] = [];
  let from = 0;
  for (const { at, link, way } of changes) {
    const was = down.size;
    if (way === "down") down.add(link);
    else down.delete(link);
    if (!was && down.size) from = at;
    if (was && !down.size) spans.push({ from, to: at });
  }
  if (down.size) spans.push({ from, to: end });
  return spans;
}
