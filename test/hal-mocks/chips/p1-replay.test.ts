import { expect, it } from "vitest";
import { P1Replay, parseRecording } from "../../../hal-mocks/chips/p1-replay";
import { VirtualClock } from "../../../hal-mocks/clock";
import { settle } from "../../../hal-mocks/node/settle";
import type { SerialLine } from "../../../hal-mocks/serial";
import { bytesOf, concat, textOf } from "../../support/dsmr";

function dsmr5(clock: string): string {
  return `/TST5\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(${clock})\r\n!ABCD\r\n`;
}

const CLOCKLESS_5 = "/TST5\r\n\r\n1-3:0.2.8(50)\r\n!ABCD\r\n";
const BELGIAN = "/TST5\r\n\r\n0-0:96.1.4(50217)\r\n!ABCD\r\n";
const OLD = "/TST5\r\n\r\n1-0:1.8.1(1*kWh)\r\n!\r\n";

function create(text: string, start: number, sinceStart?: number) {
  const recording = parseRecording(bytesOf(text), 60, sinceStart);
  const clock = new VirtualClock(start, settle);
  const sent: { at: number; text: string }[] = [];
  const line: SerialLine = {
    baud: 115_200,
    send: (bytes) => sent.push({ at: clock.now - start, text: textOf(bytes) }),
  };
  return { clock, sent, line, replay: new P1Replay({ clock, recording }) };
}

it("cuts a recording at each telegram's beginning, and loses no byte", () => {
  const text = `ab)\r\n!1234\r\n${dsmr5("260115130001W")}${OLD}/TST`;
  const { restoredLineEnds, lead, telegrams } = parseRecording(bytesOf(text));
  expect(restoredLineEnds).toBe(false);
  expect(textOf(lead)).toBe("ab)\r\n!1234\r\n");
  expect(telegrams.map(({ bytes }) => textOf(bytes))).toEqual([dsmr5("260115130001W"), OLD, "/TST"]);
  expect(textOf(concat(lead, ...telegrams.map(({ bytes }) => bytes)))).toBe(text);
});

it("restores the CR that was lost, where it was lost, and says so", () => {
  const text = dsmr5("260115130001W");
  const whole = parseRecording(bytesOf(text));
  const bare = parseRecording(bytesOf(text.replaceAll("\r", "")));
  const some = parseRecording(bytesOf(text.replace("\r", "")));
  expect([whole.restoredLineEnds, bare.restoredLineEnds, some.restoredLineEnds]).toEqual([false, true, true]);
  expect(bare.telegrams).toEqual(whole.telegrams);
  expect(some.telegrams).toEqual(whole.telegrams);
});

it.each(["", "no telegram\r\n"])("takes a recording without telegrams: %j", (text) => {
  const { lead, telegrams } = parseRecording(bytesOf(text));
  expect([textOf(lead), telegrams]).toEqual([text, []]);
});

it("takes a telegram's moment from its clock, in the meter's time zone", () => {
  const at = (text: string, utcOffset: number) =>
    parseRecording(bytesOf(dsmr5(text)), utcOffset).telegrams[0].at;
  expect(at("260115130001W", 60)).toBe(Date.parse("2026-01-15T12:00:01Z"));
  expect(at("260715130001S", 60)).toBe(Date.parse("2026-07-15T11:00:01Z"));
  expect(at("260715130001S", 0)).toBe(Date.parse("2026-07-15T12:00:01Z"));
});

it("lets telegrams without a clock follow 1 s (DSMR 5, Belgian) or 10 s (before) after the one before", () => {
  const text = dsmr5("260115130001W") + CLOCKLESS_5 + BELGIAN + OLD + OLD;
  const first = Date.parse("2026-01-15T12:00:01Z");
  expect(parseRecording(bytesOf(text)).telegrams.map(({ at }) => at - first)).toEqual([
    ...[0, 1000, 2000, 12_000, 22_000],
  ]);
});

