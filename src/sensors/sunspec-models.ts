/**
 * Which points of SunSpec's models become channels. Offsets, types and scale factors: sunspec/models 7abdf89,
 * json/model_N.json; offset 0 is the first register behind the model's length. Models 102, 112, 202 and 204 have the layout of
 * 101, 111 and 201.
 *
 * A row is `channel offset type scale`: `scale` is the offset of the scale factor, `-` for none. Types: u16, i16, u32,
 * u64, f32, e16 (an enumeration), a32 (an accumulator: 0 is not implemented). With a `-` before it a value changes its
 * sign (an inverter's is positive when it produces, ours when it takes), with a `%` it is divided by 100, with a `k` by
 * 1000, with a `+` it counts from one less.
 */
export type SunSpecPart = "inverter" | "meter" | "battery";

export interface SunSpecTable {
  part: SunSpecPart;
  rows: string;
  /** Where groups begin that repeat up to the model's end, and how long one is; these rows are of the first. */
  repeated?: { from: number; length: number; rows: string };
}

const INVERTER: SunSpecTable = {
  part: "inverter",
  rows:
    "i 0 u16 4|i_l1 1 u16 4|i_l2 2 u16 4|i_l3 3 u16 4|v_l12 5 u16 11|v_l23 6 u16 11|v_l31 7 u16 11|" +
    "v_l1 8 u16 11|v_l2 9 u16 11|v_l3 10 u16 11|p 12 -i16 13|f 14 u16 15|s 16 i16 17|q 18 -i16 19|" +
    "pf 20 %i16 21|ee 22 a32 24|dci 25 u16 26|dcv 27 u16 28|dcp 29 i16 30|tc 31 i16 35|inv 36 e16 -",
};

const FLOAT_INVERTER: SunSpecTable = {
  part: "inverter",
  rows:
    "i 0 f32 -|i_l1 2 f32 -|i_l2 4 f32 -|i_l3 6 f32 -|v_l12 8 f32 -|v_l23 10 f32 -|v_l31 12 f32 -|" +
    "v_l1 14 f32 -|v_l2 16 f32 -|v_l3 18 f32 -|p 20 -f32 -|f 22 f32 -|s 24 f32 -|q 26 -f32 -|pf 28 %f32 -|" +
    "ee 30 f32 -|dci 32 f32 -|dcv 34 f32 -|dcp 36 f32 -|tc 38 f32 -|inv 46 e16 -",
};

const METER: SunSpecTable = {
  part: "meter",
  rows:
    "i 0 i16 4|i_l1 1 i16 4|i_l2 2 i16 4|i_l3 3 i16 4|v 5 i16 13|v_l1 6 i16 13|v_l2 7 i16 13|v_l3 8 i16 13|" +
    "v_l12 10 i16 13|v_l23 11 i16 13|v_l31 12 i16 13|f 14 i16 15|p 16 i16 20|p_l1 17 i16 20|p_l2 18 i16 20|" +
    "p_l3 19 i16 20|s 21 i16 25|s_l1 22 i16 25|s_l2 23 i16 25|s_l3 24 i16 25|q 26 i16 30|q_l1 27 i16 30|" +
    "q_l2 28 i16 30|q_l3 29 i16 30|pf 31 %i16 35|pf_l1 32 %i16 35|pf_l2 33 %i16 35|pf_l3 34 %i16 35|" +
    "ee 36 a32 52|ee_l1 38 a32 52|ee_l2 40 a32 52|ee_l3 42 a32 52|ei 44 a32 52|ei_l1 46 a32 52|" +
    "ei_l2 48 a32 52|ei_l3 50 a32 52|ese 53 ka32 69|esi 61 ka32 69",
};

/** The three phases of model 701, which repeat every 23 registers. */
function phases701(): string {
  const voltages = ["v_l12", "v_l23", "v_l31"];
  return voltages
    .map((between, index) => {
      const [at, l] = [39 + 23 * index, `_l${index + 1}`];
      return (
        `p${l} ${at} -i16 114|s${l} ${at + 1} i16 116|q${l} ${at + 2} -i16 117|pf${l} ${at + 3} i16 115|` +
        `i${l} ${at + 4} i16 111|${between} ${at + 5} u16 112|v${l} ${at + 6} u16 112|ee${l} ${at + 7} u64 118|` +
        `ei${l} ${at + 11} u64 118|eqe${l} ${at + 15} u64 119|eqi${l} ${at + 19} u64 119`
      );
    })
    .join("|");
}

/** The table of a model, or undefined for one that gives no channel. */
export function sunSpecTable(model: number): SunSpecTable | undefined {
  if (model >= 101 && model <= 103) return INVERTER;
  if (model >= 111 && model <= 113) return FLOAT_INVERTER;
  if (model >= 201 && model <= 204) return METER;
  if (model === 160) {
    return {
      part: "inverter",
      rows: "",
      repeated: {
        from: 8,
        length: 20,
        rows: "dci 17 u16 0|dcv 18 u16 1|dcp 19 u16 2|dcei 20 a32 3|tc 24 i16 -",
      },
    };
  }
  if (model === 701) {
    const whole =
      "inv 2 +e16 -|p 8 -i16 114|s 9 i16 116|q 10 -i16 117|pf 11 i16 115|i 12 i16 111|v 14 u16 112|" +
      "f 15 u32 113|ee 17 u64 118|ei 21 u64 118|eqe 25 u64 119|eqi 29 u64 119|tc 34 i16 120";
    return { part: "inverter", rows: `${whole}|${phases701()}` };
  }
  if (model === 713) return { part: "battery", rows: "soc 2 u16 6|soh 3 u16 6" };
  if (model === 802) {
    return {
      part: "battery",
      rows: "soc 9 u16 54|soh 11 u16 56|chs 14 e16 -|dcv 32 u16 57|dci 42 i16 59|dcp 45 i16 61",
    };
  }
  return undefined;
}
