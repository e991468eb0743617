import { Sht, type ShtChip, type ShtOptions } from "./sht";

/** SHT3x-DIS data sheet, version 5, table 9; a measurement takes 15 ms, at a low supply half a millisecond more. */
const CHIP: ShtChip = { name: "sht3x", command: [0x24, 0x00], durationMs: 16, offset: 0, span: 100 };

/** Sensirion SHT30, SHT31 and SHT35, after ECMA-419's Sensor class pattern. */
export class Sht3x extends Sht {
  readonly identification = { model: "SHT3x", classification: "Humidity-Temperature" } as const;

  constructor(options: ShtOptions) {
    super(options, CHIP);
  }
}
