import { Decoder } from "cbor-x";
import fc from "fast-check";
import { expect, it } from "vitest";
import { dateFrame } from "../../src/comms/frame/date";
import { encodeFrame, type FrameContent } from "../../src/comms/frame/encode";

const decoder = new Decoder({ useRecords: false });

function frame(boot: number, seq: number, dated: boolean): Uint8Array {
  const content: FrameContent = {
    ...{ profile: 1, boot, seq, count: 2, dated, columns: 1 },
    times: [0, 60],
    qualities: [0, 0],
    values: [230, 231],
  };
  return encodeFrame(content, new Uint8Array(100));
}

it("dates an undated frame, changes nothing else of it, and says by how much it may be off", () => {
  const number = fc.nat(2 ** 32 - 1);
  fc.assert(
    fc.property(number, number, number, fc.nat(2 ** 20), (boot, seq, t0, errorMs) => {
      const [profile, , , , count, body] = decoder.decode(frame(boot, seq, false)) as unknown[];
      const dated = decoder.decode(dateFrame(frame(boot, seq, false), t0, errorMs));
      expect(dated).toEqual([profile, boot, seq, t0, count, body, [errorMs]]);
    }),
  );
});

it("leaves a frame that has its date, and what is none, as they are", () => {
  for (const bytes of [frame(1, 2, true), Uint8Array.of(0x83, 1, 2, 3), new Uint8Array(0)]) {
    expect(dateFrame(bytes, 5, 6)).toBe(bytes);
  }
});
