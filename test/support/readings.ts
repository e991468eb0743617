import { channelNumber, quantityOf } from "../../src/model/channels";
import type { FrameReadings } from "../../tools/decode/formats/format";
import type { DecodedReading } from "../../tools/decode/frame";
import { describedProfile } from "../../tools/decode/profiles";

export const TIME = 1_780_000_000_000;

/** A frame of `house-1`, whose columns behind the time are `names` at the registry's resolution. */
export function readingsOf(
  names: string,
  readings: readonly Partial<DecodedReading>[],
  changes: Partial<FrameReadings> = {},
): FrameReadings {
  const columns = ["t", ...names.split(" ").filter(Boolean)].map((name) => {
    const channel = channelNumber(name);
    return { channel, name, exponent: quantityOf(channel)!.exponent };
  });
  return {
    device: "house-1",
    point: 0,
    boot: 7,
    seq: 3,
    profile: describedProfile({ number: 2, columns }),
    readings: readings.map((reading) => ({ time: TIME, quality: 0, values: {}, ...reading })),
    ...changes,
  };
}
