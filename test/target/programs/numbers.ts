import { createRandom, type Random } from "../../../hal-mocks/random";
import { descriptorBytes, encodeDescriptor, profileNumber } from "../../../src/comms/descriptor";
import { loadConfig } from "../../../src/config";
import { crc32 } from "../../../src/crc32";
import { quantise } from "../../../src/lowpower/recorder";
import { NUMBER_BYTES, NumberReader, writeNumber } from "../../../src/lowpower/rows";
import { backoff, devicePhase, nextSlot } from "../../../src/lowpower/wake";
import { channelName, channelNumber } from "../../../src/model/channels";
import type { Column } from "../../../src/model/profiles";
import { crc16 } from "../../../src/sensors/crc16";
import { hex } from "./hex";

const CASES = 300;
const DAY_MS = 86_400_000;

/** Of any size that an integer has here, and of either sign. */
function integer(random: Random): number {
  const size = 2 ** random.below(54);
  const value = Math.floor(random.unit() * size);
  return random.below(2) ? value : -value;
}

function checksums(random: Random): string {
  const bytes = Uint8Array.from({ length: random.below(64) }, () => random.below(256));
  const words = new Int32Array(16);
  const copy = new Uint8Array(words.buffer);
  copy.set(bytes);
  const crcs = [0, 1, 2, 3].map((from) => crc16(from, copy, words, from, Math.max(from, bytes.length)));
  return `${hex(bytes)} ${crc32(bytes)} ${crc32(bytes, bytes.length >>> 1)} ${crcs.join()}`;
}

function wakes(random: Random): string {
  const device = `device-${random.below(1000)}`;
  const period = 1 + random.below(DAY_MS);
  const now = random.below(4) ? Math.floor(random.unit() * 2e12) : random.below(DAY_MS);
  const phase = devicePhase(device, period);
  return [phase, nextSlot(now, period, phase), backoff(device, 1 + random.below(20), 1000, DAY_MS)].join();
}

/** `**` may differ between engines in the last bit; the product of tens is exact. */
function powerOfTen(exponent: number): number {
  let power = 1;
  for (let index = 0; index < exponent; index++) power *= 10;
  return power;
}

/**
 * The bits of a number. As text it may differ where an integer above 2^53 lies half way between two doubles: XS 13.3
 * rounds that up, not to even.
 */
function bits(value: number): string {
  return hex(new Uint8Array(Float64Array.of(value).buffer));
}

function rounded(random: Random): string {
  const value = (random.unit() - 0.5) * powerOfTen(random.below(20));
  const exponent = random.below(9) - 5;
  return `${bits(value)} ${quantise(value, exponent)} ${quantise(integer(random) / 2, 0)}`;
}

function rows(random: Random): string {
  const bytes = new Uint8Array(4 * NUMBER_BYTES);
  const values = Array.from({ length: 4 }, () => (random.below(5) ? integer(random) : Number.NaN));
  let end = 0;
  for (const value of values) end = writeNumber(bytes, end, value);
  const reader = new NumberReader(bytes);
  return `${hex(bytes.subarray(0, end))} ${values.map(() => reader.next()).join()}`;
}

function configured(random: Random): string {
  const pick = (...values: readonly unknown[]): unknown => values[random.below(values.length)];
  const values: Record<string, unknown> = {
    mode: pick("sleeper", "resident", "other", 1),
    sampleMs: pick("0", " 60000", "1e3", -1, 1.5, "2147483648", null),
    port: pick(1883, "8883", "65536", "", "0x10", true),
    device: pick("meter-1", "Meter 1", "", "é"),
    host: pick("broker.example", 7, undefined),
    password: pick("secret", 5, {}),
    unheardOf: pick(1, [2, { three: "drei" }]),
  };
  return JSON.stringify(loadConfig([{ from: "program", values }]));
}

function named(random: Random): string {
  const channel = random.below(50 * 1024);
  const name = channelName(channel);
  try {
    return `${channel} ${name} ${channelNumber(name)}`;
  } catch (error) {
    return `${channel} ${String(error)}`;
  }
}

/** A profile's number, taken or not, and its descriptor. */
function described(random: Random): string {
  const columns = Array.from({ length: 1 + random.below(20) }, (): Column => {
    const channel = random.below(46 * 1024);
    return { channel, name: channelName(channel), exponent: random.below(45) - 22 };
  });
  const number = profileNumber(columns);
  const profile = { number, columns };
  const bytes = encodeDescriptor(profile, new Uint8Array(descriptorBytes(profile)));
  return `${number} ${profileNumber(columns, [number])} ${hex(bytes)}`;
}

/** What the firmware's arithmetic and its settings make of a stream of random cases. */
export default function numbers(): string {
  const random = createRandom("numbers");
  const lines: string[] = [];
  for (let index = 0; index < CASES; index++) {
    for (const make of [checksums, wakes, rounded, rows, configured, named, described])
      lines.push(`${make.name}: ${make(random)}`);
  }
  return lines.join("\n");
}
