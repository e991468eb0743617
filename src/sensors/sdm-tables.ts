/**
 * Eastron's input registers (function 4), each a float of two, high word first. A row is an address and a channel;
 * `kWh` is multiplied by 1000. A block is an address and a count: no two of a model are of one length, so that no answer
 * fits another question.
 *
 * Addresses: all of them stand in ESPHome's sdm_meter_registers.h (c42c4f1), which has Eastron's whole list. V, I, P, Q by
 * phase, sums, frequency and energies by phase of the SDM630, and V, I, P, f and energies of the SDM230 stand in EVerest's
 * register maps, too (everest-core; that of the SDM230 scales its energies wrongly by a million), and the SDM120 in mbmd's
 * meters/rs485 (13a3019). At one go 80 registers can be read, and an even number of them: Eastron, SDM630 Modbus Protocol
 * Implementation V1.8, as nobrega8/mbmap-library has it.
 */
export interface SdmTable {
  model: string;
  blocks: readonly (readonly [address: number, count: number])[];
  rows: string;
  /** What it can measure at most: SDM120M 45 A (its user manual V1.0), SDM230 and SDM630 100 A. */
  maxA: number;
}

const SINGLE = "0 v|6 i|c p|12 s|18 q|1e pf|46 f|48 ei|4a ee|4c eqi|4e eqe";
const FIRST = [0, 80] as const;

export const SDM_TABLES: Readonly<Record<string, SdmTable>> = {
  sdm120: { model: "SDM120", blocks: [FIRST], rows: SINGLE, maxA: 45 },
  sdm230: { model: "SDM230", blocks: [FIRST], rows: SINGLE, maxA: 100 },
  sdm630: {
    model: "SDM630",
    blocks: [FIRST, [0xc8, 46], [0x15a, 12]],
    rows:
      "0 v_l1|2 v_l2|4 v_l3|6 i_l1|8 i_l2|a i_l3|c p_l1|e p_l2|10 p_l3|12 s_l1|14 s_l2|16 s_l3|" +
      "18 q_l1|1a q_l2|1c q_l3|1e pf_l1|20 pf_l2|22 pf_l3|34 p|38 s|3c q|3e pf|46 f|48 ei|4a ee|4c eqi|4e eqe|" +
      "c8 v_l12|ca v_l23|cc v_l31|e0 i_n|ea thdu_l1|ec thdu_l2|ee thdu_l3|f0 thdi_l1|f2 thdi_l2|f4 thdi_l3|" +
      "15a ei_l1|15c ei_l2|15e ei_l3|160 ee_l1|162 ee_l2|164 ee_l3",
    maxA: 100,
  },
};
