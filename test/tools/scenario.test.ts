import { describe, expect, it } from "vitest";
import { blindSpans, liesOf, occurrencesOf } from "../../tools/sim/occurrences";
import { parseScenario, street } from "../../tools/sim/scenario";

const base = { start: "2026-06-01T00:00:00+01:00", terminals: [{ device: "a" }, { device: "b" }] };

function problem(changes: Record<string, unknown>): string | undefined {
  const result = parseScenario({ ...base, ...changes });
  return "problem" in result ? result.problem : undefined;
}

const terminal = (rest: Record<string, unknown>) => ({ terminals: [{ device: "a", ...rest }] });
const event = (values: unknown) => ({ events: [values] });
const moments = "06:00 or 1d06:00:30";
const sample =
  "expected a whole number of seconds, from 2000 ms: a meter here speaks once a second, and frames carry whole seconds";
const noEvent =
  'events[0] is no event: expected "broker", "broker2", "reset", "loss" or "time", or "device" with "network" or "wifi"';
const durations = "30s, 5m, 6h or 7d";

describe("a scenario", () => {
  it("has defaults", () => {
    expect(parseScenario(base)).toMatchObject({
      scenario: {
        days: 1,
        seed: 1,
        utcOffset: 60,
        events: [],
        terminals: [{ device: "a", config: {}, house: { phases: 3, baseW: 250, pvW: 0 } }, { device: "b" }],
      },
    });
    expect(parseScenario(street)).toHaveProperty("scenario");
  });

  it("counts its events from the start", () => {
    const events = [
      { at: "06:00", broker: "down" },
      { at: "1d06:00:30", device: "b", wifi: "down", network: "up" },
    ];
    expect(parseScenario({ ...base, events })).toMatchObject({
      scenario: {
        events: [
          { at: 21_600_000, broker: "down" },
          { at: 108_030_000, device: "b", wifi: "down", network: "up" },
        ],
      },
    });
  });

  it.each([
    [
      { foo: 1 },
      "foo is not known; expected name, start, utcOffset, days, seed, brokers, loss, energy, terminals or events",
    ],
    [{ start: undefined }, "start is missing, expected a time such as 2026-06-01T00:00:00+02:00"],
    [{ start: "yesterday" }, 'start is "yesterday", expected a time such as 2026-06-01T00:00:00+02:00'],
    [{ start: "1969-12-31T00:00:00Z" }, 'start is "1969-12-31T00:00:00Z", expected a year from 2001 to 2089'],
    [{ days: 0 }, "days is 0, expected a number above 0, up to 3660"],
    [{ seed: 1.5 }, "seed is 1.5, expected a whole number from 0 to 2147483647"],
    [{ utcOffset: "x" }, 'utcOffset is "x", expected a whole number from -720 to 840'],
    [{ terminals: [] }, "terminals is [], expected a list of 1 to 10000 terminals"],
    [{ terminals: [{}] }, "terminals[0].device is missing, expected text: 1 to 32 of a-z, 0-9, - and _"],
    [
      { terminals: [{ device: "a" }, { device: "a" }] },
      'terminals[1].device is "a", as terminals[0] is already',
    ],
    [
      { terminals: [{ device: "a" }, { device: "b", house: { pvW: "x" } }] },
      'terminals[1].house.pvW is "x", expected a number from 0 to 1000000',
    ],
    [terminal({ house: { pvw: 1 } }), "terminals[0].house.pvw is not known; expected phases, baseW or pvW"],
    [terminal({ house: { phases: 2 } }), "terminals[0].house.phases is 2, expected 1 or 3"],
    [terminal({ house: null }), "terminals[0].house is null, expected an object"],
    [terminal({ config: [] }), "terminals[0].config is [], expected an object"],
    [
      terminal({ config: { sampleMs: "x" } }),
      'terminals[0].config.sampleMs is "x", expected an integer from 0 to 86400000',
    ],
    ...[0, 1999, 2500, 60_001].map((sampleMs): [object, string] => [
      terminal({ config: { sampleMs } }),
      `terminals[0].config.sampleMs is ${sampleMs}, ${sample}`,
    ]),
    [
      terminal({ config: { mode: "resident", sampleMs: "0" } }),
      `terminals[0].config.sampleMs is "0", ${sample}`,
    ],
    [
      terminal({ config: { mode: true } }),
      'terminals[0].config.mode is true, expected "sleeper" or "resident"',
    ],
    [
      terminal({ config: { address: "10.0.0.2", mask: "255.0.0.0", gateway: "10.0.0.1" } }),
      'terminals[0].config.address is "10.0.0.2", expected 192.0.2.1 to 254: that is the network here, and .1 its gateway',
    ],
    [
      terminal({ config: { address: "192.0.2.5", mask: "255.255.255.0" } }),
      'terminals[0].config.address is "192.0.2.5", but there is no gateway: DHCP is asked unless address, mask and gateway are all given',
    ],
    [
      terminal({ config: { address: "192.0.2.5", mask: "255.255.255.0", gateway: "1e1.0.0.1" } }),
      'terminals[0].config.gateway is "1e1.0.0.1", expected text of at most 15 characters, an IPv4 address',
    ],
    [terminal({ config: { host: "h" } }), "terminals[0].config.host is set by the simulator: leave it out"],
    [
      terminal({ config: { wifiPassword: 123 } }),
      "terminals[0].config.wifiPassword is not valid, expected text of at most 64 characters",
    ],
    [
      event({ at: "6:00", broker: "down" }),
      `events[0].at is "6:00", expected a time after the start such as ${moments}`,
    ],
    [
      event({ at: 6, broker: "down" }),
      `events[0].at is 6, expected text such as ${moments}, a time after the start`,
    ],
    [event({ at: "06:00", broker: "off" }), 'events[0].broker is "off", expected "down" or "up"'],
    [event({ at: "06:00", device: "a", wifi: "off" }), 'events[0].wifi is "off", expected "down" or "up"'],
    [event({ at: "06:00" }), noEvent],
    [event({ at: "06:00", device: "a" }), noEvent],
    [event({ at: "06:00", network: "down" }), noEvent],
    [event({ at: "06:00", broker: "down", device: "a" }), noEvent],
    [event(3), "events[0] is 3, expected an object"],
    [
      event({ at: "06:00", brokr: "down" }),
      "events[0].brokr is not known; expected at, for, every, jitter, device, broker, broker2, network, wifi, reset, loss or time",
    ],
    [event({ at: "06:00", reset: "off" }), 'events[0].reset is "off", expected "keep", "lose" or "flip"'],
    [event({ at: "06:00", loss: 1 }), "events[0].loss is 1, expected a number from 0 to 0.9"],
    [event({ at: "06:00", loss: 0.5, reset: "keep" }), noEvent],
    [event({ at: "06:00", device: "a", time: { offset: 5 }, for: "1h" }), noEvent],
    [
      event({ at: "06:00", reset: "keep", every: "daily" }),
      `events[0].every is "daily", expected a time such as ${durations}`,
    ],
    [
      event({ at: "06:00", reset: "keep", every: 5 }),
      `events[0].every is 5, expected text such as ${durations}`,
    ],
    [event({ at: "06:00", reset: "keep", jitter: "1h" }), 'events[0] has "jitter" without "every"'],
    [
      event({ at: "06:00", reset: "keep", for: "1h" }),
      'events[0] is over at once: "for" is for "down", "loss" and "time"',
    ],
    [event({ at: "06:00", time: { offset: 5 } }), 'events[0] needs "for": how long the time is wrong'],
    [
      event({ at: "06:00", for: "1h", time: { offset: 0.5 } }),
      "events[0].time.offset is 0.5, expected a whole number from -3155760000 to 3155760000",
    ],
    [
      event({ at: "06:00", for: "1h", time: { offset: 5, server: "x" } }),
      'events[0].time.server: no terminal asks "x"',
    ],
    [event({ at: "06:00", broker2: "down" }), "events[0].broker2: there is one broker: brokers is 1"],
    [{ brokers: 3 }, "brokers is 3, expected 1 or 2"],
    [{ loss: "x" }, 'loss is "x", expected a number from 0 to 0.9'],
    [terminal({ drift: 1e6 }), "terminals[0].drift is 1000000, expected a number from -100000 to 100000"],
    [event({ at: "06:00", device: "c", reset: "keep" }), 'events[0].device: there is no terminal "c"'],
    [event({ at: "06:00", device: "c", wifi: "down" }), 'events[0].device: there is no terminal "c"'],
  ] as [Record<string, unknown>, string][])(
    "names the wrong field and what was expected: %j",
    (changes, line) => {
      expect(problem(changes)).toBe(line);
    },
  );

  it("names an unknown setting and the known ones, in one line", () => {
    expect(problem(terminal({ config: { samplems: 1 } }))).toMatch(
      /^terminals\[0\]\.config\.samplems is not known; expected mode, sampleMs, [^\n]* or backoffMaxMs$/,
    );
  });

  it.each([[[]], [3], [null], ["text"]])("is an object, not %j", (json) => {
    expect(parseScenario(json)).toEqual({
      problem: `the scenario is ${JSON.stringify(json)}, expected an object`,
    });
  });
});

