import { describe, expect, it } from "vitest";
import { boards } from "../../../hal-mocks/energy/boards";
import { cells, lifeDays } from "../../../hal-mocks/energy/cells";
import { chipNames, chips } from "../../../hal-mocks/energy/chips";
import { type Entry, isKnown, typicalOf } from "../../../hal-mocks/energy/figure";
import { sources } from "../../../hal-mocks/energy/sources";
import { latenciesOf, timings } from "../../../hal-mocks/energy/timings";
import { Link } from "../../../hal-mocks/link";

function entries(): Entry[] {
  const { boot, validation, ...times } = timings;
  return [
    ...Object.values(boot),
    ...Object.values(validation),
    ...Object.values(times),
    ...chipNames.flatMap((name) => Object.values(chips[name])),
    ...Object.values(boards).flatMap((board) => Object.values(board)),
  ];
}

describe("the ledger's figures", () => {
  it("each name a source or say what nobody has published", () => {
    for (const entry of entries()) {
      if (isKnown(entry)) expect(sources[entry.source]).toBeTruthy();
      else expect(entry.missing).toMatch(/^(how|the|what) /);
    }
  });

  it("each lie between their low and their high", () => {
    for (const entry of entries().filter(isKnown)) {
      expect(entry.low).toBeLessThanOrEqual(entry.typical);
      expect(entry.typical).toBeLessThanOrEqual(entry.high);
    }
  });

  it("have none for an associated ESP32-C6, nor for how long a C3 or a C6 boots", () => {
    expect(isKnown(chips.esp32c6.modemSleep3)).toBe(false);
    expect(isKnown(chips.esp32c6.lightSleep1)).toBe(false);
    expect(() => typicalOf(timings.boot.esp32c3)).toThrow(
      "no published figure of how long an ESP32-C3 boots",
    );
    expect(() => typicalOf(timings.boot.esp32c6)).toThrow("an ESP32-C6");
  });

  it("bring transmission to one footing: sending all the time, on every chip", () => {
    expect(typicalOf(chips.esp32.transmit)).toBe(2 * 240 - 97.5);
    expect(typicalOf(chips.esp32s3.transmit)).toBe(355);
  });

  it("are the times of the simulated network", () => {
    expect(new Link(latenciesOf()).latencyMs("rejoin")).toBe(664);
    expect(latenciesOf({ ...timings, rejoinMs: { ...timings.rejoinMs, typical: 400 } }).rejoinMs).toBe(400);
  });

  it("make a cell last by its usable capacity and what it loses by itself", () => {
    const life = lifeDays(cells.l91x3, { low: 1, typical: 2, high: 4 });
    expect(life.typical).toBeCloseTo((3000 * 0.95) / (2 + (3000 * 0.1) / 15 / 365.25), 6);
    expect(life.low).toBeLessThan(life.typical);
    expect(life.high).toBeGreaterThan(life.typical);
  });
});
