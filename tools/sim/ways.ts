import type { StreamConstructor } from "../../hal-mocks/stream";

/** `host:port`, and what leads there. */
export type StreamWay = [address: string, stream: StreamConstructor];

/** Leads to the broker that a socket's options name. */
export function streamByPort(ways: ReadonlyMap<string, StreamConstructor>): StreamConstructor {
  return class {
    constructor(options: ConstructorParameters<StreamConstructor>[0]) {
      const Way = ways.get(`${options.host ?? options.address}:${options.port}`);
      if (!Way) throw new Error("there is no such host");
      // biome-ignore lint/correctness/noConstructorReturn: which class it is, its options say.
      return new Way(options);
    }
  } as StreamConstructor;
}
