/** Reversed polynomial of CRC-16/ARC (x^16 + x^15 + x^2 + 1), which P1 uses: DSMR P1 5.0.2, clause 5.2. */
const POLYNOMIAL = 0xa001;

function makeTable(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  return table;
}

/** `crc = CRC16[(crc ^ byte) & 0xff] ^ (crc >>> 8)`, from 0. The check value of "123456789" is BB3D. */
export const CRC16: Readonly<Uint16Array> = makeTable();
