import { decode } from "cbor-x";
import { decodeFrame, type Frame } from "../../tools/decode/frame";
import type { History } from "./history";
import { channelsAt } from "./meter";
import { METER_OFFSET, SAMPLE_MS } from "./node";

/** A telegram's time on the line, the whole seconds of a time server, and what was learned of the clock from those. */
const LARGEST_TIME_ERROR_MS = 3_000;
/** Between readings that are further apart, registers do not grow: src/lowpower/integrator.ts. */
const LONGEST_GAP_S = (3 * SAMPLE_MS) / 1000;
const HOUR_S = 3600;
const REGISTERS = [
  { register: "ei", power: "pi" },
  { register: "ee", power: "pe" },
] as const;

interface Row {
  boot: number;
  second: number;
  values: Record<string, number>;
}

interface FrameNumber {
  boot: number;
  seq: number;
}

/** What was dropped, as docs/events.md has it. */
interface Overflow {
  first: FrameNumber;
  last: FrameNumber;
  frames: number;
  events: number;
}

interface NewEpoch {
  boot: number;
  before: FrameNumber;
  /** Unix seconds of the last reading before; null when that was not dated. */
  end: number | null;
}

const OVERFLOW = 1;
const NEW_EPOCH = 2;

/**
 * Judges what a node has said and stored, by what the world knows. It keeps what it has found of a payload: most
 * histories have the same beginning.
 */
export class Checker {
  readonly #frames = new WeakMap<Uint8Array, Frame>();
  readonly #worlds = new Map<number, Record<string, number>>();
  readonly #right = new WeakSet<Frame>();

  /** One line for each fault; none when all is well. */
  faults(history: History): string[] {
    return new Judgement(history, this).faults;
  }

  frameOf(payload: Uint8Array): Frame | undefined {
    const known = this.#frames.get(payload);
    if (known) return known;
    const result = decodeFrame(payload);
    if (!result.ok) return undefined;
    this.#frames.set(payload, result.frame);
    return result.frame;
  }

  /** What is wrong with a frame by itself. */
  wrongIn(frame: Frame): string | undefined {
    if (this.#right.has(frame)) return undefined;
    for (const { quality, values, time } of frame.readings) {
      if (quality !== 0) return `a reading of quality ${quality}`;
      const { clock } = values;
      const world = this.#worldAt(clock);
      for (const name in world)
        if (values[name] !== world[name]) return `${name} of ${clock} is ${values[name]}`;
      const off = time === undefined ? 0 : time - clock * 1000 - METER_OFFSET;
      if (Math.abs(off) > LARGEST_TIME_ERROR_MS) return `the time of ${clock} is off by ${off} ms`;
    }
    this.#right.add(frame);
    return undefined;
  }

  #worldAt(second: number): Record<string, number> {
    const known = this.#worlds.get(second) ?? channelsAt(second);
    this.#worlds.set(second, known);
    return known;
  }
}

class Judgement {
  readonly faults: string[] = [];
  readonly #history: History;
  readonly #checker: Checker;
  /** What was stored, in order, each frame once; and its place by its number. */
  readonly #stored: { frame: Frame; isWhole: boolean; key: string; isDelivered: boolean }[] = [];
  readonly #places = new Map<string, number>();
  readonly #overflows: Overflow[] = [];
  readonly #epochs = new Map<number, NewEpoch>();

  constructor(history: History, checker: Checker) {
    this.#history = history;
    this.#checker = checker;
    this.#readStored();
    this.#readReceived();
    this.#checkLosses();
    this.#checkTaken();
    this.#checkRows();
    this.#checkEpochs();
  }

