/**
 * What each quantity of the registry is called elsewhere. It stands here and not in src/model, which the board's
 * manifest takes whole into the firmware: the node needs none of it.
 *
 * A cell is empty where the vocabulary has no such thing, or none of the same meaning. Each was checked in:
 *
 * - OBIS: Gurux/Gurux.DLMS.Python e98a902 (2026-04), OBISCodes.txt and GXStandardObisCodeCollection.py, which follow
 *   the DLMS Blue Book; ndokter/dsmr_parser fa20ee4 (2026-03), obis_references.py, for what P1 meters send.
 * - LwM2M: OpenMobileAlliance/lwm2m-registry b62ffc2 (2024-02), the XML of each object.
 * - SunSpec: sunspec/models 7abdf89 (2026-04), json/model_N.json.
 * - Matter: project-chip/connectedhomeip 019cd68 (after 1.4), src/app/zap-templates/zcl/data-model/chip/*-cluster.xml.
 * - Home Assistant: home-assistant/core 00eb668, components/sensor/const.py; `reactive_energy` came with pull request
 *   143941 (2025).
 * - OCPP: MeasurandEnumType of 2.0.1; Temperature is in 1.6 alone, the apparent energies in 2.0.1 alone.
 */
import { partsOf, quantityOf } from "../src/model/channels";

/** IEC 62056-61: value groups A-B:C.D.E. Of 1-0, C is that of the whole connection; a phase adds 20, 40 or 60. */
interface Obis {
  a?: number;
  c: number;
  d: number;
  /** The fixed group E; without it E is the channel's index: a tariff, a harmonic. */
  e?: number;
}

/** The points of a SunSpec model: of the whole, of L1, L2, L3, N, L1-L2, L2-L3, L3-L1; - where there is none. */
type SunSpec = Readonly<Record<number, string>>;

/** Resources of an LwM2M object: of the whole, of L1, L2, L3; - where there is none. */
type Lwm2m = Readonly<Record<number, string>>;

interface Matter {
  cluster: number;
  attribute: number;
  /** Its unit is 10^exponent of the registry's. */
  exponent: number;
}

export interface HomeAssistant {
  /** Device class of a sensor, or none. */
  deviceClass?: string;
  stateClass?: "measurement" | "total_increasing";
  /** Names of a state's numbers; a number without one is shown as it is. */
  options?: Readonly<Record<number, string>>;
  /** Not about what is metered. */
  diagnostic?: true;
}

export interface Vocabulary {
  /** For people. */
  title: string;
  obis?: Obis;
  lwm2m?: Lwm2m;
  sunspec?: SunSpec;
  matter?: Matter;
  homeAssistant?: HomeAssistant;
  ocpp?: string;
}

const MILLI = -3;
const CENTI = -2;
/** Matter's Electrical Power Measurement, Electrical Energy Measurement, Energy EVSE. */
const POWER = 0x90;
const ENERGY = 0x91;
const EVSE = 0x99;

const measurement = (deviceClass?: string): HomeAssistant => ({ deviceClass, stateClass: "measurement" });
const increasing = (deviceClass?: string): HomeAssistant => ({ deviceClass, stateClass: "total_increasing" });
const power = (attribute: number, exponent = MILLI): Matter => ({ cluster: POWER, attribute, exponent });
const evse = (attribute: number): Matter => ({ cluster: EVSE, attribute, exponent: MILLI });

