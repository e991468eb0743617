import { type Kind, quantityOf } from "../../src/model/channels";
import { type Column, type Profile, profileOf } from "../../src/model/profiles";

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

/** The profiles that a reader knows: the built-in ones. */
export class KnownProfiles {
  readonly #builtIn = new Map<number, DescribedProfile>();

  get(number: number): DescribedProfile | undefined {
    const known = this.#builtIn.get(number);
    if (known) return known;
    const profile = profileOf(number);
    if (!profile) return undefined;
    const described = describedProfile(profile);
    this.#builtIn.set(number, described);
    return described;
  }
}
