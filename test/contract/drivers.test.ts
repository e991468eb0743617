import { describe, expect, it } from "vitest";
import { driverPlants, planted } from "./driver-plants";
import { driverSubjects } from "./driver-subjects";
import { driverRules } from "./drivers";

describe.each(driverSubjects.map((subject) => [subject.name, subject] as const))("%s", (_name, subject) => {
  it.each(Object.entries(driverRules))("keeps %s", async (_rule, rule) => {
    expect(await rule(subject)).toEqual([]);
  });
});

describe("the rules themselves", () => {
  it.each(driverPlants)("%s rejects a driver that %o: %s", async (rule, faults, finding) => {
    expect((await driverRules[rule](planted(faults))).join()).toContain(finding);
  });

  it.each(Object.entries(driverRules))("%s accepts a driver that keeps it", async (_name, rule) => {
    expect(await rule(planted({}))).toEqual([]);
  });
});
