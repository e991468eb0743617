import { ModbusCode } from "./modbus";
import type { ModbusFault } from "./modbus-bus";
import { type Block, blockOf, type SensorFault } from "./modbus-sensor";

/** What a SunSpec device says of itself in model 1; empty where it says nothing. */
export interface SunSpecDevice {
  manufacturer: string;
  model: string;
  options: string;
  version: string;
  serialNumber: string;
  /** The numbers of its models in their order. */
  models: readonly number[];
}

export interface FoundModel {
  id: number;
  /** Of its first register, which holds its number. */
  address: number;
  /** Registers behind the length. */
  length: number;
}

/** Where the map may begin: SunSpec Device Information Model Specification. */
const BASES = [40_000, 50_000, 0];
/** "SunS". */
const MARKER = 0x5375_6e53;
const MARKER_REGISTERS = 2;
const HEADER_REGISTERS = 2;
const END = 0xffff;
const COMMON = 1;
const MAX_MODELS = 64;
const LAST_ADDRESS = 0xffff;
/** Model 1: where its texts stand behind its length, and how long they are, in registers. */
const TEXTS = {
  manufacturer: [0, 16],
  model: [16, 16],
  options: [32, 8],
  version: [40, 8],
  serialNumber: [48, 16],
};
/** Without the device's address at its end, which some leave out. */
const COMMON_REGISTERS = 65;
const MAX_COMMON_REGISTERS = 123;

type Stage = "marker" | "length" | "common" | "id" | "done";

/**
 * Finds a device's map and walks its chain of models, a question at a time. A number and a length are asked one by one:
 * behind the end's number some devices have nothing more, and refuse to be asked for two.
 */
export class SunSpecScan {
  readonly #marker = blockOf(0, MARKER_REGISTERS + 1, ModbusCode.readHolding);
  readonly #word = blockOf(0, 1, ModbusCode.readHolding);
  #common = this.#word;
  #base = 0;
  #stage: Stage = "marker";
  #id = 0;
  #address = 0;
  readonly #texts: Record<keyof typeof TEXTS, string> = {
    ...{ manufacturer: "", model: "", options: "", version: "", serialNumber: "" },
  };
  readonly found: FoundModel[] = [];

  get isDone(): boolean {
    return this.#stage === "done";
  }

  get device(): SunSpecDevice {
    return { ...this.#texts, models: this.found.map(({ id }) => id) };
  }

  /** What is to be asked now. */
  get block(): Block {
    if (this.#stage === "marker") {
      this.#marker.address = BASES[this.#base];
      return this.#marker;
    }
    if (this.#stage === "common") return this.#common;
    this.#word.address = this.#stage === "id" ? this.#address : this.#address + 1;
    return this.#word;
  }

  /** The answer has come, or has not. A fault ends the scan. */
  judge(fault: ModbusFault | null): SensorFault | undefined {
    if (this.#stage === "marker") return this.#judgeMarker(fault);
    if (fault) return fault;
    if (this.#stage === "common") {
      this.#readTexts();
      return this.#goOn();
    }
    const word = this.#word.view.getUint16(0);
    return this.#stage === "id" ? this.#judgeId(word) : this.#judgeLength(word);
  }

  #judgeMarker(fault: ModbusFault | null): SensorFault | undefined {
    // A device has no registers where it has no map.
    if (fault && fault !== "exception") return fault;
    const { view } = this.#marker;
    if (!fault && view.getUint32(0) === MARKER) {
      this.#address = BASES[this.#base] + MARKER_REGISTERS;
      return this.#judgeId(view.getUint16(4));
    }
    return ++this.#base < BASES.length ? undefined : (fault ?? "malformed");
  }

  #judgeId(id: number): SensorFault | undefined {
    this.#id = id;
    this.#stage = id === END ? "done" : "length";
    return id === 0 || this.found.length === MAX_MODELS ? "malformed" : undefined;
  }

  #judgeLength(length: number): SensorFault | undefined {
    this.found.push({ id: this.#id, address: this.#address, length });
    if (this.#address + HEADER_REGISTERS + length > LAST_ADDRESS) return "malformed";
    const isCommon = this.#id === COMMON && length >= COMMON_REGISTERS && length <= MAX_COMMON_REGISTERS;
    if (!isCommon || this.#texts.manufacturer) return this.#goOn();
    this.#common = blockOf(this.#address, HEADER_REGISTERS + length, ModbusCode.readHolding);
    this.#stage = "common";
    return undefined;
  }

  #goOn(): undefined {
    this.#address += HEADER_REGISTERS + this.found.at(-1)!.length;
    this.#stage = "id";
  }

  #readTexts(): void {
    for (const name of Object.keys(TEXTS) as (keyof typeof TEXTS)[]) {
      const [from, count] = TEXTS[name];
      this.#texts[name] = textOf(this.#common.data, 2 * (HEADER_REGISTERS + from), 2 * count);
    }
  }
}

/** Up to the first 0, without spaces behind it; what is no printable ASCII is a question mark. */
function textOf(bytes: Uint8Array, from: number, length: number): string {
  let text = "";
  for (let at = from; at < from + length && bytes[at]; at++)
    text += bytes[at] >= 0x20 && bytes[at] < 0x7f ? String.fromCharCode(bytes[at]) : "?";
  return text.trimEnd();
}
