import { expect, it } from "vitest";
import { VirtualClock } from "../../hal-mocks/clock";
import { Link } from "../../hal-mocks/link";
import { settle } from "../../hal-mocks/node/settle";
import { createNtp, type TimeServer } from "../../hal-mocks/ntp";
import { createRandom } from "../../hal-mocks/random";

const START = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const bus = { dns: { io: undefined }, socket: { io: undefined } };

function create(servers: Record<string, TimeServer> = { good: () => 0 }) {
  const clock = new VirtualClock(START, settle);
  const link = new Link({ resolveMs: 40, roundTripMs: 60, random: createRandom(1) });
  const Ntp = createNtp({ clock, link, servers: (name) => servers[name] });
  const answers: string[] = [];
  const asked = (...names: string[]) => {
    const client = new Ntp(Object.freeze({ servers: names, ...bus }));
    const { now } = clock;
    client.getTime((error, time) => {
      const what = error ? error.message : `${time! - now} ms`;
      answers.push(`${what} after ${clock.now - now}`);
    });
    return client;
  };
  return { clock, link, Ntp, answers, asked };
}

it("gives the whole second at which the server has sent its answer", async () => {
  const { clock, answers, asked } = create({ good: () => 0, ahead: () => 999 });
  asked("good");
  asked("ahead");
  expect(answers).toEqual([]);
  await clock.runUntil(START + 1000);
  expect(answers).toEqual(["0 ms after 100", "1000 ms after 100"]);
  answers.length = 0;
  await clock.runUntil(START + 1935);
  asked("good");
  await clock.runUntil(START + 3000);
  expect(answers).toEqual(["65 ms after 100"]);
});

it("lies as its server does, and for as long, also beyond the end of NTP's era", async () => {
  const lies = (now: number) => (now < START + HOUR ? -YEAR : 0);
  const { clock, answers, asked } = create({ lies, far: () => 20 * YEAR });
  asked("lies");
  asked("far");
  await clock.runUntil(START + HOUR);
  asked("lies");
  await clock.runUntil(START + 2 * HOUR);
  // As the SDK's, which takes 32 bits of seconds for those since 1900.
  const era = 2 ** 32 * 1000;
  expect(answers).toEqual([`${-YEAR} ms after 100`, `${20 * YEAR - era} ms after 100`, "0 ms after 100"]);
});

it("asks five times, each two seconds, then the next server, then says that there is no answer", async () => {
  const { clock, link, answers, asked } = create();
  asked("good");
  await clock.runUntil(START + 50);
  link.down();
  await clock.runUntil(START + 60_000);
  expect(answers).toEqual(["ntp: no answer after 10040"]);
  answers.length = 0;
  asked("unknown", "good");
  await clock.runUntil(START + 3_060_000);
  link.up();
  asked("unknown", "good");
  await clock.runUntil(START + 3_100_000);
  expect(answers).toEqual(["ntp: no answer after 8000", "0 ms after 140"]);
});

it("gets over lost packets by asking again", async () => {
  const { clock, link, answers, asked } = create();
  link.loss = 0.2;
  for (let index = 0; index < 100; index++) asked("good");
  await clock.runUntil(START + 60_000);
  const late = answers.filter((line) => line !== "0 ms after 100");
  expect(answers.length).toBe(100);
  expect(late.length).toBeGreaterThan(30);
  expect(late).toContain("1000 ms after 1100");
  expect(late).toContain("2000 ms after 2100");
});

it("says nothing any more when it is closed, or when its terminal is gone", async () => {
  const { clock, link, answers, asked } = create();
  const client = asked("good");
  expect(() => client.getTime(() => {})).toThrow("in use");
  client.close();
  client.close();
  expect(() => client.getTime(() => {})).toThrow("closed");
  const other = asked("good");
  await clock.runUntil(START + 60);
  link.reset();
  await clock.runUntil(START + 60_000);
  expect(() => other.getTime(() => {})).toThrow("closed");
  expect(answers).toEqual([]);
});

it("can be asked again, also from its answer", async () => {
  const { clock, Ntp } = create();
  const client = new Ntp({ servers: ["good"], ...bus });
  const times: (number | undefined)[] = [];
  client.getTime((_error, first) => {
    times.push(first);
    client.getTime((_again, second) => times.push(second));
  });
  await clock.runUntil(START + 5000);
  expect(times).toEqual([START, START]);
});
