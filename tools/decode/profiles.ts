import { type Kind, quantityOf } from "../../src/model/channels";
import { type Column, type Profile, profileOf } from "../../src/model/profiles";
import type { FrameTopic } from "./records";

/** A column with what a reader has to know of its channel, whoever's registry it is from. */
export interface DescribedColumn extends Column {
  /** SenML unit, empty for none. */
  unit: string;
  kind: Kind;
}

export interface DescribedProfile extends Profile {
  columns: readonly DescribedColumn[];
}

/** A profile as this version's registry describes it. */
export function describedProfile({ number, columns }: Profile): DescribedProfile {
  const described = columns.map((column) => {
    const { unit = "", kind = "gauge" } = quantityOf(column.channel) ?? {};
    return { ...column, unit, kind };
  });
  return { number, columns: described };
}

/** The profiles that a reader knows: the built-in ones, and those that a point's descriptors have brought. */
export class KnownProfiles {
  readonly #builtIn = new Map<number, DescribedProfile>();
  readonly #described = new Map<string, DescribedProfile>();

  get({ device, point }: FrameTopic, number: number): DescribedProfile | undefined {
    return this.#builtInOf(number) ?? this.#described.get(`${device}/${point}/${number}`);
  }

  /** Remembers a profile of one point, which says nothing of other points: their numbers may mean other columns. */
  add({ device, point }: FrameTopic, profile: DescribedProfile): void {
    this.#described.set(`${device}/${point}/${profile.number}`, profile);
  }

  #builtInOf(number: number): DescribedProfile | undefined {
    const known = this.#builtIn.get(number);
    if (known) return known;
    const profile = profileOf(number);
    if (!profile) return undefined;
    const described = describedProfile(profile);
    this.#builtIn.set(number, described);
    return described;
  }
}
