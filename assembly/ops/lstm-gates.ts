/**
 * The LSTM's gates as one pass, forward and adjoint. Blocks of the pre-activations a: i, f, g, o (PyTorch's order).
 *   i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o); g = tanh(a_g); c' = f c + i g; h' = o tanh(c')
 * Written with the operations that the plain chain uses, in its order: the same bits.
 */
import { sigmoidLanes } from "../math/sigmoid";
import { tanhLanes } from "../math/tanh";
import { at, lanes } from "../simd";
import { storeValid } from "./tail";

/** a: T[rows, 4H]; c: T[rows, H] → gates (activated; may be a), newCell, tanhCell, hidden. */
export function lstmGates<T>(
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
    sigmoidRow<T>(2 * H, a, gates);
    tanhRow<T>(H, at<T>(a, 2 * H), at<T>(gates, 2 * H));
    sigmoidRow<T>(H, at<T>(a, 3 * H), at<T>(gates, 3 * H));
    for (let j = 0; j < H; j += lanes<T>()) {
      const kept = v128.mul<T>(v128.load(at<T>(gates, H + j)), v128.load(at<T>(c, j)));
      const taken = v128.mul<T>(v128.load(at<T>(gates, j)), v128.load(at<T>(gates, 2 * H + j)));
      const next = v128.add<T>(kept, taken);
      const bent = tanhLanes<T>(next);
      storeValid<T>(at<T>(newCell, j), next, H - j);
      storeValid<T>(at<T>(tanhCell, j), bent, H - j);
      storeValid<T>(at<T>(hidden, j), v128.mul<T>(v128.load(at<T>(gates, 3 * H + j)), bent), H - j);
    }
    a = at<T>(a, 4 * H);
    gates = at<T>(gates, 4 * H);
    c = at<T>(c, H);
    newCell = at<T>(newCell, H);
    tanhCell = at<T>(tanhCell, H);
    hidden = at<T>(hidden, H);
  }
}

// A loop with one activation keeps its constants in registers; a loop with all four spills them.

function sigmoidRow<T>(n: i32, x: usize, y: usize): void {
  for (let j = 0; j < n; j += lanes<T>()) storeValid<T>(at<T>(y, j), sigmoidLanes<T>(v128.load(at<T>(x, j))), n - j);
}

function tanhRow<T>(n: i32, x: usize, y: usize): void {
  for (let j = 0; j < n; j += lanes<T>()) storeValid<T>(at<T>(y, j), tanhLanes<T>(v128.load(at<T>(x, j))), n - j);
}

/**
 * dC = dNewCell + dHidden o (1 - tanh²); dA = (dC g i(1-i), dC c f(1-f), dC i (1-g²), dHidden tanh o(1-o)); dCell = dC f.
 */
export function lstmGatesAdjoint<T>(
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
  const one = v128.splat<T>(<T>1);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < H; j += lanes<T>()) {
      const valid = H - j;
      const i = v128.load(at<T>(gates, j));
      const f = v128.load(at<T>(gates, H + j));
      const g = v128.load(at<T>(gates, 2 * H + j));
      const o = v128.load(at<T>(gates, 3 * H + j));
      const bent = v128.load(at<T>(tanhCell, j));
      const dH = v128.load(at<T>(dHidden, j));
      const dBent = v128.mul<T>(dH, o);
      const dC = v128.add<T>(
        v128.load(at<T>(dNewCell, j)),
        v128.mul<T>(dBent, v128.sub<T>(one, v128.mul<T>(bent, bent))),
      );
      const dO = v128.mul<T>(v128.mul<T>(v128.mul<T>(dH, bent), o), v128.sub<T>(one, o));
      const dI = v128.mul<T>(v128.mul<T>(v128.mul<T>(dC, g), i), v128.sub<T>(one, i));
      const dF = v128.mul<T>(v128.mul<T>(v128.mul<T>(dC, v128.load(at<T>(c, j))), f), v128.sub<T>(one, f));
      const dG = v128.mul<T>(v128.mul<T>(dC, i), v128.sub<T>(one, v128.mul<T>(g, g)));
      storeValid<T>(at<T>(dA, j), dI, valid);
      storeValid<T>(at<T>(dA, H + j), dF, valid);
      storeValid<T>(at<T>(dA, 2 * H + j), dG, valid);
      storeValid<T>(at<T>(dA, 3 * H + j), dO, valid);
      storeValid<T>(at<T>(dCell, j), v128.mul<T>(dC, f), valid);
    }
    gates = at<T>(gates, 4 * H);
    dA = at<T>(dA, 4 * H);
    c = at<T>(c, H);
    tanhCell = at<T>(tanhCell, H);
    dHidden = at<T>(dHidden, H);
    dNewCell = at<T>(dNewCell, H);
    dCell = at<T>(dCell, H);
  }
}
