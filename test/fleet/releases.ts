import type { UpdateKind } from "../../src/ota/package";
import { appImage, nativeImage } from "../support/images";

/** What a release does where it runs. */
export type Behaviour = "good" | "throws" | "loops" | "mute";

export interface Release {
  name: string;
  kind: Extract<UpdateKind, "app" | "native">;
  version: number;
  behaviour: Behaviour;
  /** Of its image (test/support/images.ts). */
  tag: number;
}

/** The native image that nodes are born with; they have no app but the one in it. */
export const BORN = 1;

/** In this order: what is bad comes between what is good. */
export const releases: readonly Release[] = [
  { name: "good app", kind: "app", version: 1, behaviour: "good", tag: 11 },
  { name: "app that throws in its first sample", kind: "app", version: 2, behaviour: "throws", tag: 12 },
  { name: "app that loops for ever", kind: "app", version: 3, behaviour: "loops", tag: 13 },
  { name: "native image that never connects", kind: "native", version: 1, behaviour: "mute", tag: 2 },
  { name: "good native image", kind: "native", version: 2, behaviour: "good", tag: 3 },
  { name: "good app again", kind: "app", version: 4, behaviour: "good", tag: 14 },
];

export function imageOf({ kind, tag }: Pick<Release, "kind" | "tag">): Uint8Array {
  return kind === "app" ? appImage(tag) : nativeImage(tag);
}

export function releaseOf(kind: Release["kind"], tag: number): Release | undefined {
  return releases.find((release) => release.kind === kind && release.tag === tag);
}
