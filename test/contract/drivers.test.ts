import { describe, expect, it } from "vitest";
import { drivers } from "../../src/sensors/drivers";
import { driverPlants, planted } from "./driver-plants";
import { driverSubjects } from "./driver-subjects";
import { driverRules } from "./drivers";

describe.each(driverSubjects.map((subject) => [subject.name, subject] as const))("%s", (_name, subject) => {
  it.each(Object.entries(driverRules))("keeps %s", async (_rule, rule) => {
    expect(await rule(subject)).toEqual([]);
  });
});

it("is kept by every driver that a terminal can open", () => {
  const subjects = driverSubjects.map(({ name }) => name.split(" ")[0]);
  expect(Object.keys(drivers).filter((name) => !subjects.includes(name))).toEqual([]);
});

describe("the rules themselves", () => {
  it.each(driverPlants)("%s rejects a driver that %o: %s", async (rule, faults, finding) => {
    expect((await driverRules[rule](planted(faults))).join()).toContain(finding);
  });

  it.each(Object.entries(driverRules))("%s accepts a driver that keeps it", async (_name, rule) => {
    expect(await rule(planted({}))).toEqual([]);
  });
});
