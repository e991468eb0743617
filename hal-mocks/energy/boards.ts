import { type Entry, exactly, type Figure, figure } from "./figure";
import { boardMa } from "./measured";

/** What a board draws beside its chip all the time, in milliamperes. */
export type Board = Readonly<Record<string, Entry>>;

/** A divider that measures a cell of 4 V through 2 MΩ. */
const DIVIDER_MA = 0.002;

function measuredBoard(mA: number): Figure {
  return exactly(mA, "upyBoot");
}

/** `low-leak` is a node as it can be built, the last ones what there is. */
export const boards: Readonly<Record<string, Board>> = {
  none: {},
  "low-leak": {
    regulator: figure(0.0016, 0.0016, 0.004, "mcp1700"),
    divider: exactly(DIVIDER_MA, "ohm"),
  },
  feathers3: { board: measuredBoard(boardMa.esp32s3!) },
  "esp32-module": { board: measuredBoard(boardMa.esp32!) },
  molenet: { board: figure(0.13, 2, 6.94, "molenet") },
};

export const boardNames = Object.keys(boards);
