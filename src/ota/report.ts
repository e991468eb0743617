import { kindOf } from "./manifest";
import { blockCount } from "./package";
import { refusalOf } from "./refusal";
import { countBlocks, phaseOf, type UpdateState } from "./state";
import { imageName } from "./topics";

/**
 * What the state message says of updates, docs/update.md. `blocks` of `of` are in flash; `floors` are those of native
 * images, apps and settings; `refused` counts what was refused or taken back, and `lastRefusal` is why the last one was.
 */
export function reportOf(state: UpdateState): object {
  const { kind, reason, version, refused, lastRefusal } = state;
  const { floorNative, floorApp, floorConfig, floorEpoch } = state;
  return {
    state: phaseOf(state),
    ...(reason && { reason: refusalOf(reason) }),
    ...(version && { kind: kindOf(kind), version, image: imageName(state) }),
    ...(version && { blocks: countBlocks(state), of: blockCount(state) }),
    floors: [floorNative, floorApp, floorConfig],
    epoch: floorEpoch,
    refused,
    ...(refused && { lastRefusal: refusalOf(lastRefusal) }),
  };
}

/** What is worth a state message of its own when it changes. */
export function newsOf({ phase, reason, version, refused }: UpdateState): string {
  return `${phase} ${reason} ${version} ${refused}`;
}
