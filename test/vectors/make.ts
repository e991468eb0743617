// Makes test/vectors/frames.json: GRIDMOTE_ENTRY=test/vectors/make.ts node tools/launch.mjs >test/vectors/frames.json
// What is in it is not to change: a terminal in the field goes on to send what it has always sent.
import { createRandom, type Random } from "../../hal-mocks/random";
import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame, type FrameContent } from "../../src/comms/frame/encode";
import { channelNumber } from "../../src/model/channels";
import type { Column } from "../../src/model/profiles";

const LARGEST = Number.MAX_SAFE_INTEGER;

function column(text: string): Column {
  const [name, exponent = "0"] = text.split("@");
  return { channel: channelNumber(name), name, exponent: Number(exponent) };
}

interface Made {
  name: string;
  columns: readonly Column[];
  content: FrameContent;
}

function made(
  name: string,
  columns: string,
  rows: readonly (readonly number[])[],
  more: Partial<FrameContent> = {},
): Made {
  const all = columns.split(" ").map(column);
  const values = all.slice(1).flatMap((_, index) => rows.map((row) => row[index + 1]));
  const content = {
    profile: 200,
    boot: 3_575_348_104,
    seq: 7,
    count: rows.length,
    dated: true,
    times: rows.map(([time]) => time),
    qualities: rows.map(() => 0),
    values,
    columns: all.length - 1,
    ...more,
  };
  return { name, columns: all, content };
}

/** A house with power that wanders, and registers that follow it. */
function house(random: Random, count: number, columns: number): number[][] {
  let watts = 900;
  let wattSeconds = 0;
  return Array.from({ length: count }, (_, row) => {
    watts += random.below(201) - 100;
    const volts = 2300 + random.below(30);
    const q = 50 + random.below(10);
    const milliamperes = Math.floor((Math.sqrt(watts * watts + q * q) * 10_000) / volts) + random.below(20);
    wattSeconds += watts * 10;
    const energy = [12_345_678, 2_345_678];
    energy[wattSeconds < 0 ? 1 : 0] += Math.floor(Math.abs(wattSeconds) / 3600);
    return [
      1_780_000_000 + 10 * row,
      volts,
      milliamperes,
      watts,
      q,
      5000 + random.below(5),
      ...energy,
      215,
      9,
    ].slice(0, columns);
  });
}

const POINT = "t v@-1 i@-3 p q f@-2 ei ee tc@-1 flags";

function all(): Made[] {
  const random = createRandom("vectors");
  const start = 1_780_000_000;
  const rough = house(random, 40, 10).map((row, index) => [
    row[0] + (index > 20 ? 3600 : 0) + random.below(2),
    ...row.slice(1).map((value) => (random.below(6) ? value : Number.NaN)),
  ]);
  return [
    made("one reading", POINT, house(random, 1, 10)),
    made("thirty readings", POINT, house(random, 30, 10)),
    made(
      "undated",
      POINT,
      house(random, 5, 10).map((row, index) => [10 * index, ...row.slice(1)]),
      { dated: false },
    ),
    made("missing values, a gap, irregular times", POINT, rough),
    made(
      "quality codes",
      "t pi",
      [3, 0, 0, 5].map((_, index) => [start + index, 100 + index]),
      { qualities: [3, 0, 0, 5] },
    ),
    made("a register that was replaced", "t p ei", [
      [0, 1000, 5000],
      [60, 1000, 5017],
      [120, 1000, 3],
      [180, 1000, 20],
    ]),
    made(
      "the largest and the smallest",
      "t p v@-1",
      [
        [-LARGEST, LARGEST, 0],
        [LARGEST, -LARGEST, -LARGEST],
        [0, 0, LARGEST],
      ],
      { times: [0, 1, 2] },
    ),
    made(
      "three phases and their sum",
      "t p p_l1 p_l2 p_l3 v_l1@-1 i_l1@-2 ei",
      Array.from({ length: 20 }, (_, row) => {
        const phases = [random.below(3000) - 1000, random.below(100), random.below(50)];
        const sum = phases.reduce((left, right) => left + right, 0);
        return [
          start + 60 * row,
          sum + random.below(2),
          ...phases,
          2310 + random.below(9),
          random.below(1300),
          77_000 + 20 * row,
        ];
      }),
    ),
    made(
      "a meter's clock, tariffs and phases",
      "t clock ei_t1 ei_t2 ee_t1 tariff pi pe pi_l1 pe_l1 q qi",
      Array.from({ length: 15 }, (_, row) => {
        const at = start + 60 * row;
        return [at, at - 3, 5000 + 10 * row, 7000, 100 + row, 1, 600 + random.below(90), 0, 300, 0, 40, 40];
      }),
    ),
    made("registers that begin late, and stop", "t p ei ee", [
      [start, 1800, Number.NaN, Number.NaN],
      [start + 600, 1800, Number.NaN, 5],
      [start + 1200, 1800, 300, 5],
      [start + 1800, 1800, Number.NaN, Number.NaN],
      [start + 2400, 1800, 900, 5],
    ]),
    made("nothing known", "t v@-1 i@-2", [
      [start, Number.NaN, Number.NaN],
      [start + 5, Number.NaN, Number.NaN],
    ]),
  ];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function vectorOf({ name, columns, content }: Made) {
  const { count, times, qualities, values, ...envelope } = content;
  const target = new Uint8Array(65_536);
  const columnOf = (index: number) =>
    Array.from({ length: count }, (_, row) => {
      const value = values[index * count + row];
      return Number.isNaN(value) ? null : value;
    });
  return {
    name,
    columns: columns.map(({ channel, exponent }) => [channel, exponent]),
    profile: envelope.profile,
    boot: envelope.boot,
    seq: envelope.seq,
    dated: envelope.dated,
    times: Array.from(times),
    quality: Array.from(qualities),
    values: columns.slice(1).map((_, index) => columnOf(index)),
    plain: plainOf(content, target),
    dense: hex(encodeDenseFrame(content, columns, target)),
  };
}

/** Null where the plain body cannot hold a difference. */
function plainOf(content: FrameContent, target: Uint8Array): string | null {
  try {
    return hex(encodeFrame(content, target));
  } catch {
    return null;
  }
}

const lines = all().map((vector) => `  ${JSON.stringify(vectorOf(vector))}`);
console.log(`[\n${lines.join(",\n")}\n]`);
