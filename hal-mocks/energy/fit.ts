import { boardMa, type MeasuredEvent, type MeasuredState, measured } from "./measured";
import { type ChipName, published, transmitMa } from "./published";

/** The two numbers that no maker publishes. */
export interface Parameters {
  /** Where in the range that is published for the processor a boot lies. */
  bootShare: number;
  /** For what share of the time a radio that joins a network sends. */
  joinShare: number;
}

export interface Calibration extends Parameters {
  /** What the board drew beside the measured ESP32, in milliamperes. */
  boardMa: number;
}

/** Milliamperes of a chip alone in one state. */
function chipMa(chip: ChipName, state: MeasuredState, { bootShare, joinShare }: Parameters): number {
  const { cpu, receive } = published[chip];
  const [low, high] = cpu;
  const listening = (receive[0] + receive[1]) / 2;
  switch (state) {
    case "boot":
      return low + bootShare * (high - low);
    case "busy":
      return (low + high) / 2;
    case "join":
      return listening + joinShare * (transmitMa(chip) - listening);
    case "receive":
      return listening;
  }
}

/** Millicoulombs of an event, the board's draw included. */
export function predict({ chip, phases }: MeasuredEvent, parameters: Parameters): number {
  const board = boardMa[chip] ?? 0;
  let mC = 0;
  for (const [state, ms] of phases) mC += ((chipMa(chip, state, parameters) + board) * ms) / 1000;
  return mC;
}

const NONE: Parameters = { bootShare: 0, joinShare: 0 };

/**
 * Least squares of the relative errors over the events that are for it. A prediction is linear in both parameters, so the
 * two normal equations give them.
 */
export function leastSquares(events: readonly MeasuredEvent[]): Parameters {
  let [aa, ab, bb, ay, by] = [0, 0, 0, 0, 0];
  for (const event of events) {
    const none = predict(event, NONE);
    const a = (predict(event, { ...NONE, bootShare: 1 }) - none) / event.mC;
    const b = (predict(event, { ...NONE, joinShare: 1 }) - none) / event.mC;
    const y = (event.mC - none) / event.mC;
    aa += a * a;
    ab += a * b;
    bb += b * b;
    ay += a * y;
    by += b * y;
  }
  const determinant = aa * bb - ab * ab;
  return { bootShare: (ay * bb - by * ab) / determinant, joinShare: (by * aa - ay * ab) / determinant };
}

export function calibrate(): Calibration {
  const parameters = leastSquares(measured.filter(({ use }) => use === "fit"));
  return { ...parameters, boardMa: boardMa.esp32! };
}
