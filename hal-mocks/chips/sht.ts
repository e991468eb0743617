import { type I2CChip, nack } from "../i2c";

export interface ShtSettings {
  /** Virtual time: Unix milliseconds. */
  clock: { readonly now: number };
  values: (time: number) => { celsius: number; humidity: number };
  family: "sht3x" | "sht4x";
}

const FAMILIES = {
  sht3x: { command: [0x24, 0x00], ms: 15, word: (humidity: number) => (humidity / 100) * 65_535 },
  sht4x: { command: [0xfd], ms: 8.3, word: (humidity: number) => ((humidity + 6) / 125) * 65_535 },
} as const;

/** A Sensirion SHT3x or SHT4x as seen from its bus. It acknowledges no read before its measurement is done. */
export class ShtChip implements I2CChip {
  readonly #settings: ShtSettings;
  #doneAt: number | undefined;
  #measured = 0;
  connected = true;
  /** Answers to give in place of what would be right, one a measurement. */
  readonly planted: Uint8Array[] = [];
  /** The lowest bit of its words, which noise changes. */
  isNoisy = true;

  constructor(settings: ShtSettings) {
    this.#settings = settings;
  }

  write(bytes: Uint8Array): void {
    const { command, ms } = FAMILIES[this.#settings.family];
    if (!this.connected || bytes.length !== command.length || command.some((byte, at) => byte !== bytes[at]))
      nack();
    this.#doneAt = this.#settings.clock.now + ms;
  }

  read(byteLength: number): Uint8Array {
    const { clock, values } = this.#settings;
    if (!this.connected || this.#doneAt === undefined || clock.now < this.#doneAt) nack();
    this.#doneAt = undefined;
    return this.planted.shift() ?? this.#answer(values(clock.now)).subarray(0, byteLength);
  }

  #answer({ celsius, humidity }: { celsius: number; humidity: number }): Uint8Array {
    const { word } = FAMILIES[this.#settings.family];
    const noise = this.isNoisy ? this.#measured++ % 2 : 0;
    const temperature = Math.round(((celsius + 45) / 175) * 65_535) + noise;
    return Uint8Array.from([temperature, Math.round(word(humidity))].flatMap(withCrc));
  }
}

/** A word and its CRC-8. */
export function withCrc(word: number): [number, number, number] {
  const bits = [word >> 8, word & 255].flatMap((byte) =>
    [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1),
  );
  // Long division of the bits, the first eight inverted, by x^8 + x^5 + x^4 + 1.
  const remainder = [...bits.map((bit, at) => (at < 8 ? 1 - bit : bit)), 0, 0, 0, 0, 0, 0, 0, 0];
  for (let at = 0; at < 16; at++) {
    if (!remainder[at]) continue;
    for (const place of [0, 3, 4, 8]) remainder[at + place] ^= 1;
  }
  return [word >> 8, word & 255, remainder.slice(16).reduce((value, bit) => value * 2 + bit, 0)];
}
