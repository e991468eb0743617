import { BufferedStream, type StreamConstructor } from "./stream";

/** CONNACK (MQTT 3.1.1 §3.2), but for its return code. */
const CONNACK = [0x20, 2, 0];

/** A peer that is made up: it takes a connection, and what it does then depends on nobody's clock. */
abstract class MadeUpPeer extends BufferedStream {
  constructor(options: ConstructorParameters<StreamConstructor>[0]) {
    super(options);
    Promise.resolve().then(() => this.connected());
  }

  expect(_answer: boolean): void {}

  protected send(_bytes: Uint8Array): void {}

  protected end(): void {}
}

/** Accepts and says nothing, ever. */
export class SilentPeer extends MadeUpPeer {
  readonly isSilent = true;
}

/** Accepts, and closes at the first bytes. */
export class ClosingPeer extends MadeUpPeer {
  protected override send(): void {
    Promise.resolve().then(() => this.failed(new Error("the peer closed the connection")));
  }
}

/** A broker that accepts, and refuses each CONNECT. */
export function createRefusingPeer(returnCode: number): StreamConstructor {
  return class extends MadeUpPeer {
    protected override send(): void {
      Promise.resolve().then(() => this.received(Uint8Array.of(...CONNACK, returnCode)));
    }
  };
}
