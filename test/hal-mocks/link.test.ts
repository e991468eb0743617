import { expect, it } from "vitest";
import { evenSpread, Link } from "../../hal-mocks/link";
import { createRandom } from "../../hal-mocks/random";

const ROUND_TRIP_MS = 30;

/** How often each outcome came in so many exchanges. */
function exchanges(loss: number, count: number, seed = 1): Map<string, number> {
  const link = new Link({ roundTripMs: ROUND_TRIP_MS, random: createRandom(seed) });
  link.loss = loss;
  const seen = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const { ms, isLost } = link.exchange("roundTrip");
    const outcome = `${isLost ? "lost" : "late"} ${ms - ROUND_TRIP_MS}`;
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  return seen;
}

it("delays what TCP has to send again, by one second, then three, then seven", () => {
  const seen = exchanges(0.1, 10_000);
  // Of two packets one is lost 19 times in a hundred.
  for (const [outcome, share] of [
    ["late 0", 0.81],
    ["late 1000", 0.19 * 0.81],
    ["late 3000", 0.19 ** 2 * 0.81],
    ["late 7000", 0.19 ** 3 * 0.81],
  ] as const) {
    const measured = (seen.get(outcome) ?? 0) / 10_000;
    expect(Math.abs(measured - share), outcome).toBeLessThan(0.01);
  }
});

it("gives a connection up after six retransmissions, two minutes later", () => {
  expect([...exchanges(1, 3)]).toEqual([["lost 127000", 3]]);
  expect(exchanges(0.5, 1000).get("lost 127000")).toBeGreaterThan(80);
  expect([...exchanges(0, 3)]).toEqual([["late 0", 3]]);
});

it("loses the same packets from the same seed", () => {
  expect([...exchanges(0.3, 100, 5)]).toEqual([...exchanges(0.3, 100, 5)]);
  expect([...exchanges(0.3, 100, 5)]).not.toEqual([...exchanges(0.3, 100, 6)]);
});

it("loses datagrams without a word, and all of them while it is down", () => {
  const link = new Link({ roundTripMs: ROUND_TRIP_MS, random: createRandom(1) });
  expect(link.datagramMs("roundTrip")).toBe(ROUND_TRIP_MS);
  link.loss = 0.5;
  const answers = Array.from({ length: 1000 }, () => link.datagramMs("roundTrip"));
  expect(answers.filter((ms) => ms === ROUND_TRIP_MS).length / 1000).toBeCloseTo(0.25, 1);
  link.loss = 0;
  link.down();
  expect(link.datagramMs("roundTrip")).toBeUndefined();
});

it("spreads latencies evenly, and repeats from a seed", () => {
  const create = () => new Link({ roundTripMs: 100, spread: evenSpread(createRandom(3), 0.5) });
  const [first, second] = [create(), create()];
  const all = Array.from({ length: 1000 }, () => first.latencyMs("roundTrip"));
  expect(Math.min(...all)).toBeGreaterThanOrEqual(50);
  expect(Math.min(...all)).toBeLessThan(52);
  expect(Math.max(...all)).toBeLessThanOrEqual(150);
  expect(Math.max(...all)).toBeGreaterThan(148);
  expect(all).toEqual(all.map(() => second.latencyMs("roundTrip")));
});

it("knows what a TLS handshake costs, and that a resumed session costs less", () => {
  const link = new Link({ handshakeMs: 2500 });
  expect(link.latencyMs("handshake")).toBe(2500);
  expect(link.latencyMs("resume")).toBeLessThan(new Link().latencyMs("handshake"));
});

it("refuses what is no loss, no spread and no latency", () => {
  const link = new Link({ random: createRandom(1) });
  for (const loss of [-0.1, 1.1, Number.NaN]) {
    expect(() => {
      link.loss = loss;
    }).toThrow(`a loss of ${loss}, expected 0 to 1`);
  }
  expect(() => {
    new Link().loss = 0.1;
  }).toThrow("needs a generator");
  expect(() => evenSpread(createRandom(1), 2)).toThrow("a spread of 2");
  expect(() => new Link({ resumeMs: -1 })).toThrow("resumeMs is -1");
});
