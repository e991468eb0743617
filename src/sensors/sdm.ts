import type { Sample } from "../model/reading";
import {
  type Block,
  blockOf,
  ModbusSensor,
  type ModbusSensorConfiguration,
  type ModbusSensorOptions,
  type SensorFault,
} from "./modbus-sensor";
import { placeOf } from "./plausible";
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

/** What the rows of a model's table are: columns, which take a tenth of the RAM that an object a row does. */
interface Rows {
  channels: string[];
  /** Which block it stands in, at which byte. */
  blocks: Uint8Array;
  places: Uint8Array;
  low: Float64Array;
  high: Float64Array;
}

/**
 * Eastron's SDM120, SDM230 and SDM630 on a serial line (9600 8N1 as a rule; SDM120 as delivered 2400). Voltages in V,
 * currents in A, powers in W, var and VA, energies in Wh and varh. `p`, `q` and `pf` have the meter's sign, positive for
 * import; reactive power is the meter's own.
 */
export class Sdm extends ModbusSensor {
  readonly identification: { readonly model: string; readonly classification: "PowerMeter" };
  readonly #blocks: readonly Block[];
  readonly #rows: Rows;

  constructor(options: SdmOptions) {
    const table = Object.hasOwn(SDM_TABLES, options.model) ? SDM_TABLES[options.model] : undefined;
    if (!table)
      throw new RangeError(
        `sdm: model is "${options.model}", expected ${Object.keys(SDM_TABLES).join(", ")}`,
      );
    super("sdm", options, true);
    this.identification = { model: table.model, classification: "PowerMeter" };
    this.#blocks = table.blocks.map(([address, count]) => blockOf(address, count));
    this.#rows = this.#rowsOf(table.rows.split("|"));
    this.#limit(table.maxA);
  }

  override configure(options: SdmConfiguration): void {
    const { maxA } = options;
    if (maxA !== undefined) this.checkInteger("maxA", maxA, 1, MAX_TRANSFORMER_A);
    super.configure(options);
    if (maxA !== undefined) this.#limit(maxA);
  }

  protected blockAt(step: number): Block | undefined {
    return this.#blocks[step];
  }

  protected fill(sample: Sample): SensorFault | undefined {
    const { channels, blocks, places, low, high } = this.#rows;
    for (let index = 0; index < channels.length; index++) {
      const channel = channels[index];
      const raw = this.#blocks[blocks[index]].view.getFloat32(places[index]);
      if (!Number.isFinite(raw)) return "malformed";
      const value = meant(channel, raw);
      if (value < low[index] || value > high[index]) return "implausible";
      sample[channel] = value;
    }
    return undefined;
  }

  #rowsOf(table: readonly string[]): Rows {
    const rows: Rows = {
      channels: table.map((row) => row.split(" ")[1]),
      blocks: new Uint8Array(table.length),
      places: new Uint8Array(table.length),
      low: new Float64Array(table.length),
      high: new Float64Array(table.length),
    };
    table.forEach((row, index) => {
      const address = Number.parseInt(row, 16);
      const block = this.#blocks.findIndex(
        (one) => address >= one.address && address < one.address + one.count,
      );
      rows.blocks[index] = block;
      rows.places[index] = 2 * (address - this.#blocks[block].address);
    });
    return rows;
  }

  #limit(maxA: number): void {
    const { channels, low, high } = this.#rows;
    for (let index = 0; index < channels.length; index++) {
      const place = placeOf(channels[index], maxA);
      low[index] = place.low;
      high[index] = place.high;
    }
  }
}

/** Energies come in kWh. Apparent power and current are magnitudes, to which some meters give the sign of the power. */
function meant(channel: string, value: number): number {
  if (channel.startsWith("e")) return value * WH_PER_KWH;
  return channel.startsWith("s") || channel.startsWith("i") ? Math.abs(value) : value;
}
