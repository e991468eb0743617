import { type Activity, GROUPS, type Group } from "../../hal-mocks/energy/activity";
import { chipTitles } from "../../hal-mocks/energy/published";
import { short } from "./energy-print";
import type { EnergyReport } from "./energy-report";
import { Svg } from "./svg";

/** Virtual Unix microseconds, and milliamperes. */
export interface Stretch {
  state: string;
  from: number;
  to: number;
  mA: number;
}

export interface Timeline {
  begin: number;
  end: number;
  stretches: Stretch[];
}

const WIDTH = 1000;
const HEIGHT = 666;
const LEFT = 60;
const RIGHT = 20;
const DAY_TOP = 84;
const PANEL_HEIGHT = 220;
const WAKE_TOP = 396;
/** Beside the wake stands what it is made of. */
const WAKE_RIGHT = 290;
const US_PER_S = 1e6;

const COLORS: Readonly<Record<Group, string>> = {
  sleep: "#a9b4c0",
  boot: "#e58a1f",
  awake: "#4a90d9",
  join: "#c0392b",
  session: "#8e5bb5",
  associated: "#2a9d8f",
  other: "#777777",
};
/** What stands beside others of its group. */
const OWN_COLORS: Readonly<Record<string, string>> = {
  transmit: "#4a235a",
  "derive key": "#7b241c",
  address: "#d98880",
};

function colorOf(state: string): string {
  return OWN_COLORS[state] ?? COLORS[GROUPS[state as Activity] ?? "other"];
}

/** A day of a chip's current, and one wake of it enlarged. */
export function drawTimeline(device: string, day: Timeline, energy: EnergyReport): string {
  const svg = new Svg(WIDTH, HEIGHT);
  const mAh = energy.mAhPerDay ?? energy.known;
  const bound = energy.mAhPerDay ? "" : "at least ";
  svg.text(
    LEFT,
    26,
    `${device}: ${chipTitles[energy.chip]}, ${bound}${short(mAh.typical)} mAh a day`,
    "start",
    17,
  );
  drawDay(svg, day, energy);
  drawWake(svg, day);
  return svg.toString();
}

// ---- The day ----

const STACK: readonly Group[] = ["sleep", "boot", "awake", "associated", "join", "session"];

/** Of one column: microseconds, and milliamperes times microseconds by group. */
interface Column {
  us: number;
  groups: Map<Group, number>;
}

function columnsOf({ begin, end, stretches }: Timeline, count: number): Column[] {
  const columns = Array.from({ length: count }, (): Column => ({ us: 0, groups: new Map() }));
  const width = (end - begin) / count;
  for (const { state, from, to, mA } of stretches) {
    const group = GROUPS[state as Activity] ?? "other";
    const last = Math.min(Math.floor((to - 1 - begin) / width), count - 1);
    for (let index = Math.max(Math.floor((from - begin) / width), 0); index <= last; index++) {
      const { groups } = columns[index];
      const left = Math.max(from, begin + index * width);
      const us = Math.min(to, begin + (index + 1) * width) - left;
      columns[index].us += us;
      groups.set(group, (groups.get(group) ?? 0) + us * mA);
    }
  }
  return columns;
}

function meanOf({ us, groups }: Column): number {
  let charge = 0;
  for (const part of groups.values()) charge += part;
  return us ? charge / us : 0;
}

function drawDay(svg: Svg, day: Timeline, energy: EnergyReport): void {
  const width = WIDTH - LEFT - RIGHT;
  const columns = columnsOf(day, width);
  const means = columns.map(meanOf).sort((a, b) => a - b);
  // The first session has more to do, and would press all others flat.
  const highest = means[Math.floor(means.length * 0.99)];
  const step = niceStep(highest, 5);
  const top = step * Math.ceil(highest / step) || step;
  const y = (mA: number) => DAY_TOP + PANEL_HEIGHT * (1 - Math.min(mA / top, 1));
  const cut = means[means.length - 1] > top ? `; cut off at ${top} mA` : "";
  svg.text(LEFT, 48, `Its mean current in mA, each column ${Math.round(columnSeconds(day, width))} s${cut}`);
  drawLegend(svg, energy);
  drawScale(svg, top, step, y, WIDTH - RIGHT);
  for (const [index, { us, groups }] of columns.entries()) {
    let below = 0;
    for (const group of STACK) {
      const mA = us ? (groups.get(group) ?? 0) / us : 0;
      if (mA) svg.column(LEFT + index, y(below + mA), y(below) - y(below + mA), COLORS[group]);
      below += mA;
    }
  }
  for (let hour = 0; hour <= 24; hour += 3) drawHour(svg, day, hour, width);
  svg.text(LEFT + width / 2, DAY_TOP + PANEL_HEIGHT + 38, "UTC", "middle");
}

function columnSeconds({ begin, end }: Timeline, count: number): number {
  return (end - begin) / count / US_PER_S;
}

function drawLegend(svg: Svg, { groups }: EnergyReport): void {
  let x = LEFT;
  for (const group of STACK) {
    if (!groups[group]) continue;
    svg.rect(x, 59, 11, 11, COLORS[group]);
    svg.text(x + 17, 69, `${group} ${short(groups[group])} mAh`);
    x += 156;
  }
}

