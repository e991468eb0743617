/** A reader of SenML, by RFC 8428 §4: the check of what `gridmote decode` writes. */

type Pack = Record<string, unknown>[];

export interface Resolved {
  n: string;
  u?: string;
  t?: number;
  [value: string]: unknown;
}

/** RFC 8428 §4.4, and §6 for CBOR. */
const LABELS = new Map([
  [-6, "bs"],
  [-5, "bv"],
  [-4, "bu"],
  [-3, "bt"],
  [-2, "bn"],
  [-1, "bver"],
  [0, "n"],
  [1, "u"],
  [2, "v"],
  [3, "vs"],
  [4, "vb"],
  [5, "s"],
  [6, "t"],
  [7, "ut"],
  [8, "vd"],
]);

/** A CBOR pack with its labels as text. */
export function named(pack: Map<number, unknown>[]): Pack {
  return pack.map((record) =>
    Object.fromEntries([...record].map(([key, value]) => [LABELS.get(key), value])),
  );
}

/**
 * The records without base fields (§4.6), times that are absent left absent.
 * @throws Error for a pack that is not legal.
 */
export function resolve(pack: Pack): Resolved[] {
  const base: Record<string, unknown> = {};
  return pack.map((record) => {
    for (const label of ["bn", "bt", "bu", "bv", "bver"]) if (label in record) base[label] = record[label];
    const { bn = "", bt = 0, bu, bv = 0 } = base as { bn?: string; bt?: number; bu?: string; bv?: number };
    const n = bn + ((record.n as string | undefined) ?? "");
    if (!/^[A-Za-z0-9][A-Za-z0-9:./_-]*$/.test(n)) throw new Error(`the name "${n}" is not legal`);
    const values = Object.entries(record).filter(([label]) => ["v", "vs", "vb", "vd"].includes(label));
    if (values.length !== 1) throw new Error(`${n}: ${values.length} values`);
    const t = bt + ((record.t as number | undefined) ?? 0);
    const u = (record.u as string | undefined) ?? bu;
    const [[label, value]] = values;
    return {
      n,
      ...(u !== undefined && { u }),
      ...(t !== 0 && { t }),
      [label]: label === "v" ? (value as number) + bv : value,
    };
  });
}
