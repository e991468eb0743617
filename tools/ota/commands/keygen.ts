import { type Command, UsageError } from "../../cli/command";
import { createSigningKey, trustedKeyOf, writeKeyPair, writeStageSecret } from "../key-files";

export const keygenCommand: Command = {
  name: "ota keygen",
  summary:
    "Makes a key that signs updates (P-256, PEM), and the file of its public half. Never overwrites a file.",
  positionals: "FILE",
  maximumPositionals: 1,
  options: {
    development: { help: "mark it as one that no release believes" },
    stages: {
      help: "make a stage secret instead: who publishes says with it how many nodes are offered an update",
    },
  },
  async run(values, [path], io) {
    if (!path) throw new UsageError("where to? Give a FILE, such as release.pem");
    if (values.stages) {
      if (values.development) throw new UsageError("--development is for keys, not for stage secrets");
      writeStageSecret(path);
      io.stdout.write(`${path}: a stage secret, for gridmote ota pack and publish\n`);
      return 0;
    }
    const key = createSigningKey(values.development === true);
    const publicPath = writeKeyPair(path, key);
    const { key: bytes, kid } = trustedKeyOf(key);
    io.stdout.write(`${path}: the private key: keep it offline\n${publicPath}: the public key\n`);
    io.stdout.write(`id ${Buffer.from(kid).toString("hex")}, and for the setting updateKeys:\n`);
    io.stdout.write(`${Buffer.from(bytes).toString("hex")}\n`);
    return 0;
  },
};
