import { imageName } from "../../../src/ota/topics";
import { type BrokerAddress, type Command, UsageError } from "../../cli/command";
import { broker, readable } from "../../cli/options";
import { Progress } from "../../cli/progress";
import { readBytes } from "../files";
import { readPackage } from "../package-file";
import { contentMessages, type Message, tombstones } from "../retained";
import { unverified } from "../unverified";
import { UpdateBroker } from "./broker";
import { explained, required } from "./options";

export const withdrawCommand: Command = {
  name: "ota withdraw",
  summary: "Takes back what is offered: nodes that have not begun to try it stay as they are.",
  positionals: "PACKAGE",
  maximumPositionals: 1,
  options: {
    broker: { value: "mqtt://host:port", help: "where", parse: broker },
    blocks: { help: "and its blocks: one byte, that no node takes, in place of each" },
    delete: {
      help: "and delete them for good: for when no node is awake that fetches them (docs/update.md)",
    },
  },
  async run(values, [path], io) {
    if (!path) throw new UsageError("which PACKAGE?");
    if (values.blocks && values.delete) throw new UsageError("either --blocks or --delete, not both");
    const [address] = required<BrokerAddress>(values, "broker");
    const { packed, manifest } = explained(path, () => {
      const packed = readPackage(readBytes(readable(path)));
      return { packed, manifest: unverified(packed.offer).manifest };
    });
    const replaced = values.blocks ? tombstones(manifest, packed) : [];
    const deleted = values.delete ? contentMessages(manifest, packed).map(emptied) : [];
    const update = await UpdateBroker.connect(address, manifest);
    try {
      const stood = await update.withdraw(manifest);
      const progress = new Progress(io.stderr);
      await update.publish([replaced, deleted], (part) => progress.update(part, "blocks"));
      progress.clear();
      const image = imageName(manifest);
      io.stdout.write(`image ${image} ${stood ? "is withdrawn" : "was not offered"}\n`);
    } finally {
      await update.close();
    }
    return 0;
  },
};

/** What makes a broker forget (MQTT 3.1.1 §3.3.1.3). */
function emptied({ topic }: Message): Message {
  return { topic, payload: new Uint8Array(0) };
}
