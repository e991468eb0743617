import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnySegment, EnergyAccount } from "../../../hal-mocks/energy/account";
import { boards } from "../../../hal-mocks/energy/boards";
import { type Charges, chargeOf, life, perDay, type Row } from "../../../hal-mocks/energy/charges";
import { typicalOf } from "../../../hal-mocks/energy/figure";
import { defaultSettings, type EnergySettings } from "../../../hal-mocks/energy/settings";

const START = Date.UTC(2026, 5, 1);

/** A node's events by hand: `now` moves as the test says. */
class Bench {
  now = START;
  readonly segments: AnySegment[] = [];
  readonly account: EnergyAccount;

  constructor(settings: Partial<EnergySettings> = {}) {
    this.account = new EnergyAccount({ ...defaultSettings, ...settings }, this, (segment) =>
      this.segments.push(segment),
    );
  }

  after(ms: number): EnergyAccount {
    this.now += ms;
    return this.account;
  }
}

function rowOf({ rows }: Charges, state: string): Row | undefined {
  return rows.find((row) => row.consumer === "chip" && row.state === state);
}

function session(bench: Bench): void {
  const { account } = bench;
  account.radio("on");
  account.operation("rejoin", 664);
  bench.after(664).radio("up");
  account.operation("tcpConnect", 20);
  bench.after(20).operation("roundTrip", 20);
  account.transmitted(60);
  bench.after(20).radio("off");
}

/** A minute: a boot, `awake` ms of sampling, perhaps a session, then sleep. */
function minute(bench: Bench, awake: number, hasSession: boolean): void {
  bench.account.boot(true);
  bench.after(awake);
  if (hasSession) session(bench);
  bench.account.sleep();
  const rest = 60_000 - ((bench.now - START) % 60_000);
  bench.after(rest);
}

const minutes = fc.array(fc.record({ awake: fc.integer({ min: 0, max: 3000 }), session: fc.boolean() }), {
  maxLength: 12,
});