describe("what happens", () => {
  const day = 86_400_000;
  const scenarioOf = (changes: Record<string, unknown>) => {
    const result = parseScenario({ ...base, ...changes });
    if ("problem" in result) throw new Error(result.problem);
    return result.scenario;
  };

  it("is over after its time", () => {
    const events = [
      { at: "06:00", for: "7d", broker: "down" },
      { at: "1d06:00", for: "30m", device: "a", loss: 0.5 },
    ];
    expect(occurrencesOf(scenarioOf({ loss: 0.02, events }))).toEqual([
      { at: day / 4, broker: 1, way: "down" },
      { at: day / 4 + 7 * day, broker: 1, way: "up" },
      { at: 1.25 * day, device: "a", loss: 0.5 },
      { at: 1.25 * day + 1_800_000, device: "a", loss: 0.02 },
    ]);
  });

  it("comes again until the end, a seeded while later", () => {
    const scenario = scenarioOf({
      days: 3,
      events: [{ at: "06:00", every: "1d", jitter: "1h", reset: "lose" }],
    });
    const moments = occurrencesOf(scenario).map(({ at }) => at);
    expect(moments).toHaveLength(3);
    for (const [index, at] of moments.entries()) {
      const late = at - (index + 0.25) * day;
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(3_600_000);
    }
    expect(occurrencesOf(scenario).map(({ at }) => at)).toEqual(moments);
    expect(occurrencesOf({ ...scenario, seed: 2 }).map(({ at }) => at)).not.toEqual(moments);
  });

  it("has the times at which servers lie, and those at which a terminal hears of none", () => {
    const events = [
      { at: "01:00", for: "1h", time: { offset: -90 } },
      { at: "02:00", for: "1h", device: "a", wifi: "down" },
      { at: "02:30", for: "2h", device: "a", network: "down" },
      { at: "05:00", for: "1h", broker: "down" },
    ];
    const scenario = scenarioOf({ events });
    const hour = 3_600_000;
    expect(liesOf(scenario)).toEqual([{ from: hour, to: 2 * hour, server: undefined, offsetMs: -90_000 }]);
    const spans = (device: string, withBroker: boolean) =>
      blindSpans(device, occurrencesOf(scenario), withBroker, day);
    expect(spans("a", false)).toEqual([{ from: 2 * hour, to: 4.5 * hour }]);
    expect(spans("b", false)).toEqual([]);
    expect(spans("b", true)).toEqual([{ from: 5 * hour, to: 6 * hour }]);
  });
});