/** By the quantity's name. */
export const vocabularies: Readonly<Record<string, Vocabulary>> = {
  // The reading's time is no channel of its own elsewhere.
  t: { title: "Time" },
  clock: {
    title: "Meter clock",
    obis: { a: 0, c: 1, d: 0, e: 0 },
    homeAssistant: { deviceClass: "timestamp", diagnostic: true },
  },
  v: {
    title: "Voltage",
    obis: { c: 12, d: 7 },
    lwm2m: { 10243: "4", 10242: "- 4 14 24", 3316: "5700" },
    sunspec: {
      101: "- PhVphA PhVphB PhVphC - PPVphAB PPVphBC PPVphCA",
      103: "- PhVphA PhVphB PhVphC - PPVphAB PPVphBC PPVphCA",
      201: "PhV PhVphA PhVphB PhVphC - PPVphAB PPVphBC PPVphCA",
      203: "PhV PhVphA PhVphB PhVphC - PhVphAB PhVphBC PhVphCA",
      701: "LNV VL1 VL2 VL3 - VL1L2 VL2L3 VL3L1",
    },
    matter: power(0x0b),
    homeAssistant: measurement("voltage"),
    ocpp: "Voltage",
  },
  i: {
    title: "Current",
    obis: { c: 11, d: 7 },
    lwm2m: { 10243: "5", 10242: "- 5 15 25", 3317: "5700" },
    sunspec: {
      101: "A AphA AphB AphC",
      103: "A AphA AphB AphC",
      201: "A AphA AphB AphC",
      203: "A AphA AphB AphC",
      701: "A AL1 AL2 AL3",
    },
    matter: power(0x0c),
    homeAssistant: measurement("current"),
    ocpp: "Current.Import",
  },
  pi: {
    title: "Power import",
    obis: { c: 1, d: 7 },
    homeAssistant: measurement("power"),
    ocpp: "Power.Active.Import",
  },
  // An inverter's W is what it gives (701: positive for generation).
  pe: {
    title: "Power export",
    obis: { c: 2, d: 7 },
    sunspec: { 101: "W", 103: "W", 701: "W WL1 WL2 WL3" },
    homeAssistant: measurement("power"),
    ocpp: "Power.Active.Export",
  },
  qi: {
    title: "Reactive power import",
    obis: { c: 3, d: 7 },
    homeAssistant: measurement("reactive_power"),
    ocpp: "Power.Reactive.Import",
  },
  qe: {
    title: "Reactive power export",
    obis: { c: 4, d: 7 },
    homeAssistant: measurement("reactive_power"),
    ocpp: "Power.Reactive.Export",
  },
  f: {
    title: "Frequency",
    obis: { c: 14, d: 7 },
    lwm2m: { 10243: "17", 10242: "49", 3318: "5700" },
    sunspec: { 101: "Hz", 103: "Hz", 201: "Hz", 203: "Hz", 701: "Hz" },
    matter: power(0x0e),
    homeAssistant: measurement("frequency"),
    ocpp: "Frequency",
  },
  ei: {
    title: "Energy import",
    obis: { c: 1, d: 8 },
    lwm2m: { 10243: "14", 10242: "41", 3305: "5805" },
    sunspec: {
      201: "TotWhImp TotWhImpPhA TotWhImpPhB TotWhImpPhC",
      203: "TotWhImp TotWhImpPhA TotWhImpPhB TotWhImpPhC",
      701: "TotWhAbs TotWhAbsL1 TotWhAbsL2 TotWhAbsL3",
    },
    matter: { cluster: ENERGY, attribute: 0x01, exponent: MILLI },
    homeAssistant: increasing("energy"),
    ocpp: "Energy.Active.Import.Register",
  },
  ee: {
    title: "Energy export",
    obis: { c: 2, d: 8 },
    sunspec: {
      101: "WH",
      103: "WH",
      201: "TotWhExp TotWhExpPhA TotWhExpPhB TotWhExpPhC",
      203: "TotWhExp TotWhExpPhA TotWhExpPhB TotWhExpPhC",
      701: "TotWhInj TotWhInjL1 TotWhInjL2 TotWhInjL3",
    },
    matter: { cluster: ENERGY, attribute: 0x02, exponent: MILLI },
    homeAssistant: increasing("energy"),
    ocpp: "Energy.Active.Export.Register",
  },
  eqi: {
    title: "Reactive energy import",
    obis: { c: 3, d: 8 },
    lwm2m: { 10243: "15", 10242: "42", 3305: "5815" },
    sunspec: { 701: "TotVarhAbs TotVarhAbsL1 TotVarhAbsL2 TotVarhAbsL3" },
    homeAssistant: increasing("reactive_energy"),
    ocpp: "Energy.Reactive.Import.Register",
  },
  eqe: {
    title: "Reactive energy export",
    obis: { c: 4, d: 8 },
    sunspec: { 701: "TotVarhInj TotVarhInjL1 TotVarhInjL2 TotVarhInjL3" },
    homeAssistant: increasing("reactive_energy"),
    ocpp: "Energy.Reactive.Export.Register",
  },
  tariff: { title: "Active tariff", obis: { a: 0, c: 96, d: 14, e: 0 }, homeAssistant: {} },
  p: {
    title: "Power",
    obis: { c: 16, d: 7 },
    lwm2m: { 10243: "6", 10242: "34 6 16 26", 3305: "5800" },
    sunspec: { 201: "W WphA WphB WphC", 203: "W WphA WphB WphC" },
    matter: power(0x08),
    homeAssistant: measurement("power"),
  },
  q: {
    title: "Reactive power",
    lwm2m: { 10243: "7", 10242: "35 7 17 27", 3305: "5810" },
    sunspec: {
      101: "VAr",
      103: "VAr",
      201: "VAR VARphA VARphB VARphC",
      203: "VAR VARphA VARphB VARphC",
      701: "Var VarL1 VarL2 VarL3",
    },
    matter: power(0x09),
    homeAssistant: measurement("reactive_power"),
  },
  s: {
    title: "Apparent power",
    obis: { c: 9, d: 7 },
    lwm2m: { 10243: "10", 10242: "38 10 20 30" },
    sunspec: {
      101: "VA",
      103: "VA",
      201: "VA VAphA VAphB VAphC",
      203: "VA VAphA VAphB VAphC",
      701: "VA VAL1 VAL2 VAL3",
    },
    matter: power(0x0a),
    homeAssistant: measurement("apparent_power"),
  },
  pf: {
    title: "Power factor",
    obis: { c: 13, d: 7 },
    lwm2m: { 10243: "11", 10242: "39 11 21 31", 3305: "5820", 3329: "5700" },
    sunspec: {
      101: "PF",
      103: "PF",
      201: "PF PFphA PFphB PFphC",
      203: "PF PFphA PFphB PFphC",
      701: "PF PFL1 PFL2 PFL3",
    },
    matter: power(0x11, -4),
    homeAssistant: measurement("power_factor"),
    ocpp: "Power.Factor",
  },
  thdu: {
    title: "Voltage distortion",
    obis: { c: 12, d: 7, e: 124 },
    lwm2m: { 10243: "12", 10242: "- 12 22 32" },
    homeAssistant: measurement(),
  },
  thdi: {
    title: "Current distortion",
    obis: { c: 11, d: 7, e: 124 },
    lwm2m: { 10243: "13", 10242: "- 13 23 33" },
    homeAssistant: measurement(),
  },
  // Home Assistant has no class for apparent energy, and no unit kVAh among those of `energy`.
  esi: {
    title: "Apparent energy import",
    obis: { c: 9, d: 8 },
    lwm2m: { 10243: "16", 10242: "45" },
    sunspec: {
      201: "TotVAhImp TotVAhImpPhA TotVAhImpPhB TotVAhImpPhC",
      203: "TotVAhImp TotVAhImpPhA TotVAhImpPhB TotVAhImpPhC",
    },
    homeAssistant: increasing(),
    ocpp: "Energy.Apparent.Import",
  },
  ese: {
    title: "Apparent energy export",
    obis: { c: 10, d: 8 },
    sunspec: {
      201: "TotVAhExp TotVAhExpPhA TotVAhExpPhB TotVAhExpPhC",
      203: "TotVAhExp TotVAhExpPhA TotVAhExpPhB TotVAhExpPhC",
    },
    homeAssistant: increasing(),
    ocpp: "Energy.Apparent.Export",
  },
  // 160 and the ports of 714 are repeating groups, one a DC input: the index.
  dcv: {
    title: "DC voltage",
    lwm2m: { 3316: "5700" },
    sunspec: { 101: "DCV", 103: "DCV", 160: "DCV", 714: "DCV", 802: "V" },
    matter: power(0x04),
    homeAssistant: measurement("voltage"),
  },
  dci: {
    title: "DC current",
    lwm2m: { 3317: "5700" },
    sunspec: { 101: "DCA", 103: "DCA", 160: "DCA", 714: "DCA", 802: "A" },
    matter: power(0x05),
    homeAssistant: measurement("current"),
  },
  dcp: {
    title: "DC power",
    lwm2m: { 3328: "5700" },
    sunspec: { 101: "DCW", 103: "DCW", 160: "DCW", 714: "DCW", 802: "W" },
    matter: power(0x08),
    homeAssistant: measurement("power"),
  },
  dcei: {
    title: "DC energy import",
    sunspec: { 160: "DCWH", 714: "DCWhAbs" },
    homeAssistant: increasing("energy"),
  },
  dcee: { title: "DC energy export", sunspec: { 714: "DCWhInj" }, homeAssistant: increasing("energy") },
  ahi: { title: "Charge in", homeAssistant: increasing() },
  ahe: { title: "Charge out", homeAssistant: increasing() },
  soc: {
    title: "State of charge",
    lwm2m: { 3411: "1" },
    sunspec: { 124: "ChaState", 713: "SoC", 802: "SoC" },
    matter: { cluster: EVSE, attribute: 0x30, exponent: 0 },
    homeAssistant: measurement("battery"),
    ocpp: "SoC",
  },
  soh: { title: "State of health", sunspec: { 713: "SoH", 802: "SoH" }, homeAssistant: measurement() },
  ev: {
    title: "Vehicle",
    matter: { cluster: EVSE, attribute: 0x00, exponent: 0 },
    homeAssistant: {
      deviceClass: "enum",
      options: {
        0: "not plugged in",
        1: "plugged in, no demand",
        2: "plugged in, demand",
        3: "charging",
        4: "discharging",
        5: "session ending",
        6: "fault",
      },
    },
  },
  evmin: { title: "Minimum charging current", matter: evse(0x06), homeAssistant: measurement("current") },
  evmax: {
    title: "Offered charging current",
    matter: evse(0x07),
    homeAssistant: measurement("current"),
    ocpp: "Current.Offered",
  },
  evcap: { title: "Circuit capacity", matter: evse(0x05), homeAssistant: measurement("current") },
  evei: { title: "Session energy", matter: evse(0x42), homeAssistant: increasing("energy") },
  sw: {
    title: "Relay",
    obis: { a: 0, c: 96, d: 3, e: 10 },
    lwm2m: { 3312: "5850" },
    matter: { cluster: 0x06, attribute: 0x00, exponent: 0 },
    homeAssistant: { deviceClass: "enum", options: { 0: "open", 1: "closed" } },
  },
  tc: {
    title: "Temperature",
    obis: { a: 0, c: 96, d: 9, e: 0 },
    lwm2m: { 3303: "5700" },
    sunspec: { 101: "TmpCab", 103: "TmpCab", 160: "Tmp", 307: "TmpAmb", 701: "TmpAmb", 714: "Tmp" },
    matter: { cluster: 0x402, attribute: 0x00, exponent: CENTI },
    homeAssistant: measurement("temperature"),
    ocpp: "Temperature",
  },
  rh: {
    title: "Humidity",
    obis: { a: 0, c: 96, d: 9, e: 2 },
    lwm2m: { 3304: "5700" },
    sunspec: { 307: "RH" },
    matter: { cluster: 0x405, attribute: 0x00, exponent: CENTI },
    homeAssistant: measurement("humidity"),
  },
  ap: {
    title: "Air pressure",
    obis: { a: 0, c: 96, d: 9, e: 1 },
    lwm2m: { 3315: "5700" },
    sunspec: { 307: "Pres" },
    homeAssistant: measurement("atmospheric_pressure"),
  },
  irr: { title: "Irradiance", sunspec: { 302: "GHI" }, homeAssistant: measurement("irradiance") },
  inv: {
    title: "Inverter state",
    sunspec: { 101: "St", 103: "St" },
    homeAssistant: {
      deviceClass: "enum",
      options: {
        1: "off",
        2: "sleeping",
        3: "starting",
        4: "tracking",
        5: "throttled",
        6: "shutting down",
        7: "fault",
        8: "standby",
      },
    },
  },
  chs: {
    title: "Charge state",
    sunspec: { 124: "ChaSt", 802: "ChaSt" },
    homeAssistant: {
      deviceClass: "enum",
      options: {
        1: "off",
        2: "empty",
        3: "discharging",
        4: "charging",
        5: "full",
        6: "holding",
        7: "testing",
      },
    },
  },
  flags: { title: "Flags", homeAssistant: { diagnostic: true } },
  vbat: {
    title: "Terminal battery",
    obis: { a: 0, c: 96, d: 6, e: 3 },
    lwm2m: { 3411: "3" },
    matter: { cluster: 0x2f, attribute: 0x0b, exponent: MILLI },
    homeAssistant: { ...measurement("voltage"), diagnostic: true },
  },
  rssi: {
    title: "Radio signal",
    lwm2m: { 4: "2" },
    homeAssistant: { ...measurement("signal_strength"), diagnostic: true },
  },
  // P1 has one OBIS code for all meters on the M-Bus, whatever they meter: 0-n:24.2.1.
  gas: { title: "Gas", homeAssistant: increasing("gas") },
  water: { title: "Water", lwm2m: { 3424: "1" }, homeAssistant: increasing("water") },
  heat: { title: "Heat", homeAssistant: increasing("energy") },
  cold: { title: "Cooling", homeAssistant: increasing("energy") },
};

