import { dispatch, get, Remote } from "../../../target/provider/wire";

/** A class of the host, with all that scripts can do with one. */
class Probe extends Remote {
  constructor() {
    super("probe", { onCall: (value: unknown) => value });
  }

  override forget(): void {
    super.forget();
  }

  /** What a read leaves in a buffer that was full of ones. */
  fill(byteLength: number): unknown {
    const target = new Uint8Array(byteLength).fill(0xff);
    return { count: this.readInto(target), bytes: target };
  }
}

let probe: Probe;

/** Why the host has no such object. */
function refusal(handle: number): unknown {
  try {
    return get(handle, "name");
  } catch (error) {
    return { isReferenceError: error instanceof ReferenceError, message: (error as Error).message };
  }
}

/** Called with each event of the host. */
export default function onEvent(event: string, ...parameters: readonly unknown[]): unknown {
  switch (event) {
    case "callback":
      return dispatch(...(parameters as Parameters<typeof dispatch>));
    case "open":
      probe = new Probe();
      return undefined;
    case "forget":
      return probe.forget();
    case "fill":
      return probe.fill(parameters[0] as number);
    case "get":
      return refusal(parameters[0] as number);
    default:
      throw new RangeError(`there is no event "${event}"`);
  }
}