  #readStored(): void {
    for (const { payload, isWhole } of this.#history.stored) {
      const frame = this.#checker.frameOf(payload);
      if (!frame) {
        this.faults.push("what was stored is no frame");
        continue;
      }
      const key = keyOf(frame);
      const place = this.#places.get(key);
      if (place === undefined) {
        this.#places.set(key, this.#stored.length);
        this.#stored.push({ frame, isWhole, key, isDelivered: false });
        continue;
      }
      const first = this.#stored[place];
      if (!isSame(first.frame, frame)) this.faults.push(`${key} is used for two frames`);
      // A torn record is written again under another id.
      first.isWhole ||= isWhole;
    }
  }

  #readReceived(): void {
    let last = -1;
    const said = new Set<string>();
    for (const { topic, payload } of this.#history.received) {
      if (topic.endsWith("/e")) {
        const text = payload.join();
        if (!said.has(text)) this.#readEvent(payload);
        said.add(text);
      }
      if (!topic.endsWith("/f")) continue;
      const frame = this.#checker.frameOf(payload);
      if (!frame) {
        this.faults.push("what was delivered is no frame");
        continue;
      }
      const key = keyOf(frame);
      const wrong = this.#checker.wrongIn(frame);
      if (wrong) this.faults.push(`${key} was delivered with a wrong value: ${wrong}`);
      const place = this.#places.get(key);
      if (place === undefined) {
        this.faults.push(`${key} was delivered, and never stored`);
        continue;
      }
      const stored = this.#stored[place];
      if (!isSame(stored.frame, frame))
        this.faults.push(`${key} was delivered with other values than stored`);
      if (!stored.isDelivered && place < last) this.faults.push(`${key} was delivered out of order`);
      last = Math.max(last, place);
      stored.isDelivered = true;
    }
  }

  #readEvent(payload: Uint8Array): void {
    const [kind, ...items] = decode(payload) as [number, ...unknown[]];
    if (kind === OVERFLOW) {
      const [boot1, seq1, boot2, seq2, frames, , , , events] = items as number[];
      this.#overflows.push({
        first: { boot: boot1, seq: seq1 },
        last: { boot: boot2, seq: seq2 },
        frames,
        events,
      });
    } else if (kind === NEW_EPOCH) {
      const [boot, before, seq, [[, end]]] = items as [number, number, number, [number, number | null][]];
      this.#epochs.set(boot, { boot, before: { boot: before, seq }, end });
    } else this.faults.push(`an event of kind ${kind}`);
  }

  /** All that was stored and has not come is within a stated gap, and no gap says less than that. */
  #checkLosses(): void {
    let stated = 0;
    const gaps = this.#overflows.map(({ first, last, frames }) => {
      stated += frames;
      return [this.#places.get(keyOf(first)) ?? Number.NaN, this.#places.get(keyOf(last)) ?? Number.NaN];
    });
    let lost = 0;
    this.#stored.forEach(({ key, isWhole, isDelivered }, place) => {
      if (!isWhole || isDelivered) return;
      lost++;
      if (!gaps.some(([first, last]) => first <= place && place <= last)) {
        this.faults.push(`${key} was stored, and is lost`);
      }
    });
    if (lost > stated) this.faults.push(`${lost} frames are lost, and ${stated} are said to be`);
  }

  /** No reading comes twice, and what retained memory has kept comes, but for the batch that is open now. */
  #checkTaken(): void {
    const seconds = new Set<number>();
    for (const { frame, isDelivered, isWhole, key } of this.#stored) {
      if (!isDelivered && !isWhole) continue;
      for (const { values } of frame.readings) {
        if (seconds.has(values.clock))
          this.faults.push(`${key} has the reading of ${values.clock} once more`);
        seconds.add(values.clock);
      }
    }
    const { taken, inherited } = this.#history;
    const last = Math.max(...seconds);
    taken.forEach((second, place) => {
      const isOpen = place >= inherited && second > last;
      if (!isOpen && !seconds.has(second)) this.faults.push(`the reading of ${second} was kept, and is lost`);
    });
  }

  /** Registers grow by what has flowed, and go on where the frame that was stored last has left them. */
  #checkRows(): void {
    let before: Row | undefined;
    for (const { frame, isDelivered, isWhole } of this.#stored) {
      if (!isDelivered && !isWhole) continue;
      for (const { values } of frame.readings) {
        const row = { boot: frame.boot, second: values.clock, values };
        if (before) this.#checkGrowth(before, row);
        before = row;
      }
    }
  }

  #checkGrowth(before: Row, { boot, second, values }: Row): void {
    const span = second - before.second;
    if (span <= 0) this.faults.push(`the reading of ${second} comes after that of ${before.second}`);
    for (const { register, power } of REGISTERS) {
      const growth = values[register] - before.values[register];
      const isOn = boot === before.boot && span <= LONGEST_GAP_S;
      const flown = isOn ? ((values[power] + before.values[power]) / 2) * (span / HOUR_S) : 0;
      if (Math.abs(growth - flown) < 1) continue;
      const end = boot === before.boot ? second : undefined;
      const between = this.#history.times.filter((time) => time > before.second && time <= second).length;
      if (!canGrow(growth, power, before.second, end, second, between))
        this.faults.push(`${register} goes by ${growth} Wh from ${before.second} up to ${second}`);
    }
  }

  /** Each epoch that has stored something says what was the last of the one before. */
  #checkEpochs(): void {
    if (this.#overflows.some(({ events }) => events > 0)) return;
    let before: Frame | undefined;
    for (const { frame, isDelivered, isWhole } of this.#stored) {
      if (!isDelivered && !isWhole) continue;
      if (before && before.boot !== frame.boot) this.#checkEpoch(frame.boot, before);
      before = frame;
    }
  }

  #checkEpoch(boot: number, last: Frame): void {
    const event = this.#epochs.get(boot);
    if (!event) {
      this.faults.push(`epoch ${boot} is not said to be a new one`);
      return;
    }
    if (keyOf(event.before) !== keyOf(last))
      this.faults.push(`epoch ${boot} is said to follow ${keyOf(event.before)}, and follows ${keyOf(last)}`);
    const { end } = event;
    const { clock } = last.readings[last.readings.length - 1].values;
    if (end !== null && Math.abs(end - clock) * 1000 > LARGEST_TIME_ERROR_MS)
      this.faults.push(`epoch ${boot} says that ${end} was read last, which was ${clock}`);
  }
}

