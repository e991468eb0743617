import { describe, expect, it } from "vitest";
import { driverSubjects } from "./driver-subjects";
import { driverRules } from "./drivers";

describe.each(driverSubjects.map((subject) => [subject.name, subject] as const))("%s", (_name, subject) => {
  it.each(Object.entries(driverRules))("keeps %s", async (_rule, rule) => {
    expect(await rule(subject)).toEqual([]);
  });
});
