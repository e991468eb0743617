import { FlashOutbox } from "../../src/comms/outbox";
import type { Flash, FlashStorage } from "../../src/hal";

const BLOCK_BYTES = 4096;
const BLOCKS = 128;
const FRAME = new Uint8Array(300).fill(7);
const NOTE = new Uint8Array(8).fill(7);
/** So many of them lie in some 60 blocks. */
const HALF = 700;
/** Up to here, all that is there is acknowledged but the last few. */
const WAITING = 10;

const bytes = new Uint8Array(BLOCKS * BLOCK_BYTES).fill(0xff);
let outbox: FlashOutbox;
let seq = 0;

/** RAM that is used as flash. */
const flash: Flash = {
  read: ((target: Uint8Array, offset: number) => {
    target.set(bytes.subarray(offset, offset + target.length));
    return target.length;
  }) as Flash["read"],
  write: (buffer, offset) => bytes.set(buffer as Uint8Array, offset),
  eraseBlock: (block) => void bytes.fill(0xff, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES),
  status: () => ({ size: bytes.length, blockLength: BLOCK_BYTES, blocks: BLOCKS }),
  close: () => {},
};
const storage: FlashStorage = { open: () => flash };

function open(): void {
  outbox = new FlashOutbox(storage, { clean: true });
}

function append(): void {
  outbox.append({ point: 0, boot: 1, seq: seq++, readings: 15, start: 1, end: 2 }, FRAME, NOTE);
}

/** Half full, and the newest block too. */
function prepare(): void {
  open();
  while (seq < HALF) append();
  for (let id = 1; id <= HALF - WAITING; id++) outbox.acknowledge(id);
}

/** Each event is an operation. */
export default function onEvent(event: string): unknown {
  switch (event) {
    case "prepare":
      return prepare();
    case "open":
      return open();
    case "append":
      return append();
    case "next":
      return outbox.next(0)!.payload;
    case "acknowledge":
      return outbox.acknowledge(HALF - WAITING + 1);
    default:
      throw new RangeError(`there is no event "${event}"`);
  }
}
