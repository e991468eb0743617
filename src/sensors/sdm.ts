import type { Sample } from "../model/reading";
import {
  type Block,
  blockOf,
  ModbusSensor,
  type ModbusSensorConfiguration,
  type ModbusSensorOptions,
  type SensorFault,
} from "./modbus-sensor";
import { type Place, placeOf } from "./plausible";
import { SDM_TABLES } from "./sdm-tables";

export type SdmModel = "sdm120" | "sdm230" | "sdm630";

export interface SdmOptions extends ModbusSensorOptions {
  model: SdmModel;
}

export interface SdmConfiguration extends ModbusSensorConfiguration {
  /** What its current transformers can carry, in A, 1 to 9999; more than twice as much is implausible. */
  maxA?: number;
}

const MAX_TRANSFORMER_A = 9999;
const WH_PER_KWH = 1000;

/** A row of the model's table: where it stands, in what, and how it reads. */
interface Row extends Place {
  view: DataView;
  at: number;
  factor: number;
  /** A magnitude by its definition, to which some meters give the sign of the power. */
  isMagnitude: boolean;
}

/**
 * Eastron's SDM120, SDM230 and SDM630 on a serial line (9600 8N1 as a rule; SDM120 as delivered 2400). Voltages in V,
 * currents in A, powers in W, var and VA, energies in Wh and varh. `p`, `q` and `pf` have the meter's sign, positive for
 * import; reactive power is the meter's own.
 */
export class Sdm extends ModbusSensor {
  readonly identification: { readonly model: string; readonly classification: "PowerMeter" };
  readonly #blocks: readonly Block[];
  readonly #rows: readonly Row[];

  constructor(options: SdmOptions) {
    const table = Object.hasOwn(SDM_TABLES, options.model) ? SDM_TABLES[options.model] : undefined;
    if (!table)
      throw new RangeError(
        `sdm: model is "${options.model}", expected ${Object.keys(SDM_TABLES).join(", ")}`,
      );
    super("sdm", options, true);
    this.identification = { model: table.model, classification: "PowerMeter" };
    this.#blocks = table.blocks.map(([address, count]) => blockOf(address, count));
    this.#rows = table.rows.split("|").map((row) => this.#rowOf(row, table.maxA));
  }

  override configure(options: SdmConfiguration): void {
    const { maxA } = options;
    if (maxA !== undefined) this.checkInteger("maxA", maxA, 1, MAX_TRANSFORMER_A);
    super.configure(options);
    if (maxA !== undefined) for (const row of this.#rows) Object.assign(row, placeOf(row.channel, maxA));
  }

  protected blockAt(step: number): Block | undefined {
    return this.#blocks[step];
  }

  protected fill(sample: Sample): SensorFault | undefined {
    for (const { view, at, factor, isMagnitude, channel, low, high } of this.#rows) {
      const raw = view.getFloat32(at) * factor;
      if (!Number.isFinite(raw)) return "malformed";
      const value = isMagnitude ? Math.abs(raw) : raw;
      if (value < low || value > high) return "implausible";
      sample[channel] = value;
    }
    return undefined;
  }

  #rowOf(text: string, maxA: number): Row {
    const [hex, channel] = text.split(" ");
    const address = Number.parseInt(hex, 16);
    const { view, address: first } = this.#blocks.find(
      (block) => address >= block.address && address < block.address + block.count,
    )!;
    const [quantity] = channel.split("_");
    return {
      ...placeOf(channel, maxA),
      view,
      at: 2 * (address - first),
      factor: quantity.startsWith("e") ? WH_PER_KWH : 1,
      isMagnitude: quantity === "s" || quantity === "i",
    };
  }
}
