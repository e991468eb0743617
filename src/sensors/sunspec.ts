import type { Sample } from "../model/reading";
import { MAX_READ_REGISTERS, ModbusBuffer, ModbusCode } from "./modbus";
import type { ModbusFault } from "./modbus-bus";
import {
  type Block,
  ModbusSensor,
  type ModbusSensorConfiguration,
  type ModbusSensorOptions,
  type SensorFault,
} from "./modbus-sensor";
import { type SunSpecPart, sunSpecTable } from "./sunspec-models";
import { extentOf, type Points, pointsOf, pointValue } from "./sunspec-points";
import { type FoundModel, type SunSpecDevice, SunSpecScan } from "./sunspec-scan";

export interface SunSpecConfiguration extends ModbusSensorConfiguration {
  /**
   * Which of the device's models make the sample: `inverter` (101-103, 111-113, 701, and 160 for its DC inputs), `meter`
   * (201-204) or `battery` (802, 713). Unless given, that of the first model that is one of them.
   */
  part?: SunSpecPart;
  /** The most registers in one read, 3 to 125 (the default): some devices take fewer. */
  maxRegisters?: number;
}

const PARTS: readonly SunSpecPart[] = ["inverter", "meter", "battery"];
const HEADER_BYTES = 4;
/** Above twice as much a current is nonsense. */
const MAX_A = 3000;
const CHARGING = 4;
const DISCHARGING = 3;

/** A model that is read: all of it that is needed, header first. */
interface ReadModel {
  id: number;
  length: number;
  view: DataView;
  points: Points;
}

/** A part of a model: chunks of a long one. */
interface Chunk extends Block {
  /** The model that is whole with this chunk's first registers: its header stands there. */
  head: ReadModel | undefined;
}

/**
 * A SunSpec inverter, meter or battery over Modbus TCP or RTU. It finds the device's models by itself, at the first
 * sample and again when they are not where they were. What a device does not implement is absent.
 *
 * Signs: of an inverter `p` and `q` are negative while it produces (models 101-113 and 701 count that positive); of a
 * battery `dci` and `dcp` are positive when it charges, by its charge state; where that says neither, they have the
 * device's own sign, which model 802 does not define. A meter's are the device's. `pf` has the sign of `p`.
 */
export class SunSpec extends ModbusSensor {
  readonly identification = { model: "SunSpec", classification: "PowerMeter" } as const;
  #part: SunSpecPart | undefined;
  #maxRegisters = MAX_READ_REGISTERS;
  #scan = new SunSpecScan();
  #found: SunSpecDevice | undefined;
  /** The step at which a round begins to read models. */
  #readFrom = 0;
  #models: ReadModel[] = [];
  #chunks: Chunk[] = [];

  constructor(options: ModbusSensorOptions) {
    super("sunspec", options, false);
  }

  /** @throws RangeError that names the field; nothing has changed then. */
  override configure(options: SunSpecConfiguration): void {
    const { part = this.#part, maxRegisters = this.#maxRegisters } = options;
    if (part !== undefined && !PARTS.includes(part))
      throw new RangeError(`sunspec: part is "${part}", expected ${PARTS.join(", ")}`);
    this.checkInteger("maxRegisters", maxRegisters, 3, MAX_READ_REGISTERS);
    super.configure(options);
    if (part === this.#part && maxRegisters === this.#maxRegisters) return;
    this.#part = part;
    this.#maxRegisters = maxRegisters;
    if (this.#scan.isDone) this.#choose();
  }

  /** What the device said of itself when its models were found last; undefined before. */
  get found(): SunSpecDevice | undefined {
    return this.#found;
  }

  protected blockAt(step: number): Block | undefined {
    if (step === 0) this.#readFrom = 0;
    return this.#scan.isDone ? this.#chunks[step - this.#readFrom] : this.#scan.block;
  }

  protected override judge(step: number, fault: ModbusFault | null): SensorFault | undefined {
    if (!this.#scan.isDone) {
      const bad = this.#scan.judge(fault);
      if (!bad && this.#scan.isDone) {
        this.#readFrom = step + 1;
        this.#found = this.#scan.device;
        this.#choose();
      }
      return bad;
    }
    if (fault) return fault;
    const { head } = this.#chunks[step - this.#readFrom];
    const isThere = !head || (head.view.getUint16(0) === head.id && head.view.getUint16(2) === head.length);
    return isThere ? undefined : "malformed";
  }

  /** Where the device has no such registers any more, it has others. */
  protected override failed(fault: SensorFault): void {
    if (!this.#scan.isDone || fault === "malformed" || fault === "exception") this.#scan = new SunSpecScan();
  }

  protected fill(sample: Sample): SensorFault | undefined {
    let hasValues = false;
    for (const { view, points } of this.#models) {
      for (let index = 0; index < points.channels.length; index++) {
        const value = pointValue(view, HEADER_BYTES, points, index);
        if (Number.isNaN(value)) continue;
        if (value < points.low[index] || value > points.high[index]) return "implausible";
        // Of two models with the same quantity, the first.
        sample[points.channels[index]] ??= value;
        hasValues = true;
      }
    }
    signFactors(sample);
    signBattery(sample);
    return hasValues ? undefined : "malformed";
  }

  /** The models of the part, and the reads that they take. */
  #choose(): void {
    const { found } = this.#scan;
    const first = found.find(({ id }) => sunSpecTable(id));
    const part = this.#part ?? (first && sunSpecTable(first.id)!.part);
    this.#models = [];
    this.#chunks = [];
    if (!part) return;
    for (const model of found) if (sunSpecTable(model.id)?.part === part) this.#add(model);
  }

  #add({ id, address, length }: FoundModel): void {
    const points = pointsOf(sunSpecTable(id)!, length, MAX_A);
    const count = HEADER_BYTES / 2 + extentOf(points);
    const buffer = new ModbusBuffer(2 * count);
    const view = new DataView(buffer.bytes.buffer);
    const model = { id, length, view, points };
    this.#models.push(model);
    for (let at = 0; at < count; at += this.#maxRegisters) {
      const size = Math.min(this.#maxRegisters, count - at);
      const data = buffer.bytes.subarray(2 * at, 2 * (at + size));
      const head = at === 0 ? model : undefined;
      const block = { code: ModbusCode.readHolding, address: address + at, count: size };
      this.#chunks.push({ ...block, buffer, data, view, head });
    }
  }
}

/** What the sign of a power factor means differs from device to device; ours is that of the power. */
function signFactors(sample: Sample): void {
  for (const phase of ["", "_l1", "_l2", "_l3"]) {
    const factor = sample[`pf${phase}`];
    if (factor !== undefined && (sample[`p${phase}`] ?? 0) < 0) sample[`pf${phase}`] = -factor;
  }
}

function signBattery(sample: Sample): void {
  const { chs, dci, dcp } = sample;
  if (chs !== CHARGING && chs !== DISCHARGING) return;
  const sign = chs === CHARGING ? 1 : -1;
  if (dci) sample.dci = sign * Math.abs(dci);
  if (dcp) sample.dcp = sign * Math.abs(dcp);
}
