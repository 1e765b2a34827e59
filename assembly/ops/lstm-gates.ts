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
    for (let j = 0; j < H; j += lanes<T>()) {
      const valid = H - j;
      const i = sigmoidLanes<T>(v128.load(at<T>(a, j)));
      const f = sigmoidLanes<T>(v128.load(at<T>(a, H + j)));
      const g = tanhLanes<T>(v128.load(at<T>(a, 2 * H + j)));
      const o = sigmoidLanes<T>(v128.load(at<T>(a, 3 * H + j)));
      const next = v128.add<T>(v128.mul<T>(f, v128.load(at<T>(c, j))), v128.mul<T>(i, g));
      const bent = tanhLanes<T>(next);
      storeValid<T>(at<T>(gates, j), i, valid);
      storeValid<T>(at<T>(gates, H + j), f, valid);
      storeValid<T>(at<T>(gates, 2 * H + j), g, valid);
      storeValid<T>(at<T>(gates, 3 * H + j), o, valid);
      storeValid<T>(at<T>(newCell, j), next, valid);
      storeValid<T>(at<T>(tanhCell, j), bent, valid);
      storeValid<T>(at<T>(hidden, j), v128.mul<T>(o, bent), valid);
    }
    a = at<T>(a, 4 * H);
    gates = at<T>(gates, 4 * H);
    c = at<T>(c, H);
    newCell = at<T>(newCell, H);
    tanhCell = at<T>(tanhCell, H);
    hidden = at<T>(hidden, H);
  }
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
