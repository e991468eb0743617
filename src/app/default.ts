import type { AppInstance, Kit } from "./interface";

/** Numbers of the built-in profiles for one and three phases. */
const METER_1 = 1;
const METER_3 = 2;

/** The default app: a smart meter on a P1 port, sampled and sent as the configuration says. */
export default function app(kit: Kit): AppInstance {
  const { config } = kit;
  return {
    plan: {
      streams: [
        {
          point: 0,
          sensor: "p1",
          profile: config.phases === 1 ? METER_1 : METER_3,
          sampleMs: config.sampleMs,
          timeoutMs: config.sampleTimeoutMs,
          batch: config.durable === "reading" ? 1 : config.batch,
        },
      ],
      sessionMs: config.sessionMs,
    },
  };
}
