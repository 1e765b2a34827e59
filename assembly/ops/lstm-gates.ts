/**
 * The LSTM's gates as one pass, forward and adjoint. Blocks of the pre-activations a: i, f, g, o (PyTorch's order).
 *   i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o); g = tanh(a_g); c' = f c + i g; h' = o tanh(c')
 * Written with the operations that the plain chain uses, in its order: the same bits.
 */
import { Real } from "real";
import { sigmoidLanes } from "../math/sigmoid";
import { tanhLanes } from "../math/tanh";
import { LANES, add, at, mul, splat, sub } from "../simd";
import { storeValid } from "./tail";

/** a: Real[rows, 4H]; c: Real[rows, H] → gates (activated; may be a), newCell, tanhCell, hidden. */
export function lstmGates(
  rows: i32,
  H: i32,
  a: usize,
  c: usize,
  gates: usize,
  newCell: usize,
  tanhCell: usize,
  hidden: usize,
): void {
  for (let row = 0; row < rows; row++) {
    sigmoidRow(2 * H, a, gates);
    tanhRow(H, at(a, 2 * H), at(gates, 2 * H));
    sigmoidRow(H, at(a, 3 * H), at(gates, 3 * H));
    for (let j = 0; j < H; j += LANES) {
      const kept = mul(v128.load(at(gates, H + j)), v128.load(at(c, j)));
      const taken = mul(v128.load(at(gates, j)), v128.load(at(gates, 2 * H + j)));
      const next = add(kept, taken);
      const bent = tanhLanes(next);
      storeValid(at(newCell, j), next, H - j);
      storeValid(at(tanhCell, j), bent, H - j);
      storeValid(at(hidden, j), mul(v128.load(at(gates, 3 * H + j)), bent), H - j);
    }
    a = at(a, 4 * H);
    gates = at(gates, 4 * H);
    c = at(c, H);
    newCell = at(newCell, H);
    tanhCell = at(tanhCell, H);
    hidden = at(hidden, H);
  }
}

// A loop with one activation keeps its constants in registers; a loop with all four spills them.

function sigmoidRow(n: i32, x: usize, y: usize): void {
  for (let j = 0; j < n; j += LANES) storeValid(at(y, j), sigmoidLanes(v128.load(at(x, j))), n - j);
}

function tanhRow(n: i32, x: usize, y: usize): void {
  for (let j = 0; j < n; j += LANES) storeValid(at(y, j), tanhLanes(v128.load(at(x, j))), n - j);
}

/**
 * dC = dNewCell + dHidden o (1 - tanh²); dA = (dC g i(1-i), dC c f(1-f), dC i (1-g²), dHidden tanh o(1-o)); dCell = dC f.
 */
export function lstmGatesAdjoint(
  rows: i32,
  H: i32,
  gates: usize,
  c: usize,
  tanhCell: usize,
  dHidden: usize,
  dNewCell: usize,
  dA: usize,
  dCell: usize,
): void {
  const one = splat(1);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < H; j += LANES) {
      const valid = H - j;
      const i = v128.load(at(gates, j));
      const f = v128.load(at(gates, H + j));
      const g = v128.load(at(gates, 2 * H + j));
      const o = v128.load(at(gates, 3 * H + j));
      const bent = v128.load(at(tanhCell, j));
      const dH = v128.load(at(dHidden, j));
      const dBent = mul(dH, o);
      const dC = add(v128.load(at(dNewCell, j)), mul(dBent, sub(one, mul(bent, bent))));
      const dO = mul(mul(mul(dH, bent), o), sub(one, o));
      const dI = mul(mul(mul(dC, g), i), sub(one, i));
      const dF = mul(mul(mul(dC, v128.load(at(c, j))), f), sub(one, f));
      const dG = mul(mul(dC, i), sub(one, mul(g, g)));
      storeValid(at(dA, j), dI, valid);
      storeValid(at(dA, H + j), dF, valid);
      storeValid(at(dA, 2 * H + j), dG, valid);
      storeValid(at(dA, 3 * H + j), dO, valid);
      storeValid(at(dCell, j), mul(dC, f), valid);
    }
    gates = at(gates, 4 * H);
    dA = at(dA, 4 * H);
    c = at(c, H);
    tanhCell = at(tanhCell, H);
    dHidden = at(dHidden, H);
    dNewCell = at(dNewCell, H);
    dCell = at(dCell, H);
  }
}
