import packageJson from "../../../package.json";
import { Quality, qualityName } from "../../../src/model/quality";
import { type HomeAssistant, homeAssistantUnit, titleOf, vocabularyOf } from "../../vocabularies";
import type { DecodedReading } from "../frame";
import type { DescribedColumn } from "../profiles";
import { isoTime } from "../records";
import { type Format, type FrameReadings, identifier } from "./format";

/** A message for Home Assistant's MQTT integration; all of them are to be retained. */
export interface Message {
  topic: string;
  payload: string;
}

/** Home Assistant's default discovery prefix, and ours for the states. */
const DISCOVERY = "homeassistant";
const STATES = "gmh";

/** A frame's readings of a moment: what states replace each other. */
interface Stream {
  topic: string;
  /** Time of the newest reading, −Infinity before any. */
  newest: number;
}

/**
 * Device-based discovery (Home Assistant 2024.11 and newer) and states: for each terminal and point a device, for each
 * channel a sensor, all of it from the registry. The first frame of a stream brings its discovery; each frame then
 * brings the state of its newest reading, because Home Assistant takes what comes as new. Older ones are left out.
 *
 * A missing value is null, which is shown as unknown; of a reading that is not good all values are missing, and the
 * sensor `quality` says why.
 */
export class HomeAssistantMessages {
  readonly #streams = new Map<string, Stream>();
  /** Sensors by unique id: of two streams of a point that have a channel in common, the first has it. */
  readonly #sensors = new Map<string, Stream>();

  /** The messages of a frame, in the order in which they are to be published. */
  of(frame: FrameReadings): Message[] {
    const { device, point, profile } = frame;
    const id = `gridmote_${identifier(device)}_${point}`;
    const key = `${id}_${profile.number}`;
    const known = this.#streams.get(key);
    const stream = known ?? {
      topic: `${STATES}/${identifier(device)}/${point}/${profile.number}`,
      newest: Number.NEGATIVE_INFINITY,
    };
    this.#streams.set(key, stream);
    const messages = known ? [] : [this.#discovery(frame, id, key, stream)];
    const reading = newestOf(frame.readings);
    const time = reading.time ?? stream.newest;
    if (time < stream.newest) return messages;
    stream.newest = time;
    return [
      ...messages,
      { topic: stream.topic, payload: JSON.stringify(stateOf(reading, columnsOf(frame))) },
    ];
  }

  #discovery(frame: FrameReadings, id: string, key: string, stream: Stream): Message {
    const { device, point } = frame;
    const components: Record<string, unknown> = {};
    const add = (name: string, unique: string, component: Record<string, unknown>) => {
      const owner = this.#sensors.get(unique) ?? stream;
      if (owner !== stream) return;
      this.#sensors.set(unique, stream);
      components[name] = {
        platform: "sensor",
        unique_id: unique,
        ...component,
        value_template: `{{ value_json['${name}'] }}`,
      };
    };
    for (const column of columnsOf(frame)) add(column.name, `${id}_${column.name}`, componentOf(column));
    const diagnostic = { entity_category: "diagnostic" };
    add("time", `${key}_time`, { name: "Last reading", device_class: "timestamp", ...diagnostic });
    const options = Object.keys(Quality);
    add("quality", `${key}_quality`, { name: "Quality", device_class: "enum", options, ...diagnostic });
    const payload = {
      device: {
        identifiers: [id],
        name: point ? `${device} point ${point}` : device,
        manufacturer: "Gridmote",
      },
      origin: { name: "gridmote", sw_version: packageJson.version },
      components,
      state_topic: stream.topic,
      qos: 1,
    };
    return { topic: `${DISCOVERY}/device/${key}/config`, payload: JSON.stringify(payload) };
  }
}

/** Home Assistant's messages as lines of `topic payload`. */
export function homeAssistantLines(): Format {
  const messages = new HomeAssistantMessages();
  return {
    needsTime: false,
    write: (frame) =>
      messages
        .of(frame)
        .map(({ topic, payload }) => `${topic} ${payload}\n`)
        .join(""),
  };
}

/** Without the time, which every state has. */
function columnsOf({ profile }: FrameReadings): readonly DescribedColumn[] {
  return profile.columns.slice(1);
}

/** The last reading of those with the latest time. */
function newestOf(readings: readonly DecodedReading[]): DecodedReading {
  return readings.reduce((newest, reading) =>
    (reading.time ?? Number.NEGATIVE_INFINITY) >= (newest.time ?? Number.NEGATIVE_INFINITY)
      ? reading
      : newest,
  );
}

/** What the sensor of a channel is. A channel that this version's registry lacks has its name and unit alone. */
function componentOf(column: DescribedColumn): Record<string, unknown> {
  const meaning = vocabularyOf(column.channel)?.homeAssistant ?? unknownOf(column);
  const { deviceClass, stateClass, options, diagnostic } = meaning;
  const unit = homeAssistantUnit(column.unit);
  const isNumber = stateClass !== undefined;
  return {
    name: titleOf(column.channel) ?? column.name,
    ...(deviceClass && { device_class: deviceClass }),
    ...(stateClass && { state_class: stateClass }),
    ...(isNumber && unit && { unit_of_measurement: unit }),
    ...(isNumber && { suggested_display_precision: Math.max(0, -column.exponent) }),
    ...(options && { options: Object.values(options) }),
    ...(diagnostic && { entity_category: "diagnostic" }),
  };
}

function unknownOf({ kind }: DescribedColumn): HomeAssistant {
  if (kind === "register") return { stateClass: "total_increasing" };
  return kind === "gauge" ? { stateClass: "measurement" } : {};
}

function stateOf({ time, quality, values }: DecodedReading, columns: readonly DescribedColumn[]) {
  const state: Record<string, string | number | null> = {};
  for (const column of columns) {
    const value = quality === Quality.good ? values[column.name] : undefined;
    state[column.name] = value === undefined ? null : shown(value, column);
  }
  const name = qualityName(quality);
  return {
    ...state,
    time: time === undefined ? null : isoTime(time),
    // Of an enumeration Home Assistant takes only what the discovery has named.
    quality: name in Quality ? name : null,
  };
}

function shown(value: number, { channel }: DescribedColumn): string | number | null {
  const { deviceClass, options } = vocabularyOf(channel)?.homeAssistant ?? {};
  if (deviceClass === "timestamp") return isoTime(value * 1000);
  return options ? (options[value] ?? null) : value;
}
