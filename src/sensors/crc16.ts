/** Reversed polynomial of CRC-16/ARC (x^16 + x^15 + x^2 + 1), which P1 uses: DSMR P1 5.0.2, clause 5.2. */
const POLYNOMIAL = 0xa001;
const WORD_BYTES = 4;

/** The CRC of each byte with `zeros` bytes 0 behind it. */
function makeTable(zeros: number): Uint16Array {
  const table = new Uint16Array(256);
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
 * Continues the CRC-16/ARC `start`, which begins as 0, over the bytes from `from` up to, not including, `end`. The check
 * value of "123456789" is BB3D.
 *
 * @param words the same memory as `bytes`, which begins with it: four bytes at a time are less than half the work. The
 * machine has to be little-endian.
 */
export function crc16(
  start: number,
  bytes: Uint8Array,
  words: Int32Array,
  from: number,
  end: number,
): number {
  let crc = start;
  let at = from;
  for (; at & (WORD_BYTES - 1) && at < end; at++) crc = TABLE[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  const last = Math.floor(end / WORD_BYTES);
  let index = Math.ceil(at / WORD_BYTES);
  for (; index < last; index++) {
    crc ^= words[index];
    crc =
      TABLE_3[crc & 0xff] ^ TABLE_2[(crc >>> 8) & 0xff] ^ TABLE_1[(crc >>> 16) & 0xff] ^ TABLE[crc >>> 24];
  }
  for (at = Math.max(at, index * WORD_BYTES); at < end; at++)
    crc = TABLE[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  return crc;
}
