import { encodeDenseFrame } from "../../src/comms/frame/dense";
import { encodeFrame, type FrameContent } from "../../src/comms/frame/encode";
import { type Batch, emptyBatch, Recorder } from "../../src/lowpower/recorder";
import { channelNumber } from "../../src/model/channels";
import type { Profile } from "../../src/model/profiles";
import { Quality } from "../../src/model/quality";
import type { Sample } from "../../src/model/reading";
import { stringify } from "./stringify";

const READINGS = 30;
const PERIOD_MS = 60_000;
const EPOCH_MS = 1_780_264_800_000;
const BATCH_BYTES = 4096;
const FRAME_BYTES = 4096;
const BOOT = 3_575_348_104;

/** Of each channel: exponent, first value, growth a reading, and by how much it goes up and down. */
const CHANNELS: readonly [name: string, exponent: number, first: number, growth: number, swing: number][] = [
  ["ei_t1", 0, 8_122_368, 0, 0],
  ["ei_t2", 0, 5_061_184, 7, 3],
  ["ee_t1", 0, 791_374, 0, 0],
  ["ee_t2", 0, 1_780_592, 1, 2],
  ["pi", 0, 317, 0, 180],
  ["pe", 0, 0, 0, 0],
  ["v_l1", -1, 228.9, 0, 2.3],
  ["v_l2", -1, 231.7, 0, 1.9],
  ["i_l1", -2, 1, 0, 2],
  ["i_l2", -2, 0, 0, 1],
];

/** A frame's ten columns beside its time. */
const PROFILE: Profile = {
  number: 1000,
  columns: [
    { channel: 0, name: "t", exponent: 0 },
    ...CHANNELS.map(([name, exponent]) => ({ channel: channelNumber(name), name, exponent })),
  ],
};

/** A reading as a program without a frame would send it. */
interface Plain extends Sample {
  t: number;
}

/** Rises and falls within 7 readings. */
function readings(): Plain[] {
  const made: Plain[] = [];
  for (let index = 0; index < READINGS; index++) {
    const reading: Plain = { t: EPOCH_MS / 1000 + index * 60, quality: Quality.good };
    for (const [name, exponent, first, growth, swing] of CHANNELS) {
      const value = first + growth * index + (swing * ((index * 3) % 7)) / 7;
      const unit = exponent === 0 ? 1 : exponent === -1 ? 10 : 100;
      reading[name] = Math.round(value * unit) / unit;
    }
    made.push(reading);
  }
  return made;
}

/** The frame's item as arrays: what `encodeFrame` writes without making it. */
function itemOf({ profile, boot, seq, times, values, count, columns }: FrameContent): unknown[] {
  const body: unknown[] = [times[1] - times[0], 0];
  for (let column = 0; column < columns; column++) {
    const first = column * count;
    const rows: number[] = [values[first]];
    for (let row = first + 1; row < first + count; row++) rows.push(values[row] - values[row - 1]);
    body.push(rows.every((difference, row) => row === 0 || difference === 0) ? values[first] : rows);
  }
  return [profile, boot, seq, times[0], count, body];
}

interface Encoder {
  encode(value: unknown): Uint8Array;
}

let plain: Plain[] = [];
let batch: Batch;
let recorder: Recorder;
let item: unknown[] = [];
let encoder: Encoder;

function prepare(): void {
  plain = readings();
  batch = emptyBatch(PROFILE, BATCH_BYTES);
  recorder = new Recorder(PROFILE, batch, READINGS + 1);
}

function timeAt(ticks: number): number {
  return EPOCH_MS + ticks;
}

function record(): number {
  for (let index = 0; index < READINGS; index++) recorder.append(index * PERIOD_MS, plain[index]);
  return batch.length;
}

function encode(): Uint8Array {
  return encodeFrame(recorder.content(BOOT, 7, timeAt), new Uint8Array(FRAME_BYTES));
}

function encodeDense(): Uint8Array {
  const content = recorder.content(BOOT, 7, timeAt);
  return encodeDenseFrame(content, PROFILE.columns, new Uint8Array(FRAME_BYTES));
}

async function load(): Promise<void> {
  const { Encoder } = await import("cbor-x");
  encoder = new Encoder({ useRecords: false });
}

/** Each event is an operation; what it has made comes back, or its size. */
export default function onEvent(event: string): unknown {
  switch (event) {
    case "prepare":
      return prepare();
    case "record":
      return record();
    case "encode":
      return encode();
    case "encode dense":
      return encodeDense();
    case "item":
      item = itemOf(recorder.content(BOOT, 7, timeAt));
      return undefined;
    case "load":
      return void load();
    case "cbor-x readings":
      return encoder.encode(plain);
    case "cbor-x frame":
      return encoder.encode(item);
    case "json readings":
      return stringify(plain);
    case "json frame":
      return stringify(item);
    default:
      throw new RangeError(`there is no event "${event}"`);
  }
}
