import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOfHex, hexOfBytes } from "../../hal-mocks/expected";
import {
  checkRequest,
  decodeRtu,
  decodeTcp,
  encodeRtu,
  encodeTcp,
  ModbusBuffer,
  ModbusCode,
  type ModbusRequest,
} from "../../src/sensors/modbus";
import { Asked, bufferOf } from "../support/modbus";

const { readHolding, readInput, writeOne, writeMany, resetEnergy } = ModbusCode;

function sent(request: ModbusRequest): string {
  const buffer = new ModbusBuffer(256);
  encodeRtu(request, buffer);
  return hexOfBytes(buffer.bytes.subarray(0, buffer.length));
}

/**
 * Frames that others have published. SDM: Eastron's manual of the SDM320Y, page 43, and the wiki of M. Luerssen (SDM630).
 * KBR: manual of the multicomp F144, page 62. PZEM: comments of ESPHome's pzemac.cpp and pzemdc.cpp.
 */
describe("published frames", () => {
  it("of requests are what is sent", () => {
    expect(sent(new Asked(1, readInput, 0, 2))).toBe("01 04 00 00 00 02 71 cb");
    expect(sent(new Asked(1, readHolding, 0x0c, 2))).toBe("01 03 00 0c 00 02 04 08");
    expect(sent(new Asked(1, writeMany, 0x16, 2, [0x3f, 0x80, 0, 0]))).toBe(
      "01 10 00 16 00 02 04 3f 80 00 00 7f 75",
    );
    expect(sent(new Asked(1, readInput, 1, 6))).toBe("01 04 00 01 00 06 21 c8");
    expect(sent(new Asked(0xf8, writeOne, 2, 1, [0, 1]))).toBe("f8 06 00 02 00 01 fd a3");
    expect(sent(new Asked(1, resetEnergy, 0, 0))).toBe("01 42 80 11");
  });

  it.each([
    ["01 04 04 43 66 33 34 1B 38", new Asked(1, readInput, 0, 2), [230.2]],
    ["01 03 04 42 C8 00 00 6F B5", new Asked(1, readHolding, 0x0c, 2), [100]],
    [
      "01 04 0C 43 6B 5A B4 42 DC 67 20 42 48 0C 63 AF 7C",
      new Asked(1, readInput, 1, 6),
      [235.35, 110.2, 50.012],
    ],
  ] as const)("of an answer give its floats: %s", (hex, asked, values) => {
    expect(decodeRtu(asked, bufferOf(hex))).toBe("answer");
    const view = new DataView(asked.data.buffer);
    values.forEach((value, index) => {
      expect(view.getFloat32(4 * index)).toBeCloseTo(value, 2);
    });
  });

  it("of a setting answered as it was sent is accepted", () => {
    expect(decodeRtu(new Asked(0xf8, writeOne, 2, 1, [0, 1]), bufferOf("F8 06 00 02 00 01 FD A3"))).toBe(
      "answer",
    );
  });
});

