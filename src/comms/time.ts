import type { Clock, Hal, NtpClient } from "../hal";
import type { TimeAnswer } from "../lowpower/timekeeper";

/** Seconds from NTP's first day, 1 January 1900, to Unix's (RFC 5905 §A.4). */
const NTP_TO_UNIX_S = 2_208_988_800;
const ERA_MS = 2 ** 32 * 1000;
/** 1 January 2024. No node has been running earlier: a server that says less has never been set itself. */
const EARLIEST_MS = 1_704_067_200_000;
/** The SDK's client cuts off the fraction of a second. */
const HALF_SECOND_MS = 500;
/** The SDK's client asks a server again after 2 s. */
const SERVER_TIMEOUT_MS = 2_500;
/** A network in which nobody answers for so long has no time for us, and the session is to go on. */
const PATIENCE_MS = 4_000;

/**
 * Unix time in milliseconds from what an SNTP client says, which takes all time stamps for the era that ends on
 * 7 February 2036 (RFC 5905 §6). Undefined for the time stamp 0, which says that there is none (§7.3).
 */
export function unixTime(ntpTime: number): number | undefined {
  if (!Number.isFinite(ntpTime) || ntpTime === -NTP_TO_UNIX_S * 1000) return undefined;
  return ntpTime < EARLIEST_MS ? ntpTime + ERA_MS : ntpTime;
}

/**
 * Asks one server after the other until one says what our own clock explains, or two say the same.
 * @returns undefined when none has answered, or when no two agree of those that have.
 */
export async function askTime(
  ntp: NonNullable<Hal["network"]["ntp"]>,
  clock: Clock,
  servers: readonly string[],
  isExplained: (answer: TimeAnswer) => boolean,
): Promise<TimeAnswer | undefined> {
  const answers: TimeAnswer[] = [];
  const began = clock.ticks;
  for (const server of servers) {
    const answer = await askServer(ntp, clock, server);
    if (!answer && clock.ticks - began > PATIENCE_MS) break;
    if (!answer) continue;
    if (isExplained(answer)) return answer;
    if (answers.some((other) => agree(other, answer))) return { ...answer, isConfirmed: true };
    answers.push(answer);
  }
  return answers.length === 1 ? answers[0] : undefined;
}

function agree(one: TimeAnswer, other: TimeAnswer): boolean {
  const apart = one.time - one.ticks - (other.time - other.ticks);
  return Math.abs(apart) <= one.errorMs + other.errorMs;
}

/** Undefined when it has not answered in time, or has said what cannot be. */
async function askServer(
  { io, dns, socket }: NonNullable<Hal["network"]["ntp"]>,
  clock: Clock,
  server: string,
): Promise<TimeAnswer | undefined> {
  const asked = clock.ticks;
  let client: NtpClient | undefined;
  const said = await new Promise<number | undefined>((resolve) => {
    const timer = clock.set(() => resolve(undefined), SERVER_TIMEOUT_MS);
    const end = (time?: number) => {
      clock.clear(timer);
      resolve(time);
    };
    try {
      client = new io({ servers: [server], dns, socket });
      client.getTime((_error, time) => end(time));
    } catch {
      end();
    }
  });
  try {
    client?.close();
  } catch {
    // There is nothing left to do.
  }
  const time = said === undefined ? undefined : unixTime(said);
  if (time === undefined) return undefined;
  const halfTrip = Math.ceil((clock.ticks - asked) / 2);
  // Cut off to the second, it was half a second more in the middle of what it may have been.
  return {
    ticks: clock.ticks,
    time: time + HALF_SECOND_MS + halfTrip,
    errorMs: HALF_SECOND_MS + halfTrip,
    isConfirmed: false,
  };
}
