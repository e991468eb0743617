/** `embedded:storage/flash` of the `lin` build: erased at each start, and small, for it lies in the memory of XS. */
import { BLOCK_BYTES, createFlash, Partition } from "hal-mocks/flash";

const BLOCKS = 4;

export default createFlash(new Map([["outbox", new Partition({ byteLength: BLOCKS * BLOCK_BYTES })]]));