describe("an RTU answer", () => {
  const asked = () => new Asked(1, readInput, 0, 2);

  it("is found behind noise, and behind the frame of another unit", () => {
    for (const before of ["00", "ff 01 04", "02 04 04 43 66 33 34 1B 38".replace("1B 38", "5e 38")]) {
      expect(decodeRtu(asked(), bufferOf(`${before} 01 04 04 43 66 33 34 1B 38`)), before).toBe("answer");
    }
  });

  it("of another unit, function or length is none", () => {
    const other = (request: Asked) => decodeRtu(request, bufferOf("01 04 04 43 66 33 34 1B 38"));
    expect(other(new Asked(2, readInput, 0, 2))).toBe("nothing");
    expect(other(new Asked(1, readHolding, 0, 2))).toBe("nothing");
    expect(other(new Asked(1, readInput, 0, 1))).toBe("nothing");
  });

  it("of another address or value written is none", () => {
    const frame = "F8 06 00 02 00 01 FD A3";
    expect(decodeRtu(new Asked(0xf8, writeOne, 3, 1, [0, 1]), bufferOf(frame))).toBe("nothing");
    expect(decodeRtu(new Asked(0xf8, writeOne, 2, 1, [0, 2]), bufferOf(frame))).toBe("nothing");
  });

  it("with a wrong checksum, cut off, or refused says so", () => {
    expect(decodeRtu(asked(), bufferOf("01 04 04 43 66 33 34 1B 39"))).toBe("checksum");
    expect(decodeRtu(asked(), bufferOf("01 04 04 43 66 33 34 1B"))).toBe("partial");
    expect(decodeRtu(asked(), bufferOf("01 84 02 C2 C1"))).toBe("exception");
    expect(decodeRtu(asked(), bufferOf(""))).toBe("nothing");
  });

  it("with one bit changed is never believed", () => {
    const good = bytesOfHex("01 04 14 08 D1 00 6C 00 00 00 F4 00 00 00 26 00 00 01 F4 00 64 00 00 51 34");
    for (let bit = 0; bit < 8 * good.length; bit++) {
      const bad = good.slice();
      bad[bit >> 3] ^= 1 << (bit & 7);
      const verdict = decodeRtu(new Asked(1, readInput, 0, 10), bufferOf(hexOfBytes(bad)));
      expect(verdict).not.toBe("answer");
      expect(verdict).not.toBe("exception");
    }
  });

  it("is given for no random bytes, and nothing throws", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...Object.values(ModbusCode)),
        (bytes, code) => {
          const request = new Asked(bytes[0] ?? 1, code, 0, 1);
          const verdict = decodeRtu(request, bufferOf(hexOfBytes(bytes)));
          expect(["nothing", "partial", "checksum"]).toContain(verdict);
        },
      ),
    );
  });
});

describe("a TCP answer", () => {
  const asked = () => new Asked(1, readInput, 0, 1);

  it("is taken with its transaction and unit only, and each whole frame leaves the buffer", () => {
    const buffer = bufferOf(
      "00 08 00 00 00 05 01 04 02 00 01 00 09 00 00 00 05 02 04 02 00 02 00 09 00 00 00 05 01 04 02 00 03 00",
    );
    const request = asked();
    expect(decodeTcp(request, 9, buffer)).toBe("nothing");
    expect(decodeTcp(request, 9, buffer)).toBe("nothing");
    expect(decodeTcp(request, 9, buffer)).toBe("answer");
    expect(request.words).toEqual([3]);
    expect(decodeTcp(request, 9, buffer)).toBe("partial");
    expect(buffer.length).toBe(1);
  });

  it.each([
    ["another function", "00 09 00 00 00 05 01 03 02 00 01", "malformed"],
    ["another length", "00 09 00 00 00 07 01 04 04 00 01 00 02", "malformed"],
    ["a byte count that is not its length", "00 09 00 00 00 05 01 04 04 00 01", "malformed"],
    ["another protocol", "00 09 00 01 00 05 01 04 02 00 01", "malformed"],
    ["a length that cannot be", "00 09 00 00 ff 05 01 04 02 00 01", "malformed"],
    ["an exception", "00 09 00 00 00 03 01 84 02", "exception"],
    ["an exception of another transaction", "00 08 00 00 00 03 01 84 02", "nothing"],
  ])("with %s is judged so", (_what, hex, verdict) => {
    expect(decodeTcp(asked(), 9, bufferOf(hex))).toBe(verdict);
  });

  it("is encoded with its header", () => {
    const buffer = new ModbusBuffer(260);
    encodeTcp(asked(), 0x1234, buffer);
    expect(hexOfBytes(buffer.bytes.subarray(0, buffer.length))).toBe("12 34 00 00 00 06 01 04 00 00 00 01");
  });

  it("that is random never throws, and never makes the buffer grow", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const buffer = bufferOf(hexOfBytes(bytes));
        decodeTcp(asked(), 9, buffer);
        expect(buffer.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe("a request", () => {
  it.each([
    ["code", new Asked(1, 5 as 3, 0, 1)],
    ["unit", new Asked(256, readInput, 0, 1)],
    ["address", new Asked(1, readInput, 65_536, 1)],
    ["count", new Asked(1, readInput, 0, 126)],
    ["count", new Asked(1, readInput, 65_535, 2)],
    ["count", new Asked(1, writeOne, 0, 2)],
    ["count", new Asked(1, writeMany, 0, 124)],
    ["data", new Asked(1, readInput, 0, 2, [0])],
  ])("with a wrong %s is refused by that name", (field, request) => {
    expect(() => checkRequest(request)).toThrow(`modbus: ${field}`);
  });
});
