import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasMosquitto, Mosquitto } from "../support/mosquitto";
import { start } from "./harness";

describe.skipIf(!hasMosquitto())("gridmote sim against Mosquitto", () => {
  let mosquitto: Mosquitto;
  beforeAll(async () => {
    mosquitto = await Mosquitto.open();
  });
  afterAll(() => mosquitto.close());

  it("ends when it is done, though a resident's session was open", { timeout: 20_000 }, async () => {
    const { ended } = start([
      "sim",
      "--days",
      "0.05",
      "--json",
      "--broker",
      `mqtt://127.0.0.1:${mosquitto.port}`,
    ]);
    const { code } = await ended;
    expect(code).toBe(0);
  });
});
