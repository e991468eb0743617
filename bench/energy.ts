import { runBench } from "./arguments";
import { fitReport, printReport } from "./energy/print";
import {
  breakEvensOf,
  goalsOf,
  halvingsOf,
  type Report,
  stayingsOf,
  withPassphraseOf,
  workOf,
} from "./energy/report";
import { type Row, rowsOf, variants } from "./energy/rows";

async function main(asJson: boolean): Promise<number> {
  const rows: Row[] = [];
  for (const variant of variants) {
    if (!asJson) process.stderr.write(`bench:energy: ${variant.name}\n`);
    rows.push(...(await rowsOf(variant)));
  }
  const fit = fitReport();
  const report: Report = {
    fit,
    rows,
    goals: goalsOf(fit, rows),
    breakEvens: breakEvensOf(),
    halvings: halvingsOf(rows),
    stayings: stayingsOf(),
    withPassphrase: withPassphraseOf(rows),
    mAhPer10MsOfWork: workOf(),
  };
  if (asJson) console.log(JSON.stringify(report, null, 2));
  else printReport(report);
  return report.goals.every(({ isMet }) => isMet) ? 0 : 1;
}

await runBench("bench:energy", main);
