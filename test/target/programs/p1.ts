import { parseRecording } from "../../../hal-mocks/chips/p1-replay";
import { samplesOf } from "../../support/p1-reader";

/** As an interrupt of ESP32's UART gives them, and as nothing gives them. */
const CHUNKS = [[96], [1, 2, 3, 5, 8, 13, 21]];

/** Byte strings, each behind its length in 4 bytes, big-endian. */
function blocksOf(input: Uint8Array): Uint8Array[] {
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < input.length; ) {
    const length = view.getUint32(at);
    blocks.push(input.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return blocks;
}

/** The samples of each block of P1 bytes, as they are and with the line ends that a recording has lost. */
export default function p1(input: Uint8Array): string {
  const lines: string[] = [];
  for (const block of blocksOf(input)) {
    const { lead, telegrams } = parseRecording(block);
    for (const sizes of CHUNKS) {
      for (const bytes of [block, lead, ...telegrams.map((telegram) => telegram.bytes)])
        for (const sample of samplesOf(bytes, {}, sizes)) lines.push(JSON.stringify(sample));
    }
  }
  return lines.join("\n");
}
