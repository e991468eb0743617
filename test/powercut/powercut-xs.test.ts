import { afterAll, describe, expect, it } from "vitest";
import type { Hal } from "../../src/hal";
import { XsMachine } from "../../tools/sim/machine";
import {
  BUILD_TIMEOUT_MS,
  compileModule,
  describeImage,
  hasCompiler,
  Tree,
  terminalFiles,
} from "../support/target";
import { Checker } from "./check";
import { type Cut, recover, scenario } from "./explore";
import type { History } from "./history";
import { DEVICE, plan } from "./node";
import { updatingFirmware } from "./updating";

/** Cuts that are recovered from on both engines. */
const COUNT = 40;
const UPDATE_COUNT = 5;

describe.runIf(hasCompiler())("a node on XS", () => {
  const tree = new Tree({});
  afterAll(() => tree.remove());

  it(
    "recovers from cuts all over as on Node, to the same messages",
    async () => {
      const { cuts } = await scenario();
      await compare(spread(cuts, COUNT), recover);
    },
    BUILD_TIMEOUT_MS,
  );

  it(
    "and from cuts in the middle of an update of its firmware",
    async () => {
      const { cuts } = await updatingFirmware.scenario();
      const ofImages = cuts.filter(({ part }) => part === "images");
      await compare(spread(ofImages, UPDATE_COUNT), updatingFirmware.recover);
    },
    BUILD_TIMEOUT_MS,
  );

  async function compare(cuts: readonly Cut[], recoverFrom: typeof recover): Promise<void> {
    const app = `export default () => (${JSON.stringify({ plan })});`;
    const files = { ...terminalFiles(), app: compileModule(tree, describeImage().compile, "app", app) };
    const fallbacks: string[] = [];
    const machine = (hal: Hal) =>
      new XsMachine(hal, DEVICE, files, { onFallback: (why) => fallbacks.push(why) });
    const checker = new Checker();
    for (const cut of cuts) {
      const onNode = await recoverFrom(cut);
      const onXs = await recoverFrom(cut, { machine });
      const what = cut.history.cuts.join();
      expect(fallbacks, what).toEqual([]);
      expect([...checker.faults(onXs.history), ...(onXs.faults ?? [])], what).toEqual([]);
      expect([onXs.operations, onXs.wakes], what).toEqual([onNode.operations, onNode.wakes]);
      expect(texts(onXs.history), what).toEqual(texts(onNode.history));
    }
  }
});

function texts({ received }: History): string[] {
  return received.map(({ topic, payload }) => `${topic} ${Buffer.from(payload).toString("hex")}`);
}

/** Some of each kind, from the beginning to the end. */
function spread(cuts: readonly Cut[], count: number): Cut[] {
  const kinds = new Map<string, Cut[]>();
  for (const cut of cuts) {
    const kind = `${cut.part} ${cut.moment} ${cut.loss}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), cut]);
  }
  const each = Math.ceil(count / kinds.size);
  return [...kinds.values()].flatMap((kind) => {
    const step = Math.max(1, Math.floor(kind.length / each));
    return kind.filter((_, index) => index % step === step >> 1).slice(0, each);
  });
}
