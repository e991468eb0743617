import { House } from "../../hal-mocks/world/house";
import { columnsOf, type Stream } from "./streams";

const START = Date.UTC(2026, 5, 1);
const DAYS = 2;
const DAY_S = 86_400;

const SUMS = "t clock ei_t1 ei_t2 ee_t1 ee_t2 tariff pi pe";

/** A house of the simulation, as its P1 meter gives it: whole Wh, W and amperes. */
function stream(name: string, perFrame: number, period: number, phases: 1 | 3, pvW: number): Stream {
  const house = new House({ seed: name, start: START, phases, baseW: 300, pvW, utcOffset: 60 });
  const each = Array.from({ length: phases }, (_, phase) => phase + 1);
  const of = (channel: string) => each.map((phase) => `${channel}_l${phase}`).join(" ");
  const rows = Array.from({ length: (DAYS * DAY_S) / period }, (_, index) => {
    const time = START / 1000 + index * period;
    const state = house.at(time * 1000);
    const wh = [...state.importWh, ...state.exportWh].map(Math.floor);
    const sums = [time, time, ...wh, state.tariff, Math.round(state.importW), Math.round(state.exportW)];
    const parts = (part: (phase: (typeof state.phases)[number]) => number) =>
      state.phases.map((phase) => Math.round(part(phase)));
    return [
      ...sums,
      ...parts(({ v }) => v * 10),
      ...parts(({ i }) => i),
      ...parts(({ importW }) => importW),
      ...parts(({ exportW }) => exportW),
    ];
  });
  return {
    name,
    perFrame,
    columns: columnsOf(`${SUMS} ${of("v").replace(/(_l\d)/g, "$1@-1")} ${of("i")} ${of("pi")} ${of("pe")}`),
    rows,
  };
}

/** Of the project's own seeded world: a house with PV each minute, and one without each 10 s. */
export function worldStreams(): Stream[] {
  return [stream("PV x15", 15, 60, 3, 5200), stream("house x30", 30, 10, 1, 0)];
}
