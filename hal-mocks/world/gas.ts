import { DAY_MS, HOUR_MS } from "./step";

/** A boiler's day in UTC, and what it burns by day and by night, in m³ an hour. */
const MORNING_HOUR = 5;
const EVENING_HOUR = 21;
const BY_DAY = 0.5;
const BY_NIGHT = 0.1;
const A_DAY = BY_NIGHT * 24 + (BY_DAY - BY_NIGHT) * (EVENING_HOUR - MORNING_HOUR);
/** When the meter began at 0. */
const INSTALLED = Date.UTC(2020, 0, 1);

/** What a house's gas meter shows at `time` (Unix milliseconds), in m³. */
export function gasAt(time: number): number {
  const days = Math.floor((time - INSTALLED) / DAY_MS);
  const hour = (time - INSTALLED - days * DAY_MS) / HOUR_MS;
  const warm = Math.min(Math.max(hour - MORNING_HOUR, 0), EVENING_HOUR - MORNING_HOUR);
  return days * A_DAY + hour * BY_NIGHT + warm * (BY_DAY - BY_NIGHT);
}
