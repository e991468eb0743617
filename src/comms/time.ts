/** Seconds from NTP's first day, 1 January 1900, to Unix's (RFC 5905 §A.4). */
const NTP_TO_UNIX_S = 2_208_988_800;
const ERA_MS = 2 ** 32 * 1000;
/** 1 January 2024. No node has been running earlier: a clock that shows less has never been set. */
export const EARLIEST_MS = 1_704_067_200_000;

/**
 * Unix time in milliseconds from what an SNTP client says, which takes all time stamps for the era that ends on
 * 7 February 2036 (RFC 5905 §6). Undefined for the time stamp 0, which says that there is none (§7.3).
 */
export function unixTime(ntpTime: number): number | undefined {
  if (!Number.isFinite(ntpTime) || ntpTime === -NTP_TO_UNIX_S * 1000) return undefined;
  return ntpTime < EARLIEST_MS ? ntpTime + ERA_MS : ntpTime;
}
