import { imageName } from "../../../src/ota/topics";
import { type BrokerAddress, type Command, type Io, UsageError, urlOf } from "../../cli/command";
import { broker, readable } from "../../cli/options";
import { table } from "../../cli/table";
import { Subscriber } from "../../subscriber";
import { readBytes } from "../files";
import { Fleet, type NodeState } from "../fleet";
import { readPackage } from "../package-file";
import { contentMessages } from "../retained";
import { unverified } from "../unverified";
import { explained, required } from "./options";

export const statusCommand: Command = {
  name: "ota status",
  summary: "Says where each node stands with its update and, of a PACKAGE, how much is on the broker.",
  positionals: "[PACKAGE]",
  maximumPositionals: 1,
  options: {
    broker: { value: "mqtt://host:port", help: "where", parse: broker },
    json: { help: "one JSON object" },
  },
  async run(values, [path], io) {
    const [address] = required<BrokerAddress>(values, "broker");
    const expected = path === undefined ? undefined : contentOf(path);
    const { fleet, there } = await look(address, expected?.image);
    const content = expected && {
      image: expected.image,
      there: expected.messages.filter(
        ({ topic, payload }) =>
          there.get(topic) !== undefined && Buffer.from(payload).equals(there.get(topic)!),
      ).length,
      of: expected.messages.length,
      ...fleet.tally(expected.image),
    };
    if (values.json)
      io.stdout.write(`${JSON.stringify({ nodes: fleet.nodes, ...(content && { content }) })}\n`);
    else {
      print(fleet.nodes, io);
      if (content)
        io.stdout.write(
          `image ${content.image}: ${content.there} of ${content.of} messages on the broker, ` +
            `confirmed ${content.confirmed}, under way ${content.underWay}, failed ${content.failed}\n`,
        );
    }
    return content && content.there < content.of ? 1 : 0;
  },
};

function contentOf(path: string) {
  if (!path) throw new UsageError("which PACKAGE?");
  return explained(path, () => {
    const packed = readPackage(readBytes(readable(path)));
    const { manifest } = unverified(packed.offer);
    return { image: imageName(manifest), messages: contentMessages(manifest, packed) };
  });
}

/** What the broker keeps: states and, of an image, table and blocks. */
async function look(address: BrokerAddress, image: string | undefined) {
  const fleet = new Fleet();
  const there = new Map<string, Uint8Array>();
  const subscriber = await Subscriber.connect(urlOf(address), {
    filter: "gm/+/s",
    ...(image !== undefined && { first: `gmu/${image}/+` }),
    onMessage(topic, payload) {
      if (!fleet.accept(topic, payload)) there.set(topic, payload);
    },
  });
  try {
    await subscriber.barrier();
  } finally {
    await subscriber.close();
  }
  return { fleet, there };
}

function print(nodes: readonly NodeState[], { stdout }: Io): void {
  if (!nodes.length) {
    stdout.write("no node has said anything at this broker\n");
    return;
  }
  const rows = nodes.map(({ device, state, version, update }) => [
    device,
    state || "-",
    version || "-",
    update ? [update.kind, update.version].filter((part) => part !== undefined).join(" ") || "-" : "-",
    update?.state ?? "-",
    update?.image ?? "-",
    update?.reason ?? "",
  ]);
  stdout.write(table(["node", "state", "version", "update", "stands", "image", "reason"], rows));
}
