import { describe, expect, it } from "vitest";
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
const noEvent = 'events[0] is no event: expected "broker", or "device" with "network" or "wifi"';

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
    [{ foo: 1 }, "foo is not known; expected name, start, utcOffset, days, seed, terminals or events"],
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
      "events[0].brokr is not known; expected at, broker, device, network or wifi",
    ],
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
