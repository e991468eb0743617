import type { CommandGroup } from "../cli/command";
import { inspectCommand } from "./commands/inspect";
import { keygenCommand } from "./commands/keygen";
import { packCommand } from "./commands/pack";
import { publishCommand } from "./commands/publish";
import { statusCommand } from "./commands/status";
import { verifyCommand } from "./commands/verify";
import { withdrawCommand } from "./commands/withdraw";

export const otaCommands: CommandGroup = {
  name: "ota",
  summary: "Updates: keys, packages, and their way to the nodes (docs/update.md).",
  commands: [
    keygenCommand,
    packCommand,
    inspectCommand,
    verifyCommand,
    publishCommand,
    withdrawCommand,
    statusCommand,
  ],
};