function keyOf({ boot, seq }: FrameNumber): string {
  return `${boot}/${seq}`;
}

/**
 * Whether a register that the node integrates can have grown so from one reading to the next one. A reading that was
 * lost with a cut may have been integrated before.
 * @param end where the integral ends; undefined where a new epoch begins, which knows of no power before.
 * @param second that of the next reading.
 * @param lost how many readings may have been lost in between.
 */
function canGrow(
  growth: number,
  power: "pi" | "pe",
  start: number,
  end: number | undefined,
  second: number,
  lost: number,
): boolean {
  const last = end === undefined ? 0 : flownWh(power, start, end);
  if (Math.abs(growth - last) < 1) return true;
  for (let between = start + 1; lost && between < second; between++) {
    if (canGrow(growth - flownWh(power, start, between), power, between, end, second, lost - 1)) return true;
  }
  return false;
}

/** By the trapezoidal rule. */
function flownWh(power: "pi" | "pe", start: number, end: number): number {
  const span = end - start;
  if (span > LONGEST_GAP_S) return 0;
  return ((channelsAt(start)[power] + channelsAt(end)[power]) / 2) * (span / HOUR_S);
}

/** But for its date, which may come later. */
function isSame(a: Frame, b: Frame): boolean {
  if (a === b) return true;
  return (
    a.readings.length === b.readings.length &&
    a.readings.every(({ quality, values }, row) => {
      const other = b.readings[row];
      const names = Object.keys(values);
      return (
        quality === other.quality &&
        names.length === Object.keys(other.values).length &&
        names.every((name) => values[name] === other.values[name])
      );
    })
  );
}
