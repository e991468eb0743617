import { readAnnouncement, type UpdateManifest } from "../../../src/ota/package";
import { imageName, offerTopic } from "../../../src/ota/topics";
import { type BrokerAddress, type Command, Failure, type Io, UsageError, urlOf } from "../../cli/command";
import { broker, file, integer, readable } from "../../cli/options";
import { Progress } from "../../cli/progress";
import { Subscriber } from "../../subscriber";
import { readBytes } from "../files";
import { Fleet, type Limits } from "../fleet";
import { readPublicKey, readStageSecret, refuseDevelopment, trustedKeyOf } from "../key-files";
import { type Package, readPackage, verifyPackage } from "../package-file";
import { contentMessages, type Message, offerMessage } from "../retained";
import { stageToken } from "../stages";
import { unverified } from "../unverified";
import { publishAll } from "./delivery";
import { duration, explained, keyOption, releaseOption, required } from "./options";
import { watch } from "./watch";

const ALL = 100;

export const publishCommand: Command = {
  name: "ota publish",
  summary:
    "Puts a package on the broker, retained, for nodes to fetch; watches them, and withdraws a bad one.",
  positionals: "PACKAGE",
  maximumPositionals: 1,
  options: {
    broker: { value: "mqtt://host:port", help: "where", parse: broker },
    key: keyOption,
    release: releaseOption,
    percent: { value: "N", help: "to how many of a hundred nodes (default 100)", parse: integer(0, ALL) },
    stages: { value: "FILE", help: "the stage secret that the package was made with", parse: file },
    again: { help: "send table and blocks also when the broker offers this image already" },
    watch: { help: "follow the nodes until Ctrl-C, and withdraw the update when too many fail" },
    for: { value: "TIME", help: "watch so long", parse: duration("1s", "7d") },
    failures: { value: "N", help: "too many: at least so many (default 2)", parse: integer(1, 1_000_000) },
    "failed-percent": {
      value: "N",
      help: "and this part of those that have come to an end (default 10)",
      parse: integer(1, ALL),
    },
  },
  async run(values, [path], io) {
    if (!path) throw new UsageError("which PACKAGE?");
    const [address, keyFile] = required<unknown>(values, "broker", "key") as [BrokerAddress, string];
    if (values.for !== undefined && !values.watch) throw new UsageError("--for needs --watch");
    const trusted = trustedKeyOf(readPublicKey(keyFile));
    if (values.release) refuseDevelopment(trusted);
    const { packed, manifest } = explained(path, () => {
      const packed = readPackage(readBytes(readable(path)));
      return { packed, manifest: verifyPackage(packed, [trusted]) };
    });
    const offer = offerMessage(manifest, { ...packed, ...stageOf(manifest, values) });
    const fleet = new Fleet();
    const broker = await Broker.connect(address, manifest, fleet);
    try {
      await deliver(broker, packed, { manifest, offer, again: values.again === true }, io);
      if (!values.watch) return 0;
      return await watch(fleet, broker.subscriber, manifest, limitsOf(values), values.for as number, io);
    } finally {
      await broker.subscriber.close();
    }
  },
};

function limitsOf(values: Record<string, unknown>): Limits {
  return {
    failures: (values.failures as number | undefined) ?? 2,
    percent: (values["failed-percent"] as number | undefined) ?? 10,
  };
}

/** What proves the percentage. */
function stageOf({ stageAnchor, digest }: UpdateManifest, values: Record<string, unknown>) {
  const percent = (values.percent as number | undefined) ?? ALL;
  if (!stageAnchor) {
    if (percent !== ALL || values.stages !== undefined)
      throw new UsageError(
        "the package has no stages: pack it with --stages to offer it to a part of the nodes",
      );
    return { percent, token: new Uint8Array(0) };
  }
  const [secretFile] = required<string>(values, "stages");
  const secret = readStageSecret(secretFile);
  if (!Buffer.from(stageToken(secret, digest, 0)).equals(stageAnchor))
    throw new UsageError(`"${secretFile}" is not the stage secret that the package was made with`);
  return { percent, token: stageToken(secret, digest, percent) };
}

/** A connection that knows what is offered now. */
class Broker {
  readonly subscriber: Subscriber;
  /** The name of the image that is offered; undefined for none. */
  readonly offered: string | undefined;

  private constructor(subscriber: Subscriber, offered: string | undefined) {
    this.subscriber = subscriber;
    this.offered = offered;
  }

  static async connect(address: BrokerAddress, manifest: UpdateManifest, fleet: Fleet): Promise<Broker> {
    const topic = offerTopic(manifest.deviceClass);
    let standing: Uint8Array | undefined;
    const subscriber = await Subscriber.connect(urlOf(address), {
      first: topic,
      filter: "gm/+/s",
      onMessage(from, payload) {
        if (from === topic) standing = payload;
        else fleet.accept(from, payload);
      },
    });
    try {
      await subscriber.barrier();
    } catch (error) {
      await subscriber.close();
      throw error;
    }
    return new Broker(subscriber, standing && imageIn(standing));
  }
}

/** Undefined for what was withdrawn, and for what no node could read. */
function imageIn(message: Uint8Array): string | undefined {
  try {
    const announcement = readAnnouncement(message);
    return announcement && imageName(unverified(announcement.offer).manifest);
  } catch {
    return undefined;
  }
}

/** Blocks first, the offer last: who has read it finds the rest. */
async function deliver(
  { subscriber, offered }: Broker,
  packed: Package,
  { manifest, offer, again }: { manifest: UpdateManifest; offer: Message; again: boolean },
  io: Io,
): Promise<void> {
  const image = imageName(manifest);
  if (offered !== undefined && offered !== image)
    io.stderr.write(`gridmote: this takes the place of image ${offered}, which is offered now\n`);
  const content = offered === image && !again ? [] : contentMessages(manifest, packed);
  const progress = new Progress(io.stderr);
  const sent = await publishAll(subscriber, [...content, offer], (part) => progress.update(part, "blocks"));
  progress.clear();
  if (!sent) throw new Failure("the broker does not acknowledge any more: publish again");
  io.stdout.write(`${manifest.kind} ${manifest.version}, image ${image}, is offered on ${offer.topic}\n`);
}
