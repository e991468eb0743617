import { describe, expect, it } from "vitest";
import { configNames, loadConfig, secrets } from "../src/config";

describe("configuration", () => {
  it("has names that fit a key of ESP-IDF's NVS", () => {
    for (const name of configNames) expect(name.length).toBeLessThanOrEqual(15);
  });

  it("lets later layers win, and takes numbers as text, since stores hold text", () => {
    const { config, problems } = loadConfig([
      { from: "manifest", values: { sampleMs: 1000, host: "a" } },
      { from: "store", values: { sampleMs: "2000" } },
    ]);
    expect(problems).toEqual([]);
    expect(config.sampleMs).toBe(2000);
    expect(config.host).toBe("a");
    expect(config.port).toBe(1883);
  });

  it("keeps the layer below where a value is not valid, and says what was expected", () => {
    const { config, problems } = loadConfig([
      { from: "manifest", values: { mode: "resident" } },
      { from: "store", values: { mode: "asleep", sampleMs: "1.5", device: "a/b", what: 1 } },
    ]);
    expect(config.mode).toBe("resident");
    expect(config.sampleMs).toBe(60_000);
    expect(problems.map(({ from, message }) => ({ from, message }))).toEqual([
      { from: "store", message: 'mode is "asleep", expected "sleeper" or "resident"' },
      { from: "store", message: 'sampleMs is "1.5", expected an integer from 0 to 86400000' },
      {
        from: "store",
        message: 'device is "a/b", expected text of at most 32 characters, each a-z, 0-9, - or _',
      },
      { from: "store", message: 'there is no setting "what"' },
    ]);
  });

  it("never quotes a secret", () => {
    for (const name of secrets) {
      const { problems } = loadConfig([{ from: "store", values: { [name]: "hunter2".repeat(50) } }]);
      expect(problems).toHaveLength(1);
      expect(problems[0].message).not.toContain("hunter2");
    }
  });

  it("takes no inherited name for a setting", () => {
    expect(loadConfig([{ from: "store", values: { toString: "x", constructor: 1 } }]).problems).toHaveLength(
      2,
    );
  });

  it.each(["1e1.0.0.1", "0x10.0.0.1", "1. .0.1", "1.2.3", "256.1.1.1", "-1.1.1.1"])(
    "takes %s for no IPv4 address",
    (address) => {
      const { problems } = loadConfig([
        { from: "store", values: { address, mask: "255.0.0.0", gateway: "10.0.0.1" } },
      ]);
      expect(problems[0].message).toContain("an IPv4 address");
    },
  );

  it("says that DHCP is asked where a static address is given by half", () => {
    const whole = { address: "10.0.0.2", mask: "255.0.0.0", gateway: "10.0.0.1" };
    expect(loadConfig([{ from: "store", values: whole }]).problems).toEqual([]);
    for (const missing of ["address", "mask", "gateway"]) {
      const { problems } = loadConfig([{ from: "store", values: { ...whole, [missing]: "" } }]);
      expect(problems).toHaveLength(1);
      expect(problems[0].message).toContain(`but there is no ${missing}: DHCP is asked`);
    }
  });
});
