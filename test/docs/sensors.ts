import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { channelNumber, quantityOf } from "../../src/model/channels";
import { Quality } from "../../src/model/quality";
import { type BusKind, type DriverRow, drivers, optionsOf } from "../../src/sensors/drivers";
import { SLOT_NAMES } from "../../src/sensors/p1-line";
import { P1_MBUS_CHANNELS } from "../../src/sensors/p1-mbus";
import { SML_CHANNELS } from "../../src/sensors/sml-list";
import { sunSpecTable } from "../../src/sensors/sunspec-models";
import { vocabularies } from "../../tools/vocabularies";
import { driverBenches } from "../support/driver-benches";
import { StepClock } from "../support/step-clock";

// Makes the table of docs/sensors.md from what the drivers themselves say and do.

const BEGIN = "<!-- made by `npm run docs:sensors` -->\n";
const END = "<!-- end -->\n";
/** In which every driver has given all that it measures. */
const BENCH_MS = 30_000;

const BUSES: Readonly<Record<BusKind, string>> = {
  meter: "serial",
  p1: "serial, shared",
  serial: "serial",
  modbus: "Modbus RTU or TCP",
  i2c: "I2C",
  pulses: "pulse counters and a digital output",
};

/** Channels by driver, where no one device has all of them. */
const DECLARED: Readonly<Record<string, () => readonly string[]>> = {
  p1: () => SLOT_NAMES,
  p1mbus: () => P1_MBUS_CHANNELS,
  sml: () => SML_CHANNELS,
  sunspec: () =>
    [101, 160, 201, 701, 713, 802]
      .flatMap((id) => {
        const { rows, repeated } = sunSpecTable(id)!;
        return [rows, repeated?.rows ?? ""].flatMap((text) =>
          text.split("|").map((row) => row.split(" ")[0]),
        );
      })
      .filter((name) => name),
};

function repository(): string {
  let folder = import.meta.dirname;
  for (;;) {
    try {
      readFileSync(join(folder, "package.json"));
      return folder;
    } catch {
      folder = dirname(folder);
    }
  }
}

const read = (...path: string[]) => readFileSync(join(repository(), ...path), "utf8");

/** What a driver's bench has given in good samples, and what the driver says that it is. */
function observe(name: string): { model: string; classification: string; channels: readonly string[] } {
  const bench = driverBenches.find((candidate) => candidate.name === name);
  if (!bench) throw new Error(`test/support/driver-benches.ts has no row "${name}"`);
  const clock = new StepClock();
  const channels = new Set<string>();
  const driver = bench.open(clock, () => {
    const { quality, ticks, ...values } = driver.sample() ?? { quality: Quality.silent };
    if (quality === Quality.good) for (const channel of Object.keys(values)) channels.add(channel);
  });
  clock.pass(BENCH_MS);
  driver.close();
  if (!channels.size) throw new Error(`${name}: its bench gives no good sample`);
  return { ...driver.identification, channels: DECLARED[name]?.() ?? [...channels] };
}

/** Titles of quantities, in the registry's order: phases, tariffs and ports are what they are of. */
function quantitiesOf(channels: readonly string[]): string {
  const rows = channels.map((name) => quantityOf(channelNumber(name))!);
  const names = new Set(rows.sort((a, b) => a.number - b.number).map(({ name }) => name));
  return [...names].map((name) => vocabularies[name].title.toLowerCase()).join(", ");
}

/** A driver's class and its file, as the table of drivers has them. Bundlers change the names of classes. */
function classOf(driver: string): { name: string; module: string } {
  const table = read("src/sensors/drivers.ts");
  const [, name] = new RegExp(`^  ${driver}: row\\((\\w+),`, "m").exec(table) ?? [];
  const [, module] = new RegExp(`import \\{ ${name} \\} from "\\./(.*)";`).exec(table) ?? [];
  if (!module) throw new Error(`src/sensors/drivers.ts: the class of ${driver} is not to be found`);
  return { name, module };
}

/** The beginning of the class's comment. */
function deviceOf({ name, module }: { name: string; module: string }): string {
  const text = read("src/sensors", `${module}.ts`);
  const before = text.slice(0, text.indexOf(`export class ${name} `)).trimEnd();
  if (!before.endsWith("*/")) throw new Error(`src/sensors/${module}.ts: ${name} has no comment`);
  const comment = before
    .slice(before.lastIndexOf("/**") + 3, -2)
    .replaceAll(/\s*\n \*\s*/g, " ")
    .trim();
  return comment.split(/, after ECMA-419|[.:](?: |$)/)[0];
}

function testsOf(module: string): string {
  // What a terminal shares is tested as what it shares.
  const modules = [module, module.replace("-shared", "")];
  const files = readdirSync(join(repository(), "test/sensors")).filter((file) => file.endsWith(".test.ts"));
  const found = files.filter((file) => {
    const text = read("test/sensors", file);
    const stem = file.replace(".test.ts", "");
    return modules.some((name) => stem === name || text.includes(`/sensors/${name}"`));
  });
  if (!found.length) throw new Error(`test/sensors has no test of ${module}`);
  return found.map((file) => `[${file.replace(".test.ts", "")}](../test/sensors/${file})`).join(", ");
}

/** The table, each line of it whole. */
export function sensorsTable(): string {
  const lines = [
    "| driver | what it reads | says it is | bus | quantities | options | tests |",
    "|---|---|---|---|---|---|---|",
  ];
  for (const [name, row] of Object.entries<DriverRow>(drivers)) {
    const found = classOf(name);
    const { model, classification, channels } = observe(name);
    const options = optionsOf(row)
      .map((option) => `\`${option}\``)
      .join(" ");
    const cells = [`\`${name}\``, deviceOf(found), `${model}, ${classification}`, BUSES[row.bus]];
    lines.push(`| ${[...cells, quantitiesOf(channels), options, testsOf(found.module)].join(" | ")} |`);
  }
  return lines.map((line) => `${line}\n`).join("");
}

export const DOCUMENT = join(repository(), "docs", "sensors.md");

/** The document with the table of today in place of the one that it has. */
export function updated(document: string): string {
  const begin = document.indexOf(BEGIN) + BEGIN.length;
  const end = document.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new Error("docs/sensors.md: its two comments are gone");
  return document.slice(0, begin) + sensorsTable() + document.slice(end);
}
