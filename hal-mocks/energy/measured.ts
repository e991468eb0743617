import type { ChipName } from "./published";

/** What a chip does in a part of a measured event; the currents behind them are in fit.ts. */
export type MeasuredState = "boot" | "busy" | "join" | "receive";

export interface MeasuredEvent {
  name: string;
  chip: ChipName;
  /** Milliseconds and millicoulombs, as measured at 5 V; the board's linear regulator passes the current on. */
  ms: number;
  mC: number;
  phases: readonly (readonly [state: MeasuredState, ms: number])[];
  /** Whether the ledger's free parameters are fitted to it, or it is predicted. */
  use: "fit" | "predict";
}

/**
 * What the board around the chip draws: both were measured, by the same instrument at the same place, while the chip
 * slept (15.0 and 1.73 mA).
 */
export const boardMa: Partial<Record<ChipName, number>> = { esp32: 15, esp32s3: 1.73 };

/** `nvs_flash_init`, which goes before the radio. */
export const RADIO_START_MS = 7;
export const BOOT_MS = 70;
export const BOOT_S3_MS = 48.8;
export const VALIDATION_S3_MS = 217;
const ESP_NOW_MS = 119;
export const STATIC_MS = 734;
export const MQTT_MS = 774;
export const DHCP_MS = 1626;
export const POST_MS = 2928;

const boot = ["boot", BOOT_MS] as const;
const start = ["boot", RADIO_START_MS] as const;
const join = ["join", STATIC_MS - BOOT_MS - RADIO_START_MS] as const;
const address = ["receive", DHCP_MS - STATIC_MS] as const;

/**
 * The seven measured events of upy-esp32-experiments (the second row of its table is two numbers). Their times are
 * taken as measured: what is predicted is the charge.
 */
export const measured: readonly MeasuredEvent[] = [
  { name: "boot from deep sleep", chip: "esp32", ms: BOOT_MS, mC: 3.32, phases: [boot], use: "fit" },
  {
    name: "S3 boot, image not validated",
    chip: "esp32s3",
    ms: BOOT_S3_MS,
    mC: 1.82,
    phases: [["boot", BOOT_S3_MS]],
    use: "fit",
  },
  {
    name: "S3: validation adds",
    chip: "esp32s3",
    ms: VALIDATION_S3_MS,
    mC: 14.2,
    phases: [["busy", VALIDATION_S3_MS]],
    use: "fit",
  },
  {
    name: "ESP-NOW send",
    chip: "esp32",
    ms: ESP_NOW_MS,
    mC: 7.68,
    phases: [boot, start, ["receive", ESP_NOW_MS - BOOT_MS - RADIO_START_MS]],
    use: "fit",
  },
  {
    name: "Wi-Fi, static IP",
    chip: "esp32",
    ms: STATIC_MS,
    mC: 100.2,
    phases: [boot, start, join],
    use: "fit",
  },
  {
    name: "Wi-Fi, static IP, MQTT publish",
    chip: "esp32",
    ms: MQTT_MS,
    mC: 108.6,
    phases: [boot, start, join, ["receive", MQTT_MS - STATIC_MS]],
    use: "predict",
  },
  {
    name: "Wi-Fi, DHCP",
    chip: "esp32",
    ms: DHCP_MS,
    mC: 204.3,
    phases: [boot, start, join, address],
    use: "predict",
  },
  {
    name: "Wi-Fi, DHCP, HTTP POST",
    chip: "esp32",
    ms: POST_MS,
    mC: 341,
    phases: [boot, start, join, address, ["receive", POST_MS - DHCP_MS]],
    use: "predict",
  },
];
