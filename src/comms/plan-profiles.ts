import type { StreamPlan } from "../app/interface";
import { columnsOf, type Profile, profileOf } from "../model/profiles";
import { profileNumber } from "./descriptor";

/**
 * The profiles of a plan's streams, in their order. One that is the app's own has a number that is made of its columns.
 * @throws RangeError that names what is wrong.
 */
export function planProfiles(streams: readonly StreamPlan[]): Profile[] {
  const own = new Map<string, Profile>();
  return streams.map(({ profile }) => {
    if (typeof profile === "number") return builtIn(profile);
    const known = own.get(profile);
    if (known) return known;
    const taken = Array.from(own.values(), ({ number }) => number);
    const columns = columnsOf(profile);
    if (columns[0].channel !== 0)
      throw new RangeError(`the app's profile "${profile}" does not begin with t`);
    const made = { number: profileNumber(columns, taken), columns };
    own.set(profile, made);
    return made;
  });
}

function builtIn(number: number): Profile {
  const profile = profileOf(number);
  if (!profile) throw new RangeError(`there is no built-in profile ${number}`);
  return profile;
}
