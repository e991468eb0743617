import { leastSquares, predict } from "../../hal-mocks/energy/fit";
import { boardMa, measured } from "../../hal-mocks/energy/measured";
import { table } from "../../tools/cli/table";
import { lifeOf, short } from "../../tools/sim/energy-print";
import type { Halving, Report } from "./report";
import type { Row } from "./rows";

/** Whatever is printed for people. */
export function printReport(report: Report): void {
  const { fit, rows, goals, breakEvens, halvings, stayings, withPassphrase } = report;
  console.log(
    `Fitted on four measured events (upy-esp32-experiments, 5 V side, the boards' ${boardMa.esp32} and ${boardMa.esp32s3} mA included),\n` +
      `by two numbers: a boot lies at ${percent(fit.bootShare)} of the processor's range, a radio that joins sends ${percent(fit.joinShare)} of the time.\n` +
      "Times are as measured; predicted is the charge. The S3's boot is one event of two numbers.\n",
  );
  console.log(
    table(
      ["event", "use", "ms", "measured mC", "ledger mC", "off by"],
      fit.events.map(({ name, use, ms, mC, ledger, error }) => [
        name,
        use === "fit" ? "fitted" : "predicted",
        String(ms),
        mC.toFixed(2),
        ledger.toFixed(2),
        `${(error * 100).toFixed(1)} %`,
      ]),
    ),
  );
  console.log(
    "One terminal that samples each minute; static address, channel remembered, MQTT at QoS 1, the chip alone: a day of\n" +
      "virtual time of its firmware, after two hours that are not counted. mAh a day, and how long 3 L91 last. `formula` is\n" +
      "I_sleep · day + Σ n·Q without a simulation, which knows no status message, no time server and no packet on the air.\n",
  );
  for (const variant of new Set(rows.map((row) => row.variant))) printVariant(variant, rows);
  for (const { name, value, limit, isMet } of goals)
    console.log(`${isMet ? "goal met" : "GOAL MISSED"}: ${name}: ${value.toFixed(2)} (goal ${limit})`);
  console.log(
    `with a passphrase in place of the key these two are ${withPassphrase.eachToQuarter.toFixed(2)} and ${withPassphrase.hourToFloor.toFixed(2)}.\n` +
      `Not in it: what XS takes itself, since no speed of it on a board is published; each 10 ms a wake would add ${report.mAhPer10MsOfWork.toFixed(2)} mAh a day.\n` +
      "The network's times are those measured with an ESP32, also for the other chips; a CT burst is 200 ms of a processor at work.",
  );
  console.log(
    "\nStay associated or reconnect, T*: sessions closer than this are cheaper over a kept connection, in seconds:\n",
  );
  console.log(
    table(
      ["chip", "power save (DTIM 3)", "plain", "TLS resumed", "TLS in full"],
      breakEvens.map(({ chip, powerSave, plain, resumed, full }) => [
        chip,
        powerSave,
        ...[plain, resumed, full].map((value) => (value === null ? "not published" : value.toFixed(1))),
      ]),
    ),
  );
  printHalvings(halvings);
  console.log("Several samples a boot draw less than a boot for each below a period, in seconds, of:\n");
  console.log(
    table(
      ["chip", "waiting awake", "in light sleep"],
      stayings.map(({ chip, awake, lightSleep }) => [
        chip,
        ...[awake, lightSleep].map((value) => (value === null ? "not published" : value.toFixed(2))),
      ]),
    ),
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function printVariant(variant: string, rows: readonly Row[]): void {
  const shown = rows.filter((row) => row.variant === variant);
  const lines = shown.map(({ chip, policy, mAhPerDay, known, lifeDays, parts, formulaMah }) => [
    chip,
    policy,
    mAhPerDay ? short(mAhPerDay.typical) : `>${short(known.typical)}`,
    mAhPerDay ? `${short(mAhPerDay.low)}-${short(mAhPerDay.high)}` : "-",
    lifeDays ? lifeOf(lifeDays.typical) : "-",
    ...[parts.sleep, parts.boot, parts.awake, parts.radio].map(short),
    formulaMah === null ? "-" : short(formulaMah),
  ]);
  const header = ["chip", variant, "mAh/d", "low-high", "life", "sleep", "boot", "awake", "radio", "formula"];
  console.log(table(header, lines));
  for (const what of new Set(shown.flatMap(({ missing }) => missing)))
    console.log(`no published figure of ${what}: left out where it says ">".`);
  console.log("");
}

function printHalvings(halvings: readonly Halving[]): void {
  console.log(
    "What is left at a batch of an hour (ESP32, INA226): mAh a day as it is, then with one thing changed. Estimates but for\n" +
      "the first rows and the passphrase's:\n",
  );
  console.log(
    table(
      ["", "mAh/d", "of it"],
      halvings.map(({ name, mAh, share }) => [name, short(mAh), `${Math.round(share * 100)} %`]),
    ),
  );
}

/** The fit as it is reported. */
export function fitReport(): Report["fit"] {
  const parameters = leastSquares(measured.filter(({ use }) => use === "fit"));
  const events = measured.map((event) => {
    const ledger = predict(event, parameters);
    return {
      name: event.name,
      use: event.use,
      ms: event.ms,
      mC: event.mC,
      ledger,
      error: ledger / event.mC - 1,
    };
  });
  return { ...parameters, events };
}
