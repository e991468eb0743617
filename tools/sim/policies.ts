import { z } from "zod";
import defaultApp from "../../src/app/default";
import type { App } from "../../src/app/interface";
import { channelNumber } from "../../src/model/channels";
import { energySchema } from "./energy-settings";
import type { Scenario } from "./scenario";
import { describe, number, object } from "./schema";

/** A day. */
const MAX_MINIMUM_MS = 86_400_000;
/** More than any channel's value; 0 sends each change. */
const MAX_DELTA = 1e12;

const deltas = z
  .record(z.string(), number(0, MAX_DELTA), "expected an object of channels and how far each may move")
  .superRefine((values, context) => {
    for (const channel in values)
      if (!isChannel(channel))
        context.addIssue({
          ...{ code: "custom", path: [channel] },
          message: "is no channel: expected one of src/model/channels.ts, such as pi",
        });
  });

function isChannel(name: string): boolean {
  try {
    channelNumber(name);
    return true;
  } catch {
    return false;
  }
}

/** One way to run the terminals of a scenario. */
const policySchema = object({
  name: z.string("expected text").min(1, "expected text"),
  /** Settings of `src/config.ts`, over those of each terminal. */
  config: z.record(z.string(), z.unknown(), "expected an object").default({}),
  energy: energySchema.default({}),
  /** Each reading is sent as it is taken, in the same wake. */
  each: z.boolean("expected true or false").default(false),
  /** By channel: how far a value must have moved since it was sent last to be sent before its time. */
  deltas: deltas.optional(),
  /** The least milliseconds between sessions for that. */
  minimumMs: number(0, MAX_MINIMUM_MS).optional(),
  /** False: all channels are searched in each session. */
  channel: z.boolean("expected true or false").default(true),
});

export type SimPolicy = z.output<typeof policySchema>;

const STATIC = { address: "192.0.2.17", mask: "255.255.255.0", gateway: "192.0.2.1" };
const KEY = "0123456789abcdef".repeat(4);
const HOUR = { sessionMs: 3_600_000 };
const QUARTER = { sessionMs: 900_000 };

/** The known ones. Each changes one thing of the scenario, or what its help says. */
const known: readonly z.input<typeof policySchema>[] = [
  { name: "as-is" },
  { name: "each", each: true },
  { name: "batch-15m", config: QUARTER },
  { name: "batch-1h", config: HOUR },
  { name: "delta", config: HOUR, deltas: { pi: 500, pe: 500 }, minimumMs: 60_000 },
  { name: "associated", config: { mode: "resident" } },
  { name: "reconnect", config: { mode: "sleeper" } },
  { name: "static", config: STATIC },
  { name: "key", config: { wifiPassword: KEY } },
  { name: "searched", channel: false },
  { name: "tls", energy: { tls: "full" } },
  { name: "tls-resumed", energy: { tls: "resumed" } },
  { name: "stay", config: { stayMs: 3_600_000 } },
  { name: "sparse", config: { sampleMs: 300_000 } },
  { name: "best", config: { ...HOUR, ...STATIC, wifiPassword: KEY } },
];

export const policyNames = known.map(({ name }) => name);

/** @returns the policies, or one line that says what is wrong. */
export function parsePolicies(json: unknown): { policies: SimPolicy[] } | { problem: string } {
  const parsed = z
    .array(policySchema, "expected a list of policies")
    .min(1, "expected at least one policy")
    .safeParse(json, { reportInput: true });
  if (!parsed.success) return { problem: describe(parsed.error.issues[0], "the file") };
  const names = parsed.data.map(({ name }) => name);
  const again = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (again < 0) return { policies: parsed.data };
  return { problem: `[${again}].name is "${names[again]}", as [${names.indexOf(names[again])}] is already` };
}

/** @returns those of these names, or the first name that is not known. */
export function namedPolicies(names: readonly string[]): { policies: SimPolicy[] } | { unknown: string } {
  const unknown = names.find((name) => !policyNames.includes(name));
  if (unknown !== undefined) return { unknown };
  const chosen = names.map((name) => known.find((policy) => policy.name === name));
  return { policies: chosen.map((policy) => policySchema.parse(policy)) };
}

/** The scenario as its terminals run it under this policy. */
export function under({ config, energy }: SimPolicy, scenario: Scenario): Scenario {
  const terminals = scenario.terminals.map((terminal) => ({
    ...terminal,
    config: { ...terminal.config, ...config },
    energy: { ...terminal.energy, ...energy },
  }));
  return { ...scenario, terminals };
}

/** What a terminal's app does for it; undefined where the settings are enough. */
export function appOf({ each, deltas, minimumMs }: SimPolicy): App | undefined {
  if (!each && !deltas) return undefined;
  return (kit) => {
    const app = defaultApp(kit);
    const triggers = deltas && { triggers: { deltas } };
    const streams = app.plan.streams.map((stream) => ({ ...stream, ...triggers }));
    const plan = { ...app.plan, streams, ...(minimumMs !== undefined && { minimumMs }) };
    return { ...app, plan, ...(each && { onReading: () => "send" as const }) };
  };
}
