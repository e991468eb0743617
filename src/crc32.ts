/** Reversed polynomial of CRC-32/ISO-HDLC (IEEE 802.3, zlib). */
const POLYNOMIAL = 0xedb88320;
const WORD_BYTES = 4;

/** The CRC of each byte with `zeros` bytes 0 behind it. Signed, as bitwise operators have it: XS boxes what is not. */
function makeTable(zeros: number): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8 + 8 * zeros; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  return table;
}

const TABLE = makeTable(0);
const TABLE_1 = makeTable(1);
const TABLE_2 = makeTable(2);
const TABLE_3 = makeTable(3);

/**
 * CRC-32/ISO-HDLC of bytes from `start` up to, not including, `end`. The check value of "123456789" is CBF43926.
 * `previous` is that of the bytes before, when they come in parts.
 *
 * Four bytes at a time, as words of the machine, which has to be little-endian: that costs an interpreter well below
 * half of what single bytes do.
 */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  const { buffer, byteOffset } = bytes;
  const lead = Math.min(start + (-(byteOffset + start) & (WORD_BYTES - 1)), end);
  const count = Math.floor((end - lead) / WORD_BYTES);
  let crc = single(~previous, bytes, start, lead);
  if (count > 0) {
    const words = new Int32Array(buffer, byteOffset + lead, count);
    for (let index = 0; index < count; index++) {
      crc ^= words[index];
      crc =
        TABLE_3[crc & 0xff] ^ TABLE_2[(crc >>> 8) & 0xff] ^ TABLE_1[(crc >>> 16) & 0xff] ^ TABLE[crc >>> 24];
    }
  }
  return ~single(crc, bytes, lead + count * WORD_BYTES, end) >>> 0;
}

function single(start: number, bytes: Uint8Array, from: number, end: number): number {
  let crc = start;
  for (let index = from; index < end; index++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[index]) & 0xff];
  return crc;
}
