/**
 * The GRU's gates as one pass, forward and adjoint, reset gate after the recurrent product. Blocks: r, z, n.
 *   r, z = sigmoid(gi + gh); n = tanh(gi_n + r gh_n); h' = (1 - z) n + z h
 * Written with the operations that the plain chain uses, in its order: the same bits.
 */
import { sigmoidLanes } from "../math/sigmoid";
import { tanhLanes } from "../math/tanh";
import { at, lanes } from "../simd";
import { storeValid } from "./tail";

/** gi, gh: T[rows, 3H]; h: T[rows, H] → gates (activated; may be gi), hidden. */
export function gruGates<T>(rows: i32, H: i32, gi: usize, gh: usize, h: usize, gates: usize, hidden: usize): void {
  const one = v128.splat<T>(<T>1);
  for (let row = 0; row < rows; row++) {
    // r and z first: a loop with one activation keeps its constants in registers
    for (let j = 0; j < 2 * H; j += lanes<T>()) {
      const sum = v128.add<T>(v128.load(at<T>(gi, j)), v128.load(at<T>(gh, j)));
      storeValid<T>(at<T>(gates, j), sigmoidLanes<T>(sum), 2 * H - j);
    }
    for (let j = 0; j < H; j += lanes<T>()) {
      const valid = H - j;
      const z = v128.load(at<T>(gates, H + j));
      const reset = v128.mul<T>(v128.load(at<T>(gates, j)), v128.load(at<T>(gh, 2 * H + j)));
      const n = tanhLanes<T>(v128.add<T>(v128.load(at<T>(gi, 2 * H + j)), reset));
      const kept = v128.mul<T>(z, v128.load(at<T>(h, j)));
      storeValid<T>(at<T>(gates, 2 * H + j), n, valid);
      storeValid<T>(at<T>(hidden, j), v128.add<T>(v128.mul<T>(v128.sub<T>(one, z), n), kept), valid);
    }
    gi = at<T>(gi, 3 * H);
    gh = at<T>(gh, 3 * H);
    gates = at<T>(gates, 3 * H);
    h = at<T>(h, H);
    hidden = at<T>(hidden, H);
  }
}

/** dN = dH (1-z)(1-n²); dZ = dH (h-n) z(1-z); dR = dN gh_n r(1-r); dGi = (dR, dZ, dN); dGh = (dR, dZ, dN r); dPrevious = dH z. */
export function gruGatesAdjoint<T>(
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
  const one = v128.splat<T>(<T>1);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < H; j += lanes<T>()) {
      const valid = H - j;
      const r = v128.load(at<T>(gates, j));
      const z = v128.load(at<T>(gates, H + j));
      const n = v128.load(at<T>(gates, 2 * H + j));
      const dH = v128.load(at<T>(dHidden, j));
      const notZ = v128.sub<T>(one, z);
      const dN = v128.mul<T>(v128.mul<T>(dH, notZ), v128.sub<T>(one, v128.mul<T>(n, n)));
      const change = v128.mul<T>(dH, v128.sub<T>(v128.load(at<T>(h, j)), n));
      const dZ = v128.mul<T>(v128.mul<T>(change, z), notZ);
      const dReset = v128.mul<T>(dN, v128.load(at<T>(gh, 2 * H + j)));
      const dR = v128.mul<T>(v128.mul<T>(dReset, r), v128.sub<T>(one, r));
      storeValid<T>(at<T>(dGi, j), dR, valid);
      storeValid<T>(at<T>(dGi, H + j), dZ, valid);
      storeValid<T>(at<T>(dGi, 2 * H + j), dN, valid);
      storeValid<T>(at<T>(dGh, j), dR, valid);
      storeValid<T>(at<T>(dGh, H + j), dZ, valid);
      storeValid<T>(at<T>(dGh, 2 * H + j), v128.mul<T>(dN, r), valid);
      storeValid<T>(at<T>(dPrevious, j), v128.mul<T>(dH, z), valid);
    }
    gates = at<T>(gates, 3 * H);
    gh = at<T>(gh, 3 * H);
    dGi = at<T>(dGi, 3 * H);
    dGh = at<T>(dGh, 3 * H);
    h = at<T>(h, H);
    dHidden = at<T>(dHidden, H);
    dPrevious = at<T>(dPrevious, H);
  }
}
