/** Reversed polynomial of CRC-16/X.25 (x^16 + x^12 + x^5 + 1), which SML uses. */
const POLYNOMIAL = 0x8408;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** What a CRC begins with. */
export const CRC16_X25_START = 0xffff;

/** Goes on by a byte. The CRC is the inverse of what the last one gives: of "123456789" that is 906E. */
export function crc16X25(crc: number, byte: number): number {
  return TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
}
