import type { Format } from "./format";
import { homeAssistantLines } from "./homeassistant";
import { influxLines, type Precision } from "./influx";
import { jsonLines } from "./jsonl";
import { senmlJson } from "./senml";
import { senmlCbor } from "./senml-cbor";

export interface FormatOptions {
  /** Of Influx's timestamps. */
  precision: Precision;
  /** SenML without secondary units. */
  primaryUnits: boolean;
}

/** What `gridmote decode --format` takes. */
export const formats = {
  jsonl: jsonLines,
  senml: senmlJson,
  "senml-cbor": senmlCbor,
  influx: ({ precision }) => influxLines(precision),
  homeassistant: homeAssistantLines,
} as const satisfies Readonly<Record<string, (options: FormatOptions) => Format>>;

export type FormatName = keyof typeof formats;