function drawScale(svg: Svg, top: number, step: number, y: (mA: number) => number, right: number): void {
  for (let index = 0; index * step <= top * 1.0001; index++) {
    const mA = index * step;
    svg.line(LEFT, y(mA), right, y(mA));
    svg.text(LEFT - 8, y(mA) + 4, String(Number(mA.toPrecision(3))), "end");
  }
}

function drawHour(svg: Svg, { begin, end }: Timeline, hour: number, width: number): void {
  const at = new Date((begin + (hour / 24) * (end - begin)) / 1000);
  const x = LEFT + (hour / 24) * width;
  const bottom = DAY_TOP + PANEL_HEIGHT;
  svg.line(x, bottom, x, bottom + 5, "#555");
  svg.text(x, bottom + 20, at.toISOString().slice(11, 16), hour === 24 ? "end" : "middle");
}

/** So that there are at most `count` steps. */
function niceStep(length: number, count: number): number {
  for (let step = 1e-6; ; step *= 10)
    for (const factor of [1, 2, 5]) if (length / (step * factor) <= count) return step * factor;
}

// ---- One wake ----

/** Between sleeps, or between the naps of a radio that stays associated. */
function wakesOf({ stretches, end }: Timeline): Stretch[][] {
  const wakes: Stretch[][] = [];
  let wake: Stretch[] = [];
  for (const stretch of stretches) {
    const isRest = stretch.state === "deep sleep" || stretch.state === "associated";
    if (!isRest && stretch.to <= end) wake.push(stretch);
    else if (wake.length) {
      wakes.push(wake);
      wake = [];
    }
  }
  return wake.length ? [...wakes, wake] : wakes;
}

function chargeOf(wake: readonly Stretch[]): number {
  return wake.reduce((sum, { from, to, mA }) => sum + ((to - from) / US_PER_S) * mA, 0);
}

/** The middle one, by charge, of those that sent something; but for the first, which has more to do. */
function typicalWake(day: Timeline): Stretch[] | undefined {
  const [first, ...later] = wakesOf(day);
  const wakes = later.length ? later : first ? [first] : [];
  const sending = wakes.filter((wake) => wake.some(({ state }) => state === "transmit"));
  const sorted = (sending.length ? sending : wakes).sort((a, b) => chargeOf(a) - chargeOf(b));
  return sorted[Math.floor(sorted.length / 2)];
}

function drawWake(svg: Svg, day: Timeline): void {
  const wake = typicalWake(day);
  if (!wake) return;
  const [{ from }] = wake;
  const { to } = wake[wake.length - 1];
  const width = WIDTH - LEFT - WAKE_RIGHT;
  const x = (at: number) => LEFT + ((at - from) / (to - from)) * width;
  const bottom = WAKE_TOP + PANEL_HEIGHT;
  const highest = Math.max(...wake.map(({ mA }) => mA));
  const top = Math.ceil(highest / 100) * 100;
  const y = (mA: number) => bottom - (mA / top) * PANEL_HEIGHT;
  const begun = new Date(from / 1000).toISOString().slice(11, 23);
  const isWake = wake.some(({ state }) => state === "boot");
  svg.text(LEFT, WAKE_TOP - 16, `mA, ${isWake ? "in the wake" : "while the radio is on,"} from ${begun} on`);
  drawScale(svg, top, niceStep(top, 5), y, LEFT + width);
  for (const stretch of wake) {
    const left = x(stretch.from);
    svg.rect(
      left,
      y(stretch.mA),
      Math.max(x(stretch.to) - left, 0.5),
      bottom - y(stretch.mA),
      colorOf(stretch.state),
    );
  }
  const ms = (to - from) / 1000;
  const tick = niceStep(ms, 8);
  for (let at = 0; at <= ms; at += tick) {
    svg.line(x(from + at * 1000), bottom, x(from + at * 1000), bottom + 5, "#555");
    svg.text(x(from + at * 1000), bottom + 20, String(Math.round(at * 1000) / 1000), "middle");
  }
  svg.text(LEFT + width / 2, bottom + 38, "ms", "middle");
  drawParts(svg, wake);
}

function drawParts(svg: Svg, wake: readonly Stretch[]): void {
  const parts = new Map<string, { us: number; mC: number }>();
  for (const { state, from, to, mA } of wake) {
    const part = parts.get(state) ?? { us: 0, mC: 0 };
    part.us += to - from;
    part.mC += ((to - from) / US_PER_S) * mA;
    parts.set(state, part);
  }
  const left = WIDTH - WAKE_RIGHT + 24;
  const columns = [left + 18, left + 165, left + 235] as const;
  svg.text(columns[1], WAKE_TOP, "ms", "end");
  svg.text(columns[2], WAKE_TOP, "mC", "end");
  let y = WAKE_TOP + 18;
  const row = (name: string, us: number, mC: number, color?: string) => {
    if (color) svg.rect(left, y - 10, 11, 11, color);
    svg.text(columns[0], y, name);
    svg.text(columns[1], y, (us / 1000).toFixed(1), "end");
    svg.text(columns[2], y, mC.toFixed(2), "end");
    y += 18;
  };
  for (const [state, { us, mC }] of parts) row(state, us, mC, colorOf(state));
  row(
    "together",
    [...parts.values()].reduce((sum, { us }) => sum + us, 0),
    chargeOf(wake),
  );
}
