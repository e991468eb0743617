import type { LinkLatencies } from "../link";
import { between, type Entry, exactly, type Figure, figure, missing, typicalOf } from "./figure";
import {
  BOOT_MS,
  BOOT_S3_MS,
  DHCP_MS,
  MQTT_MS,
  RADIO_START_MS,
  STATIC_MS,
  VALIDATION_S3_MS,
} from "./measured";
import type { ChipName } from "./published";

/** How long what a terminal does takes, in milliseconds; what a network takes are the names of `LinkLatencies`. */
export interface Timings extends LinkTimings {
  /** From deep sleep to the firmware, its image not validated, by chip. */
  boot: Readonly<Record<ChipName, Entry>>;
  /** What validation adds. */
  validation: Readonly<Record<ChipName, Entry>>;
  /** Before the radio is on. */
  radioStart: Figure;
  /** How long a radio in modem sleep stays on after it was used. */
  activeTail: Figure;
  /** A page of 256 bytes of flash, and a block of 4 KB. */
  pageProgram: Figure;
  blockErase: Figure;
  /** What either draws beside the chip, in milliamperes. */
  flashMa: Figure;
  /** A byte on the air, and what each packet has before its first one. */
  byte: Figure;
  packet: Figure;
}

type LinkTimings = Readonly<Record<keyof LinkLatencies, Figure>>;

/** TCP's acknowledgement is on the air as well. IPv4 and TCP, then 802.11's header and its checksum. */
const HEADER_BYTES = 40 + 36;
const BYTE_MS = 0.008;
const LONG_PREAMBLE_MS = 0.192;
/** Connection and CONNACK: what follows is not waited for. */
const ROUND_TRIP_MS = (MQTT_MS - STATIC_MS) / 2;
/** All channels but the one on which a fast scan has found it. */
const SCAN_MS = 12 * 120;
const REJOIN_MS = STATIC_MS - BOOT_MS;

function bootOf(chip: string): Entry {
  return missing(`how long ${chip} boots`);
}

export const timings: Timings = {
  boot: {
    esp32: exactly(BOOT_MS, "upyBoot"),
    esp32s3: exactly(BOOT_S3_MS, "upyBoot"),
    esp32c3: bootOf("an ESP32-C3"),
    esp32c6: bootOf("an ESP32-C6"),
  },
  validation: {
    esp32: missing("how long an ESP32 validates its image"),
    esp32s3: exactly(VALIDATION_S3_MS, "upyBoot"),
    esp32c3: missing("how long an ESP32-C3 validates its image"),
    esp32c6: missing("how long an ESP32-C6 validates its image"),
  },
  radioStart: exactly(RADIO_START_MS, "upyWifi"),
  associateMs: figure(REJOIN_MS + SCAN_MS, 3000, 4000, "slowJoin"),
  rejoinMs: exactly(REJOIN_MS, "upyWifi"),
  addressMs: exactly(DHCP_MS - STATIC_MS, "upyWifi"),
  notFoundMs: exactly(2400, "model"),
  notThereMs: exactly(500, "model"),
  resolveMs: exactly(30, "model"),
  tcpConnectMs: exactly(ROUND_TRIP_MS, "upyWifi"),
  handshakeMs: between(1200, 1700, "tls"),
  resumeMs: figure(ROUND_TRIP_MS, 100, 200, "tls"),
  roundTripMs: exactly(ROUND_TRIP_MS, "upyWifi"),
  refusedMs: exactly(50, "model"),
  noRouteMs: exactly(3000, "model"),
  lostMs: exactly(2000, "model"),
  activeTail: exactly(50, "idfKconfig"),
  pageProgram: figure(0.4, 0.4, 3, "flash"),
  blockErase: figure(45, 45, 400, "flash"),
  flashMa: figure(20, 20, 25, "flash"),
  byte: figure(BYTE_MS / 65, BYTE_MS, BYTE_MS, "wifi"),
  packet: exactly(LONG_PREAMBLE_MS + HEADER_BYTES * BYTE_MS, "wifi"),
};

const LINK: readonly (keyof LinkLatencies)[] = [
  "associateMs",
  "rejoinMs",
  "addressMs",
  "notFoundMs",
  "notThereMs",
  "resolveMs",
  "tcpConnectMs",
  "handshakeMs",
  "resumeMs",
  "roundTripMs",
  "refusedMs",
  "noRouteMs",
  "lostMs",
];

/** What the simulated network takes, so that the time awake is that of the ledger. */
export function latenciesOf(from: Timings = timings): LinkLatencies {
  return Object.fromEntries(LINK.map((name) => [name, typicalOf(from[name])])) as LinkLatencies;
}
