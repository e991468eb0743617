import { z } from "zod";
import { boardNames, boards } from "../../hal-mocks/energy/boards";
import { cellNames, cells } from "../../hal-mocks/energy/cells";
import { chipNames } from "../../hal-mocks/energy/chips";
import type { ChipName } from "../../hal-mocks/energy/published";
import type { SessionPlan } from "../../hal-mocks/energy/session";
import { boardOf, defaultSettings, type EnergySettings } from "../../hal-mocks/energy/settings";
import type { MqttSetup } from "../../hal-mocks/mqtt";
import { object } from "./schema";

const MAX_MA = 1000;
const MAX_MAH = 1_000_000;
const KEY_DIGITS = 64;

function words(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}

function amount(high: number) {
  const error = `expected a number from 0 to ${high}`;
  return z.number({ error }).min(0, { error }).max(high, { error });
}

const CHIP = `expected one of ${words(chipNames)}`;
const BOARD = `expected one of ${words(boardNames)}, or milliamperes by part`;
const CELL = `expected one of ${words(cellNames)}, or an object of name, capacityMah, usable, cutOffV and selfDischarge (a year)`;

const cell = z.strictObject(
  {
    name: z.string(CELL),
    capacityMah: amount(MAX_MAH),
    usable: amount(1),
    cutOffV: amount(60),
    selfDischarge: amount(1),
  },
  CELL,
);

/** What a scenario says of its terminals' hardware, for all of them or for one. */
export const energySchema = object({
  chip: z.enum(chipNames as [ChipName, ...ChipName[]], CHIP).optional(),
  board: z
    .union([z.enum(boardNames as [string, ...string[]]), z.record(z.string(), amount(MAX_MA))], BOARD)
    .optional(),
  cell: z.union([z.enum(cellNames as [string, ...string[]]), cell], CELL).optional(),
  /** Beacons between which an associated station sleeps. */
  dtim: z.literal([1, 3, 10], "expected 1, 3 or 10").optional(),
  powerSave: z.enum(["modemSleep", "lightSleep"], 'expected "modemSleep" or "lightSleep"').optional(),
  /** The bootloader validates the image at each wake. */
  validates: z.boolean("expected true or false").optional(),
  /** What each connection costs beside TCP. */
  tls: z.enum(["none", "full", "resumed"], 'expected "none", "full" or "resumed"').optional(),
});

export type EnergyFields = z.output<typeof energySchema>;

export type Tls = NonNullable<EnergyFields["tls"]>;

/** Later ones go over earlier ones. */
export function energySettings(...layers: readonly EnergyFields[]): EnergySettings {
  const { board, cell: named, tls: _, ...rest } = Object.assign({}, ...layers) as EnergyFields;
  return {
    ...defaultSettings,
    ...rest,
    ...(board !== undefined && { board: typeof board === "string" ? boards[board] : boardOf(board) }),
    ...(named !== undefined && {
      cell: typeof named === "string" ? cells[named] : { ...named, source: "the scenario's own setting" },
    }),
  };
}

const TLS: Readonly<Record<Tls, MqttSetup["tls"]>> = {
  none: undefined,
  full: "handshake",
  resumed: "resume",
};

export function tlsOf(...layers: readonly EnergyFields[]): MqttSetup["tls"] {
  return TLS[(Object.assign({}, ...layers) as EnergyFields).tls ?? "none"];
}

/** How a terminal with these settings connects, its channel remembered. */
export function sessionPlan(config: Record<string, unknown>, layers: readonly EnergyFields[]): SessionPlan {
  const { tls = "none" } = Object.assign({}, ...layers) as EnergyFields;
  const address = config.address ? "static" : "DHCP";
  const key = String(config.wifiPassword ?? "").length === KEY_DIGITS ? "key" : "passphrase";
  return { channel: "cached", key, address, broker: "name", tls, boots: true };
}
