import { Sht, type ShtChip, type ShtOptions } from "./sht";

/**
 * SHT4x data sheet: FD measures at high precision, in 8.3 ms at most. The formulas are in ESPHome's sht4x.cpp (0302a14), too:
 * −45 + 175·raw/65535 °C, −6 + 125·raw/65535 %.
 */
const CHIP: ShtChip = { name: "sht4x", command: [0xfd], durationMs: 9, offset: -6, span: 125 };

/** Sensirion SHT40, SHT41 and SHT45, after ECMA-419's Sensor class pattern. */
export class Sht4x extends Sht {
  readonly identification = { model: "SHT4x", classification: "Humidity-Temperature" } as const;

  constructor(options: ShtOptions) {
    super(options, CHIP);
  }
}
