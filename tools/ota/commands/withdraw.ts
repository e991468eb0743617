import { type BrokerAddress, type Command, Failure, UsageError, urlOf } from "../../cli/command";
import { broker, readable } from "../../cli/options";
import { Progress } from "../../cli/progress";
import { Subscriber } from "../../subscriber";
import { readBytes } from "../files";
import { readPackage } from "../package-file";
import { contentMessages, tombstones, withdrawalMessage } from "../retained";
import { unverified } from "../unverified";
import { publishAll } from "./delivery";
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
    const withdrawal = withdrawalMessage(manifest);
    const messages = [withdrawal];
    if (values.blocks) messages.push(...tombstones(manifest, packed));
    if (values.delete) {
      const gone = contentMessages(manifest, packed).map(({ topic }) => ({
        topic,
        payload: new Uint8Array(0),
      }));
      messages.push(...gone);
    }
    const subscriber = await Subscriber.connect(urlOf(address), {
      filter: withdrawal.topic,
      onMessage: () => {},
    });
    try {
      const progress = new Progress(io.stderr);
      const done = await publishAll(subscriber, messages, (part) => progress.update(part, "withdrawing"));
      progress.clear();
      if (!done) throw new Failure("the broker does not acknowledge: withdraw it again");
    } finally {
      await subscriber.close();
    }
    io.stdout.write(`${withdrawal.topic}: withdrawn\n`);
    return 0;
  },
};
