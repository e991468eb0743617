import type { AppInstance, Kit } from "./interface";

/** The default app: the sensors of the configuration, sampled and sent as that says. */
export default function app({ config, streams }: Kit): AppInstance {
  return { plan: { streams, sessionMs: config.sessionMs } };
}
