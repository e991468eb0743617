/** `embedded:storage/key-value` of the `lin` build: as empty at each start as a board fresh from the factory. */
import { createKeyValue } from "hal-mocks/key-value";

export default createKeyValue();
