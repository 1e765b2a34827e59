/**
 * The GRU's gates as one pass, forward and adjoint, reset gate after the recurrent product. Blocks: r, z, n.
 *   r, z = sigmoid(gi + gh); n = tanh(gi_n + r gh_n); h' = (1 - z) n + z h
 * Written with the operations that the plain chain uses, in its order: the same bits.
 */
import { Real } from "real";
import { sigmoidLanes } from "../math/sigmoid";
import { tanhLanes } from "../math/tanh";
import { LANES, add, at, mul, splat, sub } from "../simd";
import { storeValid } from "./tail";

/** gi, gh: Real[rows, 3H]; h: Real[rows, H] → gates (activated; may be gi), hidden. */
export function gruGates(rows: i32, H: i32, gi: usize, gh: usize, h: usize, gates: usize, hidden: usize): void {
  const one = splat(1);
  for (let row = 0; row < rows; row++) {
    // r and z first: a loop with one activation keeps its constants in registers
    for (let j = 0; j < 2 * H; j += LANES) {
      const sum = add(v128.load(at(gi, j)), v128.load(at(gh, j)));
      storeValid(at(gates, j), sigmoidLanes(sum), 2 * H - j);
    }
    for (let j = 0; j < H; j += LANES) {
      const valid = H - j;
      const z = v128.load(at(gates, H + j));
      const reset = mul(v128.load(at(gates, j)), v128.load(at(gh, 2 * H + j)));
      const n = tanhLanes(add(v128.load(at(gi, 2 * H + j)), reset));
      const kept = mul(z, v128.load(at(h, j)));
      storeValid(at(gates, 2 * H + j), n, valid);
      storeValid(at(hidden, j), add(mul(sub(one, z), n), kept), valid);
    }
    gi = at(gi, 3 * H);
    gh = at(gh, 3 * H);
    gates = at(gates, 3 * H);
    h = at(h, H);
    hidden = at(hidden, H);
  }
}

/** dN = dH (1-z)(1-n²); dZ = dH (h-n) z(1-z); dR = dN gh_n r(1-r); dGi = (dR, dZ, dN); dGh = (dR, dZ, dN r); dPrevious = dH z. */
export function gruGatesAdjoint(
  rows: i32,
  H: i32,
  gates: usize,
  gh: usize,
  h: usize,
  dHidden: usize,
  dGi: usize,
  dGh: usize,
  dPrevious: usize,
): void {
  const one = splat(1);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < H; j += LANES) {
      const valid = H - j;
      const r = v128.load(at(gates, j));
      const z = v128.load(at(gates, H + j));
      const n = v128.load(at(gates, 2 * H + j));
      const dH = v128.load(at(dHidden, j));
      const notZ = sub(one, z);
      const dN = mul(mul(dH, notZ), sub(one, mul(n, n)));
      const change = mul(dH, sub(v128.load(at(h, j)), n));
      const dZ = mul(mul(change, z), notZ);
      const dReset = mul(dN, v128.load(at(gh, 2 * H + j)));
      const dR = mul(mul(dReset, r), sub(one, r));
      storeValid(at(dGi, j), dR, valid);
      storeValid(at(dGi, H + j), dZ, valid);
      storeValid(at(dGi, 2 * H + j), dN, valid);
      storeValid(at(dGh, j), dR, valid);
      storeValid(at(dGh, H + j), dZ, valid);
      storeValid(at(dGh, 2 * H + j), mul(dN, r), valid);
      storeValid(at(dPrevious, j), mul(dH, z), valid);
    }
    gates = at(gates, 3 * H);
    gh = at(gh, 3 * H);
    dGi = at(dGi, 3 * H);
    dGh = at(dGh, 3 * H);
    h = at(h, H);
    dHidden = at(dHidden, H);
    dPrevious = at(dPrevious, H);
  }
}
