/** Ranges that are held at most: a session has fewer frames under way. */
const MAX_RANGES = 32;

/** A set of ids, as the few ranges that they form. */
export class IdRanges {
  /** First and last of each range, in turn, ascending; no two touch. */
  #bounds: number[] = [];

  get count(): number {
    return this.countBelow(Number.POSITIVE_INFINITY);
  }

  countBelow(id: number): number {
    const bounds = this.#bounds;
    let count = 0;
    for (let index = 0; index < bounds.length && bounds[index] < id; index += 2)
      count += Math.min(bounds[index + 1] + 1, id) - bounds[index];
    return count;
  }

  has(id: number): boolean {
    return this.firstBehind(id) !== id;
  }

  /** The first id that is at `id` or behind it, and not in the set. */
  firstBehind(id: number): number {
    const bounds = this.#bounds;
    for (let index = 0; index < bounds.length; index += 2)
      if (bounds[index] <= id && id <= bounds[index + 1]) return bounds[index + 1] + 1;
    return id;
  }

  /** Adds all ids from `first` to `last`; returns how many are new. Too many ranges: nothing is added. */
  add(first: number, last: number): number {
    if (first > last) return 0;
    const before = this.count;
    const bounds = this.#bounds;
    const merged: number[] = [];
    let from = first;
    let to = last;
    let index = 0;
    for (; index < bounds.length && bounds[index + 1] < from - 1; index += 2)
      merged.push(bounds[index], bounds[index + 1]);
    for (; index < bounds.length && bounds[index] <= to + 1; index += 2) {
      from = Math.min(from, bounds[index]);
      to = Math.max(to, bounds[index + 1]);
    }
    merged.push(from, to);
    for (; index < bounds.length; index++) merged.push(bounds[index]);
    if (merged.length > 2 * MAX_RANGES) return 0;
    this.#bounds = merged;
    return this.count - before;
  }

  /** Forgets all ids below `id`. */
  forget(id: number): void {
    const bounds = this.#bounds;
    while (bounds.length && bounds[1] < id) bounds.splice(0, 2);
    if (bounds.length && bounds[0] < id) bounds[0] = id;
  }
}