describe("a terminal's account", () => {
  it("conserves charge: the sum over states is that over the timeline", () => {
    fc.assert(
      fc.property(minutes, (list) => {
        const bench = new Bench({ board: boards["low-leak"] });
        for (const { awake, session } of list) minute(bench, awake, session);
        bench.account.programmed(700);
        bench.account.erased(1);
        bench.account.measure("ina226", 3);
        const charges = bench.account.finish();
        let timeline = 0;
        for (const segment of bench.segments) timeline += chargeOf(segment, charges.settings)!.typical;
        expect(timeline).toBeCloseTo(charges.known.typical, 9);
        const chip = bench.segments.filter(({ consumer }) => consumer === "chip");
        const us = chip.reduce((sum, { from, to }) => sum + to - from, 0);
        expect(us / 1e6).toBeCloseTo(charges.seconds, 9);
      }),
      { numRuns: 100 },
    );
  });

  it("draws twice the charge for the same twice", () => {
    const run = (count: number) => {
      const bench = new Bench();
      for (let index = 0; index < count; index++) minute(bench, 200, index % 5 === 0);
      return bench.account.finish();
    };
    const [once, twice] = [run(60), run(120)];
    // But for the first boot, which lies before the first minute and shortens no sleep.
    expect(Math.abs(twice.known.typical - 2 * once.known.typical)).toBeLessThan(0.01 * 0.07 + 1e-6);
    expect(twice.boots).toBe(2 * once.boots);
  });

  it("finds a radio that is left on as the chip falls asleep", () => {
    const bench = new Bench();
    bench.account.boot(true);
    bench.account.radio("on");
    bench.after(664).radio("up");
    expect(() => bench.account.sleep()).toThrow('the radio is still "up"');
  });

  it("charges nothing for what was not done", () => {
    const bench = new Bench();
    minute(bench, 4, false);
    const charges = bench.account.finish();
    expect(charges.rows.map(({ state }) => state).sort()).toEqual(["awake", "boot", "deep sleep"]);
    expect(charges.sentBytes).toBe(0);
  });

  it("takes a planned boot from the sleep before it, and any other from what follows", () => {
    const bench = new Bench();
    minute(bench, 100, false);
    bench.account.boot(true);
    const planned = bench.segments.filter(({ state }) => state === "boot");
    expect(planned.map(({ to }) => to / 1000 - START)).toEqual([0, 60_000]);
    bench.after(1000).sleep();
    bench.after(500).boot(false);
    bench.after(30).sleep();
    bench.after(1000);
    const charges = bench.account.finish();
    expect(rowOf(charges, "boot")!.seconds).toBeCloseTo(0.21, 9);
    // Of the last wake, nothing but its boot: it was shorter.
    expect(rowOf(charges, "awake")!.seconds).toBeCloseTo(1.1, 9);
  });

  it("follows a session through its steps, and sends within its time", () => {
    const bench = new Bench();
    bench.account.boot(true);
    bench.after(10);
    session(bench);
    bench.account.sleep();
    const chip = bench.segments.filter(({ consumer }) => consumer === "chip").map(({ state }) => state);
    expect(chip).toEqual(["boot", "awake", "radio start", "join", "connect", "transmit", "exchange"]);
    bench.after(1000);
    const charges = bench.account.finish();
    expect(charges.awakeSeconds).toBeCloseTo(0.07 + 0.01 + 0.664 + 0.04, 6);
    expect(rowOf(charges, "radio start")!.seconds).toBeCloseTo(0.007, 9);
    expect(rowOf(charges, "transmit")!.seconds).toBeCloseTo((0.8 + 60 * 0.008) / 1000, 9);
  });

  it("lets a resident's radio sleep between beacons 50 ms after it was used", () => {
    const bench = new Bench({ dtim: 1 });
    bench.account.boot(true);
    bench.account.radio("on");
    bench.account.operation("rejoin", 664);
    bench.after(664).radio("up");
    bench.after(10_000).operation("roundTrip", 20);
    bench.after(5000);
    const charges = bench.account.finish();
    const associated = rowOf(charges, "associated")!;
    expect(associated.seconds).toBeCloseTo(10 - 0.05 + 5 - 0.02 - 0.05, 6);
    expect(typicalOf(associated.mA)).toBe(31.1);
  });

  it("adds the time of flash to that awake, and its current to the chip's", () => {
    const bench = new Bench();
    bench.account.boot(true);
    bench.account.programmed(257);
    bench.account.erased(2);
    bench.account.sleep();
    bench.after(60_000);
    const charges = bench.account.finish();
    const flash = charges.rows.filter(({ consumer }) => consumer === "flash");
    expect(flash.map(({ state, seconds }) => [state, Math.round(seconds * 1e4) / 1e4])).toEqual([
      ["program", 0.0008],
      ["erase", 0.09],
    ]);
    expect(rowOf(charges, "awake")!.seconds).toBeCloseTo(0.0908, 9);
  });

  it("charges a sensor for its conversions, and for its power-down", () => {
    const bench = new Bench();
    bench.account.boot(true);
    bench.account.measure("ina226", 2);
    bench.after(4).sleep();
    bench.after(59_996);
    const { rows } = bench.account.finish();
    const sensor = rows.filter(({ consumer }) => consumer === "ina226");
    expect(sensor.map(({ state }) => state).sort()).toEqual(["off", "on"]);
    expect(sensor.find(({ state }) => state === "on")!.mC!.typical).toBeCloseTo(0.33 * 0.002, 9);
  });

  it("says what nobody has published in place of a sum, and what the rest is", () => {
    const bench = new Bench({ chip: "esp32c6" });
    minute(bench, 4, false);
    const charges = bench.account.finish();
    expect(charges.missing).toEqual(["how long an ESP32-C6 boots"]);
    expect(perDay(charges)).toBeUndefined();
    expect(life(charges)).toBeUndefined();
    expect(charges.known.typical).toBeGreaterThan(0);
    const unknown = new Bench();
    unknown.account.measure("bme280", 10);
    expect(unknown.account.finish().missing).toEqual(['what "bme280" draws']);
  });

  it("adds what validation takes where that is known, and says where not", () => {
    const s3 = new Bench({ chip: "esp32s3", validates: true });
    minute(s3, 0, false);
    const charges = s3.account.finish();
    expect(rowOf(charges, "validation")!.mC!.typical).toBeCloseTo((62.5 * 217) / 1000, 6);
    const esp32 = new Bench({ validates: true });
    minute(esp32, 0, false);
    expect(esp32.account.finish().missing).toEqual(["how long an ESP32 validates its image"]);
  });

  it("keeps chip and board apart", () => {
    const bare = new Bench();
    const boarded = new Bench({ board: boards.feathers3 });
    for (const bench of [bare, boarded]) minute(bench, 4, false);
    const [chip, both] = [bare.account.finish(), boarded.account.finish()];
    const board = both.rows.find(({ consumer }) => consumer === "board")!;
    expect(board.mC!.typical).toBeCloseTo(1.73 * both.seconds, 6);
    expect(both.known.typical - board.mC!.typical).toBeCloseTo(chip.known.typical, 9);
  });
});
