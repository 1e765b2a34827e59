/**
 * Elementwise operations over a run of whole vectors. Each code gets a loop of its own: `lane` is folded to one
 * expression by the constant it is called with.
 */
import { expLanes } from "../math/exp";
import { expm1Lanes } from "../math/expm1";
import { logLanes } from "../math/log";
import { sigmoidLanes } from "../math/sigmoid";
import { softplusLanes } from "../math/softplus";
import { tanhLanes } from "../math/tanh";
import { cosLanes, sinLanes } from "../math/trig";
import { VECTOR_BYTES, at } from "../simd";
import * as code from "./codes";

/** Adjoint state below this is 0 in float32: subnormals slow every product fivefold. */
const SMALLEST_CARRY: f32 = 7.888609052210118e-31; // 2^-100

/** y[i] = op(x[i]) for i in [0, n), n whole vectors; y may be x. */
export function applyUnary<T>(op: i32, n: i32, constant: f64, x: usize, y: usize): void {
  switch (op) {
    case code.LINK_FILL:
      return mapUnary<T>(code.LINK_FILL, n, constant, x, y);
    case code.LINK_COPY:
      return mapUnary<T>(code.LINK_COPY, n, constant, x, y);
    case code.LINK_NEG:
      return mapUnary<T>(code.LINK_NEG, n, constant, x, y);
    case code.LINK_SCALE:
      return mapUnary<T>(code.LINK_SCALE, n, constant, x, y);
    case code.LINK_SHIFT:
      return mapUnary<T>(code.LINK_SHIFT, n, constant, x, y);
    case code.LINK_SQUARE:
      return mapUnary<T>(code.LINK_SQUARE, n, constant, x, y);
    case code.LINK_SQRT:
      return mapUnary<T>(code.LINK_SQRT, n, constant, x, y);
    case code.LINK_EXP:
      return mapUnary<T>(code.LINK_EXP, n, constant, x, y);
    case code.LINK_EXPM1:
      return mapUnary<T>(code.LINK_EXPM1, n, constant, x, y);
    case code.LINK_LOG:
      return mapUnary<T>(code.LINK_LOG, n, constant, x, y);
    case code.LINK_TANH:
      return mapUnary<T>(code.LINK_TANH, n, constant, x, y);
    case code.LINK_SIGMOID:
      return mapUnary<T>(code.LINK_SIGMOID, n, constant, x, y);
    case code.LINK_RELU:
      return mapUnary<T>(code.LINK_RELU, n, constant, x, y);
    case code.LINK_SOFTPLUS:
      return mapUnary<T>(code.LINK_SOFTPLUS, n, constant, x, y);
    case code.LINK_SIN:
      return mapUnary<T>(code.LINK_SIN, n, constant, x, y);
    case code.LINK_COS:
      return mapUnary<T>(code.LINK_COS, n, constant, x, y);
    case code.LINK_FLUSH:
      return mapUnary<T>(code.LINK_FLUSH, n, constant, x, y);
    default:
      assert(false, "unary code");
  }
}

/** y[i] = op(a[i], b[i]) for i in [0, n), n whole vectors; y may be a or b. */
export function applyBinary<T>(op: i32, n: i32, a: usize, b: usize, y: usize): void {
  switch (op) {
    case code.LINK_ADD:
      return mapBinary<T>(code.LINK_ADD, n, a, b, y);
    case code.LINK_SUB:
      return mapBinary<T>(code.LINK_SUB, n, a, b, y);
    case code.LINK_MUL:
      return mapBinary<T>(code.LINK_MUL, n, a, b, y);
    case code.LINK_DIV:
      return mapBinary<T>(code.LINK_DIV, n, a, b, y);
    case code.LINK_TANH_GRAD:
      return mapBinary<T>(code.LINK_TANH_GRAD, n, a, b, y);
    case code.LINK_SIGMOID_GRAD:
      return mapBinary<T>(code.LINK_SIGMOID_GRAD, n, a, b, y);
    case code.LINK_RELU_GRAD:
      return mapBinary<T>(code.LINK_RELU_GRAD, n, a, b, y);
    default:
      assert(false, "binary code");
  }
}

// @ts-ignore: decorator
@inline
function mapUnary<T>(op: i32, n: i32, constant: f64, x: usize, y: usize): void {
  const splat = v128.splat<T>(<T>constant);
  const end = at<T>(y, n);
  while (y < end) {
    v128.store(y, unaryLanes<T>(op, v128.load(x), splat));
    x += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function mapBinary<T>(op: i32, n: i32, a: usize, b: usize, y: usize): void {
  const one = v128.splat<T>(<T>1);
  const end = at<T>(y, n);
  while (y < end) {
    v128.store(y, binaryLanes<T>(op, v128.load(a), v128.load(b), one));
    a += VECTOR_BYTES;
    b += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function unaryLanes<T>(op: i32, x: v128, constant: v128): v128 {
  // one expression: a chain of early returns lets Binaryen hoist float64 calls ahead of the tests (2-4x slower)
  // prettier-ignore
  return (
    op == code.LINK_FILL ? constant :
    op == code.LINK_COPY ? x :
    op == code.LINK_NEG ? v128.neg<T>(x) :
    op == code.LINK_SCALE ? v128.mul<T>(x, constant) :
    op == code.LINK_SHIFT ? v128.add<T>(x, constant) :
    op == code.LINK_SQUARE ? v128.mul<T>(x, x) :
    op == code.LINK_SQRT ? v128.sqrt<T>(x) :
    op == code.LINK_EXP ? expLanes<T>(x) :
    op == code.LINK_EXPM1 ? expm1Lanes<T>(x) :
    op == code.LINK_LOG ? logLanes<T>(x) :
    op == code.LINK_TANH ? tanhLanes<T>(x) :
    op == code.LINK_SIGMOID ? sigmoidLanes<T>(x) :
    op == code.LINK_RELU ? v128.and(x, v128.not(v128.lt<T>(x, v128.splat<T>(<T>0)))) /* NaN stays NaN */ :
    op == code.LINK_SOFTPLUS ? softplusLanes<T>(x) :
    op == code.LINK_SIN ? sinLanes<T>(x) :
    op == code.LINK_COS ? cosLanes<T>(x) :
    flushLanes<T>(x)
  );
}

/** Zero where |x| < 2^-100 in float32; float64 passes. */
// @ts-ignore: decorator
@inline
export function flushLanes<T>(x: v128): v128 {
  if (sizeof<T>() == 8) return x;
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(SMALLEST_CARRY)));
}

// @ts-ignore: decorator
@inline
function binaryLanes<T>(op: i32, a: v128, b: v128, one: v128): v128 {
  // one expression: a chain of early returns lets Binaryen hoist float64 calls ahead of the tests (2-4x slower)
  // prettier-ignore
  return (
    op == code.LINK_ADD ? v128.add<T>(a, b) :
    op == code.LINK_SUB ? v128.sub<T>(a, b) :
    op == code.LINK_MUL ? v128.mul<T>(a, b) :
    op == code.LINK_DIV ? v128.div<T>(a, b) :
    op == code.LINK_TANH_GRAD ? v128.mul<T>(a, v128.sub<T>(one, v128.mul<T>(b, b))) :
    op == code.LINK_SIGMOID_GRAD ? v128.mul<T>(v128.mul<T>(a, b), v128.sub<T>(one, b)) :
    v128.and(a, v128.gt<T>(b, v128.splat<T>(<T>0)))
  );
}
