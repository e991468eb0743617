import { type Entry, exactly, type Figure, figure, missing } from "./figure";
import { type Calibration, calibrate } from "./fit";
import { type ChipName, published, transmitMa } from "./published";

/** Beacons between which an associated station sleeps. */
export type Dtim = 1 | 3 | 10;

/**
 * What a chip draws current by, its radio included. `idle` is awake and waiting, `busy` at work; `join` is the search for
 * an access point and the association; `receive` a radio that listens; `modemSleep` is associated, with the processor on,
 * `lightSleep` between beacons the same with automatic light sleep.
 */
export type ChipState =
  | "deepSleep"
  | "lightSleep"
  | "boot"
  | "idle"
  | "busy"
  | "join"
  | "receive"
  | "transmit"
  | `modemSleep${Dtim}`
  | `lightSleep${Dtim}`;

/** Milliamperes at 3.3 V, by state. */
export type ChipTable = Record<ChipState, Entry>;

const DTIMS: readonly Dtim[] = [1, 3, 10];

function associated(mode: "modemSleep" | "lightSleep", name: ChipName): Partial<ChipTable> {
  const rows = published[name][mode === "modemSleep" ? "associatedModem" : "associatedLight"];
  const words = `the current of an associated ${name}`;
  return Object.fromEntries(
    DTIMS.map((dtim, index) => [`${mode}${dtim}`, rows ? exactly(rows[index], "idfPower") : missing(words)]),
  );
}

/** What share of the range between listening and sending a radio draws while it joins. */
function joining(name: ChipName, { joinShare, boardMa }: Calibration): Figure {
  const { receive } = published[name];
  const middle = (receive[0] + receive[1]) / 2;
  const typical = middle + joinShare * (transmitMa(name) - middle);
  // At worst, all that the board drew in the measurement was the chip's.
  return figure(receive[0], typical, typical + boardMa, "fit");
}

function tableOf(name: ChipName, calibration: Calibration): ChipTable {
  const { deepSleep, lightSleep, cpu, receive } = published[name];
  const [low, high] = cpu;
  const middle = (low + high) / 2;
  return {
    deepSleep: exactly(deepSleep, name),
    lightSleep: exactly(lightSleep, name),
    boot: figure(low, low + calibration.bootShare * (high - low), middle, "fit"),
    // The range goes from both cores waiting to both at work.
    idle: figure(low, low, middle, name),
    busy: figure(low, middle, high, name),
    join: joining(name, calibration),
    receive: figure(receive[0], (receive[0] + receive[1]) / 2, receive[1], name),
    transmit: figure(published[name].transmit.ma, transmitMa(name), transmitMa(name), name),
    ...associated("modemSleep", name),
    ...associated("lightSleep", name),
  } as ChipTable;
}

const calibration = calibrate();

export const chips: Readonly<Record<ChipName, ChipTable>> = {
  esp32: tableOf("esp32", calibration),
  esp32s3: tableOf("esp32s3", calibration),
  esp32c3: tableOf("esp32c3", calibration),
  esp32c6: tableOf("esp32c6", calibration),
};

export const chipNames = Object.keys(chips) as ChipName[];
