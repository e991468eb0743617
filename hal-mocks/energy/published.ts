export type ChipName = "esp32" | "esp32s3" | "esp32c3" | "esp32c6";

/** As its maker writes it. */
export const chipTitles: Readonly<Record<string, string>> = {
  esp32: "ESP32",
  esp32s3: "ESP32-S3",
  esp32c3: "ESP32-C3",
  esp32c6: "ESP32-C6",
};

/** What a maker says of a chip, in milliamperes at 3.3 V. */
export interface Published {
  deepSleep: number;
  lightSleep: number;
  /** From waiting to full load, at the clock that the Moddable SDK sets: 240 MHz, 160 MHz on C3 and C6. */
  cpu: readonly [low: number, high: number];
  receive: readonly [low: number, high: number];
  /** 802.11b at full power, and the share of the time that it was sending as this was measured. */
  transmit: { ma: number; duty: number };
  /** Associated at DTIM 1, 3 and 10: modem sleep, and automatic light sleep. Undefined: nothing published. */
  associatedModem?: readonly [number, number, number];
  associatedLight?: readonly [number, number, number];
}

/** The datasheets named in sources.ts, RTC timer and memory on in deep sleep; associated: ESP-IDF's sleep-current tables. */
export const published: Readonly<Record<ChipName, Published>> = {
  esp32: {
    deepSleep: 0.01,
    lightSleep: 0.8,
    cpu: [30, 68],
    receive: [95, 100],
    transmit: { ma: 240, duty: 0.5 },
    associatedModem: [31.1, 28.8, 29.7],
    associatedLight: [3.34, 2.33, 2.19],
  },
  esp32s3: {
    deepSleep: 0.008,
    lightSleep: 0.24,
    cpu: [33, 92],
    receive: [95, 97],
    transmit: { ma: 355, duty: 1 },
    associatedModem: [40.1, 38.7, 38.2],
    associatedLight: [2.45, 1.33, 0.93],
  },
  esp32c3: {
    deepSleep: 0.005,
    lightSleep: 0.13,
    cpu: [16, 23],
    receive: [84, 87],
    transmit: { ma: 335, duty: 1 },
    associatedModem: [21.5, 20.8, 20.7],
    associatedLight: [1.4, 0.62, 0.31],
  },
  esp32c6: {
    deepSleep: 0.007,
    lightSleep: 0.18,
    cpu: [17, 27],
    receive: [78, 82],
    transmit: { ma: 354, duty: 1 },
  },
};

/** While it sends: a figure that was measured at half duty is a mean of sending and listening. */
export function transmitMa(name: ChipName): number {
  const { receive, transmit } = published[name];
  const listening = (receive[0] + receive[1]) / 2;
  return listening + (transmit.ma - listening) / transmit.duty;
}
