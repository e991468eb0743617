import "./text-encoder";

// The build that makes no code at run time: XS has no compiler on a board.
export { Encoder } from "cbor-x/index-no-eval";
