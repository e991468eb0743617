import type { UpdateManifest } from "../../../src/ota/package";
import { imageName } from "../../../src/ota/topics";
import { type BrokerAddress, type Command, type Io, UsageError } from "../../cli/command";
import { broker, file, integer, readable } from "../../cli/options";
import { Progress } from "../../cli/progress";
import { readBytes } from "../files";
import type { Limits } from "../fleet";
import { readPublicKey, readStageSecret, refuseDevelopment, trustedKeyOf } from "../key-files";
import { type Package, readPackage, verifyPackage } from "../package-file";
import { contentMessages, type Message, offerMessage } from "../retained";
import { stageToken } from "../stages";
import { UpdateBroker } from "./broker";
import { duration, explained, keyOption, releaseOption, required } from "./options";
import { haltBad, watch } from "./watch";

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
    const broker = await UpdateBroker.connect(address, manifest);
    const watched = { broker, manifest, limits: limitsOf(values) };
    try {
      // What nodes have said before counts too.
      if (values.watch && (await haltBad(watched, io))) return 1;
      await deliver(broker, packed, { manifest, offer, again: values.again === true }, io);
      return values.watch ? await watch(watched, values.for as number | undefined, io) : 0;
    } finally {
      await broker.close();
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

/** Blocks first, the offer last: who has read it finds the rest. */
async function deliver(
  broker: UpdateBroker,
  packed: Package,
  { manifest, offer, again }: { manifest: UpdateManifest; offer: Message; again: boolean },
  io: Io,
): Promise<void> {
  const image = imageName(manifest);
  const { offered } = broker;
  if (offered !== undefined && offered !== image)
    io.stderr.write(`gridmote: this takes the place of image ${offered}, which is offered now\n`);
  const content = offered === image && !again ? [] : contentMessages(manifest, packed);
  const progress = new Progress(io.stderr);
  await broker.publish([content, [offer]], (part) => progress.update(part, "blocks"));
  progress.clear();
  io.stdout.write(`${manifest.kind} ${manifest.version}, image ${image}, is offered on ${offer.topic}\n`);
}
