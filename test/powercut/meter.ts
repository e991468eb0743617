import type { MeterValues } from "../../hal-mocks/chips/p1-meter";
import { createRandom } from "../../hal-mocks/random";

const LARGEST_WH = 1e9;
const LARGEST_W = 40_000;
const PHASES = 3;

/**
 * What the meter says in one second: known to whoever asks, and different in every second and column, so that a value
 * in the wrong place is seen, and that frames are long. Its registers are noise; the node's own are what is checked.
 */
export function meterAt(second: number): MeterValues {
  const random = createRandom(second);
  const registers = (): [number, number] => [random.below(LARGEST_WH), random.below(LARGEST_WH)];
  return {
    tariff: 1 + random.below(2),
    importWh: registers(),
    exportWh: registers(),
    importW: random.below(LARGEST_W),
    exportW: random.below(LARGEST_W),
    phases: Array.from({ length: PHASES }, () => ({
      v: 200 + random.below(600) / 10,
      i: random.below(60),
      importW: random.below(LARGEST_W),
      exportW: random.below(LARGEST_W),
    })),
  };
}

/** The same under the names that a reading has. */
export function channelsAt(second: number): Record<string, number> {
  const { tariff, importWh, exportWh, importW, exportW, phases } = meterAt(second);
  const channels: Record<string, number> = {
    ...{ clock: second, tariff, pi: importW, pe: exportW },
    ...{ ei_t1: importWh[0], ei_t2: importWh[1], ee_t1: exportWh[0], ee_t2: exportWh[1] },
  };
  phases.forEach((phase, index) => {
    const of = (name: string) => `${name}_l${index + 1}`;
    channels[of("v")] = phase.v;
    channels[of("i")] = phase.i;
    channels[of("pi")] = phase.importW;
    channels[of("pe")] = phase.exportW;
  });
  return channels;
}