it("begins at the given moment when the first telegram has no clock", () => {
  expect(parseRecording(bytesOf(OLD + OLD), 60, 5000).telegrams.map(({ at }) => at)).toEqual([5000, 15_000]);
});

it("sends the lead at once and each telegram at its moment", async () => {
  const lead = "!1234\r\n";
  const telegrams = [dsmr5("260115130002W"), dsmr5("260115130003W"), dsmr5("260115130009W")];
  const { clock, sent, line, replay } = create(lead + telegrams.join(""), Date.parse("2026-01-15T12:00:00Z"));
  expect([replay.remaining, sent.length]).toEqual([3, 0]);
  replay.onOpen(line);
  await clock.runUntil(clock.now + 60_000);
  expect(sent).toEqual([
    { at: 0, text: lead },
    { at: 2000, text: telegrams[0] },
    { at: 3000, text: telegrams[1] },
    { at: 9000, text: telegrams[2] },
  ]);
  expect(replay.remaining).toBe(0);
});

it("sends telegrams of one moment one after the other", async () => {
  const telegrams = [dsmr5("260115130002W"), dsmr5("260115130002W")];
  const { clock, sent, line, replay } = create(telegrams.join(""), Date.parse("2026-01-15T12:00:00Z"));
  replay.onOpen(line);
  await clock.runUntil(clock.now + 60_000);
  expect(sent).toEqual(telegrams.map((text) => ({ at: 2000, text })));
});

it.each<[string, string[], number[]]>([
  ["goes back", ["260115130010W", "260115130001W", "260115130003W"], [0, 1000, 3000]],
  ["leaps ahead by years", ["200115130000W", "260115130001W", "260115130003W"], [0, 1000, 3000]],
  ["leaps ahead and comes back", ["260115130000W", "270115130001W", "260115130003W"], [0, 1000, 2000]],
  ["is an hour ahead", ["260115130000W", "260115140000W"], [0, 3_600_000]],
  ["is more than an hour ahead", ["260115130000W", "260115140001W"], [0, 1000]],
])("goes on with the meter's period when its clock %s", (_, clocks, expected) => {
  const { telegrams } = parseRecording(bytesOf(clocks.map(dsmr5).join("")));
  expect(telegrams.map(({ at }) => at - telegrams[0].at)).toEqual(expected);
});

it("takes a `/` within a line for a telegram's beginning only where a telegram follows", () => {
  const damaged = dsmr5("260115130001W").replace("0-0:1", "0-0/1");
  const cutOff = dsmr5("260115130002W").slice(0, 30);
  const { telegrams } = parseRecording(bytesOf(damaged + cutOff + dsmr5("260115130003W")));
  expect(telegrams.map(({ bytes }) => textOf(bytes))).toEqual([damaged, cutOff, dsmr5("260115130003W")]);
});

it("loses what comes while the port is closed, and sends nothing twice", async () => {
  const telegrams = [1, 2, 3, 4, 5].map((second) => dsmr5(`26011513000${second}W`));
  const start = Date.parse("2026-01-15T12:00:00Z");
  const { clock, sent, line, replay } = create(`!\r\n${telegrams.join("")}`, start);
  replay.onOpen(line);
  await clock.runUntil(start + 1500);
  replay.onClose();
  replay.onClose();
  await clock.runUntil(start + 3500);
  expect(sent.map(({ text }) => text)).toEqual(["!\r\n", telegrams[0]]);
  replay.onOpen(line);
  expect(replay.remaining).toBe(2);
  await clock.runUntil(start + 60_000);
  expect(sent.map(({ at }) => at)).toEqual([0, 1000, 4000, 5000]);
});

it("does not send the lead when the port opens after the first telegram", async () => {
  const text = `!\r\n${dsmr5("260115130001W")}${dsmr5("260115130009W")}`;
  const { clock, sent, line, replay } = create(text, Date.parse("2026-01-15T12:00:05Z"));
  replay.onOpen(line);
  await clock.runUntil(clock.now + 60_000);
  expect(sent).toEqual([{ at: 4000, text: dsmr5("260115130009W") }]);
});