/** Home Assistant's unit for one of SenML, where they differ. */
const HOME_ASSISTANT_UNITS: Readonly<Record<string, string>> = {
  "%EL": "%",
  "%RH": "%",
  "/100": "%",
  "/": "",
  Cel: "°C",
  "W/m2": "W/m²",
  m3: "m³",
};

/** The unit that Home Assistant has for a SenML unit; empty for none. */
export function homeAssistantUnit(unit: string): string {
  return HOME_ASSISTANT_UNITS[unit] ?? unit;
}

/** What a channel's quantity is elsewhere, or undefined for one that this version does not know. */
export function vocabularyOf(channel: number): Vocabulary | undefined {
  return vocabularies[quantityOf(channel)?.name ?? ""];
}

const PHASE_TITLES = ["", " L1", " L2", " L3", " N", " L1-L2", " L2-L3", " L3-L1"];
const INDEX_TITLES: Readonly<Record<string, string>> = { t: "tariff", h: "harmonic", p: "port" };

/** A channel's name for people, such as `Energy import tariff 2`, or undefined where the registry has no row. */
export function titleOf(channel: number): string | undefined {
  const vocabulary = vocabularyOf(channel);
  if (!vocabulary) return undefined;
  const { phase, index } = partsOf(channel);
  const letter = quantityOf(channel)?.index;
  const suffix = index ? ` ${letter === undefined ? "" : `${INDEX_TITLES[letter]} `}${index}` : "";
  return vocabulary.title + PHASE_TITLES[phase] + suffix;
}

/** The lines of IEC 62056-61 that have codes: L1, L2, L3 by adding to C, N by a C of its own. */
const LINES = 3;
const NEUTRAL = 4;
/** The neutral conductor's current and voltage. */
const OBIS_NEUTRAL: Readonly<Record<number, number>> = { 11: 91, 12: 92 };

/** The OBIS code of a channel, such as `1-0:21.7.0` for `pi_l1`, or undefined where there is none. */
export function obisOf(channel: number): string | undefined {
  const obis = vocabularyOf(channel)?.obis;
  if (!obis) return undefined;
  const { a = 1, c, d, e } = obis;
  const { phase, index } = partsOf(channel);
  if (e !== undefined && index) return undefined;
  if (a === 0) return phase ? undefined : `0-0:${c}.${d}.${e}`;
  if (phase > LINES && (phase !== NEUTRAL || !(c in OBIS_NEUTRAL))) return undefined;
  const group = phase === NEUTRAL ? OBIS_NEUTRAL[c] : c + 20 * phase;
  return `1-0:${group}.${d}.${e ?? index}`;
}
