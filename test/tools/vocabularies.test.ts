import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { channelNumber, quantities, quantityOf } from "../../src/model/channels";
import { parseLine, SLOT_NAMES } from "../../src/sensors/p1-line";
import { homeAssistantUnit, obisOf, vocabularies } from "../../tools/vocabularies";

const MODELS = join(import.meta.dirname, "../../../shared/data/sunspec");

/** Home Assistant's DEVICE_CLASS_UNITS and DEVICE_CLASS_STATE_CLASSES, as far as the registry needs them. */
const CLASSES: Record<string, { units: string; states: string }> = {
  apparent_power: { units: "VA", states: "measurement" },
  atmospheric_pressure: { units: "Pa hPa kPa bar mbar", states: "measurement" },
  battery: { units: "%", states: "measurement" },
  current: { units: "A mA", states: "measurement" },
  energy: { units: "J kJ mWh Wh kWh MWh", states: "total total_increasing" },
  gas: { units: "CCF L MCF ft³ m³", states: "total total_increasing" },
  frequency: { units: "Hz kHz MHz GHz", states: "measurement" },
  humidity: { units: "%", states: "measurement" },
  irradiance: { units: "W/m²", states: "measurement" },
  power: { units: "W kW MW", states: "measurement" },
  reactive_energy: { units: "varh kvarh", states: "total total_increasing" },
  reactive_power: { units: "var", states: "measurement" },
  signal_strength: { units: "dB dBm", states: "measurement" },
  temperature: { units: "°C °F K", states: "measurement" },
  water: { units: "CCF L MCF ft³ gal m³", states: "total total_increasing" },
  voltage: { units: "V mV", states: "measurement" },
};

const rows = quantities().map((quantity) => ({ ...quantity, ...vocabularies[quantity.name] }));

describe("the vocabularies", () => {
  it("have a row for every quantity and for nothing else", () => {
    expect(Object.keys(vocabularies).sort()).toEqual(
      quantities()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it.each(["matter", "ocpp", "obis"] as const)("of %s name nothing twice", (key) => {
    // A DC point and an AC point are two endpoints of Matter.
    const cells = rows.filter((row) => row[key] && !row.name.startsWith("dc"));
    const names = cells.map((row) => JSON.stringify(row[key]));
    expect(names.filter((name, index) => names.indexOf(name) < index)).toEqual([]);
  });
});

describe("Home Assistant's classes", () => {
  it.each(rows.filter(({ name }) => name !== "t"))("of $name go with its unit and kind", (row) => {
    const { deviceClass, stateClass, options } = row.homeAssistant!;
    const unit = homeAssistantUnit(row.unit);
    if (deviceClass === "enum") {
      expect(row.kind).toBe("state");
      const names = Object.values(options!);
      expect(new Set(names).size).toBe(names.length);
      expect(stateClass).toBeUndefined();
    } else if (deviceClass === "timestamp") {
      expect(row.unit).toBe("s");
      expect(stateClass).toBeUndefined();
    } else if (deviceClass === "power_factor") {
      expect([unit, stateClass]).toEqual(["", "measurement"]);
    } else if (deviceClass !== undefined) {
      expect(CLASSES[deviceClass].units.split(" ")).toContain(unit);
      expect(CLASSES[deviceClass].states.split(" ")).toContain(stateClass);
    }
    if (row.kind === "register") expect(stateClass).toBe("total_increasing");
    if (row.kind === "gauge" && row.name !== "clock") expect(stateClass).toBe("measurement");
  });
});

describe("OBIS codes", () => {
  /** The name of the slot that the P1 driver has for a code; its own table was written for the driver alone. */
  function slotName(line: string): string | undefined {
    const parsed = { slot: -1, value: Number.NaN, unit: 0, empty: false };
    parseLine(new TextEncoder().encode(line), 0, line.length, 60, parsed);
    return SLOT_NAMES[parsed.slot];
  }
  const P1_UNITS: Record<string, string> = { Wh: "kWh", W: "kW", var: "kvar", varh: "kvarh" };

  it.each(SLOT_NAMES.filter((name) => name !== "clock"))(
    "of %s is the one that the P1 driver reads",
    (name) => {
      const channel = channelNumber(name);
      const { unit } = quantityOf(channel)!;
      const suffix = unit && `*${P1_UNITS[unit] ?? unit}`;
      expect(slotName(`${obisOf(channel)}(0001${suffix})`)).toBe(name);
    },
  );

  it.each([
    ["clock", "0-0:1.0.0"],
    ["v", "1-0:12.7.0"],
    ["v_l2_h5", "1-0:52.7.5"],
    ["thdu_l1", "1-0:32.7.124"],
    ["thdi_l3", "1-0:71.7.124"],
    ["p_l1", "1-0:36.7.0"],
    ["i_n", "1-0:91.7.0"],
    ["v_n", "1-0:92.7.0"],
    ["esi_t2", "1-0:9.8.2"],
    ["tc", "0-0:96.9.0"],
    ["v_l12", undefined],
    ["pi_n", undefined],
    ["tc_p1", undefined],
    ["tc_l1", undefined],
    ["dcv", undefined],
  ])("of %s is %s", (name, code) => {
    expect(obisOf(channelNumber(name))).toBe(code);
  });

  it("are none for a quantity that nobody knows", () => {
    expect(obisOf(1_000_000)).toBeUndefined();
  });
});

interface Group {
  points?: { name: string; units?: string }[];
  groups?: Group[];
}

const hasModels = existsSync(MODELS);
if (!hasModels) console.warn(`SKIPPED: the models of SunSpec, ${MODELS} is not there`);

describe.skipIf(!hasModels)("SunSpec points", () => {
  const known: Record<string, string> = {
    Cel: "C",
    "%RH": "Pct",
    "%EL": "%",
    "/": "Pct",
    "/100": "%",
    kVAh: "VAh",
  };
  const used = new Set(rows.flatMap(({ sunspec }) => Object.keys(sunspec ?? {})));
  const there = [...used].filter((model) => existsSync(join(MODELS, `model_${model}.json`)));

  function unitsOf({ points = [], groups = [] }: Group): Map<string, string | undefined> {
    const own = points.map(({ name, units }) => [name, units] as const);
    return new Map([...own, ...groups.flatMap((group) => [...unitsOf(group)])]);
  }

  it.each(hasModels ? there : ["none"])("of model %s are in it, with the unit of the registry", (model) => {
    const { group } = JSON.parse(readFileSync(join(MODELS, `model_${model}.json`), "utf8"));
    const units = unitsOf(group);
    for (const { name, unit, sunspec } of rows) {
      const points = (sunspec?.[Number(model)] ?? "").split(" ").filter((point) => point && point !== "-");
      for (const point of points) {
        expect([...units.keys()], name).toContain(point);
        // Models say "% AhrRtg" and "%WHRtg" for a state of charge, and nothing for a state.
        expect((units.get(point) ?? "").replace(/^%.*/, "%"), `${name}: ${point}`).toBe(known[unit] ?? unit);
      }
    }
  });
});
