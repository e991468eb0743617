// What Texas Instruments' INA226 and INA228 have in common.

/** Both address pins low. */
export const INA_ADDRESS = 0x40;
export const INA_HZ = 400_000;
/** What the register of the manufacturer says, in both: TI. */
export const TEXAS_INSTRUMENTS = 0x5449;
/** Of how many conversions a measurement is the mean, by the code of it. */
export const INA_AVERAGES: readonly number[] = [1, 4, 16, 64, 128, 256, 512, 1024];

/** A timer may be a millisecond early. */
const TIMER_MS = 1;

/** How long a measurement takes at most. @param conversionsMs what the conversions of one take together, at most. */
export function measurementMs(averages: number, conversionsMs: number): number {
  return Math.ceil(averages * conversionsMs) + TIMER_MS;
}
