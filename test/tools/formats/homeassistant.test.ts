import { describe, expect, it } from "vitest";
import { channelName, channelNumber, quantities } from "../../../src/model/channels";
import { profiles } from "../../../src/model/profiles";
import { HomeAssistantMessages, homeAssistantLines } from "../../../tools/decode/formats/homeassistant";
import { describedProfile } from "../../../tools/decode/profiles";
import { readingsOf, TIME } from "../../support/readings";

/** Keys that home-assistant.io documents for a sensor of MQTT in a device's discovery. */
const SENSOR_KEYS =
  "platform name unique_id device_class state_class unit_of_measurement suggested_display_precision options " +
  "entity_category value_template state_topic";

function messagesOf(...frames: Parameters<HomeAssistantMessages["of"]>[0][]) {
  const messages = new HomeAssistantMessages();
  return frames
    .flatMap((frame) => messages.of(frame))
    .map(({ topic, payload }) => ({ topic, ...JSON.parse(payload) }));
}

const meter = readingsOf("clock ei_t1 tariff pi v_l1", [
  { values: { clock: 1_780_000_000, ei_t1: 5, tariff: 1, pi: 300, v_l1: 230.1 } },
  { time: TIME + 10_000, values: { pi: 317, v_l1: 229 } },
]);

describe("Home Assistant's discovery", () => {
  it("makes each channel a sensor of the terminal's device", () => {
    const [discovery] = messagesOf(meter);
    expect(discovery).toEqual({
      topic: "homeassistant/device/gridmote_house-1_0_2/config",
      device: { identifiers: ["gridmote_house-1_0"], name: "house-1", manufacturer: "Gridmote" },
      origin: { name: "gridmote", sw_version: expect.stringMatching(/^\d+\./) },
      state_topic: "gmh/house-1/0/2",
      qos: 1,
      components: expect.objectContaining({
        ei_t1: {
          platform: "sensor",
          unique_id: "gridmote_house-1_0_ei_t1",
          name: "Energy import tariff 1",
          device_class: "energy",
          state_class: "total_increasing",
          unit_of_measurement: "Wh",
          suggested_display_precision: 0,
          value_template: "{{ value_json['ei_t1'] }}",
        },
        v_l1: expect.objectContaining({
          name: "Voltage L1",
          device_class: "voltage",
          state_class: "measurement",
          unit_of_measurement: "V",
          suggested_display_precision: 1,
        }),
        tariff: {
          platform: "sensor",
          unique_id: "gridmote_house-1_0_tariff",
          name: "Active tariff",
          value_template: "{{ value_json['tariff'] }}",
        },
        clock: expect.objectContaining({ device_class: "timestamp", entity_category: "diagnostic" }),
        time: expect.objectContaining({ device_class: "timestamp", name: "Last reading" }),
        quality: expect.objectContaining({
          device_class: "enum",
          options: expect.arrayContaining(["good", "silent"]),
        }),
      }),
    });
    expect(Object.keys(discovery.components)).toEqual("clock ei_t1 tariff pi v_l1 time quality".split(" "));
  });

  it("has a component for every channel of a profile and of the registry, with keys that are documented", () => {
    const all = readingsOf(
      quantities()
        .slice(1)
        .map(({ name }) => name)
        .join(" "),
      [{}],
    );
    const meter3 = { ...meter, profile: describedProfile(profiles.meter3) };
    for (const frame of [all, meter3]) {
      const [{ components }] = messagesOf(frame);
      for (const { name } of frame.profile.columns.slice(1)) {
        expect(components).toHaveProperty(name);
        for (const key of Object.keys(components[name])) expect(SENSOR_KEYS.split(" "), name).toContain(key);
      }
      const ids = Object.values(components as Record<string, { unique_id: string }>).map(
        ({ unique_id }) => unique_id,
      );
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it("has topics of the characters that it allows, and comes once a stream", () => {
    const odd = { ...meter, device: "Küche 1" };
    const messages = messagesOf(odd, odd, { ...meter, point: 3 });
    const topics = messages.map(({ topic }) => topic);
    expect(topics).toEqual([
      "homeassistant/device/gridmote_X4bXXfcXcheX20X1_0_2/config",
      "gmh/X4bXXfcXcheX20X1/0/2",
      "gmh/X4bXXfcXcheX20X1/0/2",
      "homeassistant/device/gridmote_house-1_3_2/config",
      "gmh/house-1/3/2",
    ]);
    expect(messages[0].device.name).toBe("Küche 1");
    expect(messages[3].device.name).toBe("house-1 point 3");
  });

  it("gives a channel of two streams of a point to the first", () => {
    const other = readingsOf("pi f", [{}]);
    const [, , discovery] = messagesOf(meter, { ...other, profile: { ...other.profile, number: 9 } });
    expect(Object.keys(discovery.components)).toEqual(["f", "time", "quality"]);
    expect(discovery.state_topic).toBe("gmh/house-1/0/9");
  });

  it("has a channel that the registry does not know by its name, unit and kind", () => {
    const channel = 1000 * 1024;
    const column = { channel, name: "zz", exponent: -2, unit: "Bq", kind: "register" as const };
    const { columns } = readingsOf("", [{}]).profile;
    const [{ components }] = messagesOf({
      ...meter,
      profile: { number: 5000, columns: [...columns, column] },
    });
    expect(channelName(channel)).toBe(`channel-${channel}`);
    expect(components.zz).toEqual({
      platform: "sensor",
      unique_id: "gridmote_house-1_0_zz",
      name: "zz",
      state_class: "total_increasing",
      unit_of_measurement: "Bq",
      suggested_display_precision: 2,
      value_template: "{{ value_json['zz'] }}",
    });
  });
});

describe("Home Assistant's states", () => {
  const states = (...frames: Parameters<HomeAssistantMessages["of"]>[0][]) =>
    messagesOf(...frames).filter(({ topic }) => topic.startsWith("gmh/"));

  it("are of the newest reading, with null for what is missing", () => {
    expect(states(meter)).toEqual([
      {
        topic: "gmh/house-1/0/2",
        clock: null,
        ei_t1: null,
        tariff: null,
        pi: 317,
        v_l1: 229,
        time: "2026-05-28T20:26:50Z",
        quality: "good",
      },
    ]);
  });

  it("have names for enumerations and a date for a clock, and null for what has no name", () => {
    const values = { clock: 1_780_000_000, ev: 3, sw: 1, inv: 99 };
    const [state] = states(readingsOf("clock ev sw inv", [{ values }]));
    expect(state).toMatchObject({ clock: "2026-05-28T20:26:40Z", ev: "charging", sw: "closed", inv: null });
    const [{ components }] = messagesOf(readingsOf("ev sw", [{}]));
    expect(components.ev.options).toContain("charging");
    expect(components.sw.options).toEqual(["open", "closed"]);
  });

  it("never show a value of a bad reading", () => {
    const [state] = states(readingsOf("pi", [{ quality: 6, values: { pi: 99_999 } }]));
    expect(state).toMatchObject({ pi: null, quality: "implausible" });
    expect(states(readingsOf("pi", [{ quality: 99 }]))[0]).toMatchObject({ quality: null });
  });

  it("leave out frames that come late, and take those without a time as they come", () => {
    const at = (time: number | undefined, pi: number) => readingsOf("pi", [{ time, values: { pi } }]);
    const found = states(at(TIME, 1), at(TIME - 1, 2), at(undefined, 3), at(TIME + 1, 4));
    expect(found.map(({ pi }) => pi)).toEqual([1, 3, 4]);
  });

  it("are lines of a topic and a payload", () => {
    const lines = (homeAssistantLines().write(meter) as string).split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^gmh\/house-1\/0\/2 \{"clock":null,/);
    expect(channelNumber("pi")).toBeGreaterThan(0);
  });
});
