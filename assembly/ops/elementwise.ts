/**
 * Elementwise operations over a run of whole vectors. Each code gets a loop of its own: `lane` is folded to one
 * expression by the constant it is called with.
 */
import { Real } from "real";
import { expLanes } from "../math/exp";
import { expm1Lanes } from "../math/expm1";
import { logLanes } from "../math/log";
import { powLanes } from "../math/pow";
import { sigmoidLanes } from "../math/sigmoid";
import { softplusLanes } from "../math/softplus";
import { tanhLanes } from "../math/tanh";
import { cosLanes, sinLanes } from "../math/trig";
import { VECTOR_BYTES, add, at, div, mul, splat, sub } from "../simd";
import * as code from "./codes";

/** Adjoint state below this is 0 in float32: subnormals slow every product fivefold. */
const SMALLEST_CARRY: f32 = 7.888609052210118e-31; // 2^-100

/** y[i] = op(x[i]) for i in [0, n), n whole vectors; y may be x. */
export function applyUnary(op: i32, n: i32, constant: f64, x: usize, y: usize): void {
  switch (op) {
    case code.LINK_FILL:
      return mapUnary(code.LINK_FILL, n, constant, x, y);
    case code.LINK_COPY:
      return mapUnary(code.LINK_COPY, n, constant, x, y);
    case code.LINK_NEG:
      return mapUnary(code.LINK_NEG, n, constant, x, y);
    case code.LINK_SCALE:
      return mapUnary(code.LINK_SCALE, n, constant, x, y);
    case code.LINK_SHIFT:
      return mapUnary(code.LINK_SHIFT, n, constant, x, y);
    case code.LINK_SQUARE:
      return mapUnary(code.LINK_SQUARE, n, constant, x, y);
    case code.LINK_SQRT:
      return mapUnary(code.LINK_SQRT, n, constant, x, y);
    case code.LINK_EXP:
      return mapUnary(code.LINK_EXP, n, constant, x, y);
    case code.LINK_EXPM1:
      return mapUnary(code.LINK_EXPM1, n, constant, x, y);
    case code.LINK_LOG:
      return mapUnary(code.LINK_LOG, n, constant, x, y);
    case code.LINK_TANH:
      return mapUnary(code.LINK_TANH, n, constant, x, y);
    case code.LINK_SIGMOID:
      return mapUnary(code.LINK_SIGMOID, n, constant, x, y);
    case code.LINK_RELU:
      return mapUnary(code.LINK_RELU, n, constant, x, y);
    case code.LINK_SOFTPLUS:
      return mapUnary(code.LINK_SOFTPLUS, n, constant, x, y);
    case code.LINK_SIN:
      return mapUnary(code.LINK_SIN, n, constant, x, y);
    case code.LINK_COS:
      return mapUnary(code.LINK_COS, n, constant, x, y);
    case code.LINK_FLUSH:
      return mapUnary(code.LINK_FLUSH, n, constant, x, y);
    case code.LINK_ABS:
      return mapUnary(code.LINK_ABS, n, constant, x, y);
    case code.LINK_SIGN:
      return mapUnary(code.LINK_SIGN, n, constant, x, y);
    case code.LINK_FLOOR:
      return mapUnary(code.LINK_FLOOR, n, constant, x, y);
    case code.LINK_AT_LEAST:
      return mapUnary(code.LINK_AT_LEAST, n, constant, x, y);
    case code.LINK_AT_MOST:
      return mapUnary(code.LINK_AT_MOST, n, constant, x, y);
    case code.LINK_RECIPROCAL:
      return mapUnary(code.LINK_RECIPROCAL, n, constant, x, y);
    default:
      assert(false, "unary code");
  }
}

/** y[i] = op(a[i], b[i]) for i in [0, n), n whole vectors; y may be a or b. */
export function applyBinary(op: i32, n: i32, a: usize, b: usize, y: usize): void {
  switch (op) {
    case code.LINK_ADD:
      return mapBinary(code.LINK_ADD, n, a, b, y);
    case code.LINK_SUB:
      return mapBinary(code.LINK_SUB, n, a, b, y);
    case code.LINK_MUL:
      return mapBinary(code.LINK_MUL, n, a, b, y);
    case code.LINK_DIV:
      return mapBinary(code.LINK_DIV, n, a, b, y);
    case code.LINK_TANH_GRAD:
      return mapBinary(code.LINK_TANH_GRAD, n, a, b, y);
    case code.LINK_SIGMOID_GRAD:
      return mapBinary(code.LINK_SIGMOID_GRAD, n, a, b, y);
    case code.LINK_RELU_GRAD:
      return mapBinary(code.LINK_RELU_GRAD, n, a, b, y);
    case code.LINK_MAXIMUM:
      return mapBinary(code.LINK_MAXIMUM, n, a, b, y);
    case code.LINK_MINIMUM:
      return mapBinary(code.LINK_MINIMUM, n, a, b, y);
    case code.LINK_GREATER:
      return mapBinary(code.LINK_GREATER, n, a, b, y);
    case code.LINK_LESS:
      return mapBinary(code.LINK_LESS, n, a, b, y);
    case code.LINK_GREATER_EQUAL:
      return mapBinary(code.LINK_GREATER_EQUAL, n, a, b, y);
    case code.LINK_LESS_EQUAL:
      return mapBinary(code.LINK_LESS_EQUAL, n, a, b, y);
    case code.LINK_EQUAL:
      return mapBinary(code.LINK_EQUAL, n, a, b, y);
    case code.LINK_POW:
      return mapBinary(code.LINK_POW, n, a, b, y);
    default:
      assert(false, "binary code");
  }
}

/** y[i] = op(a[i], b[i], c[i]) for i in [0, n), n whole vectors; y may be a, b or c. */
export function applyTernary(op: i32, n: i32, a: usize, b: usize, c: usize, y: usize): void {
  switch (op) {
    case code.LINK_WHERE:
      return mapTernary(code.LINK_WHERE, n, a, b, c, y);
    case code.LINK_SHARE:
      return mapTernary(code.LINK_SHARE, n, a, b, c, y);
    default:
      assert(false, "ternary code");
  }
}

// @ts-ignore: decorator
@inline
function mapUnary(op: i32, n: i32, constant: f64, x: usize, y: usize): void {
  const constants = splat(<Real>constant);
  const end = at(y, n);
  while (y < end) {
    v128.store(y, unaryLanes(op, v128.load(x), constants));
    x += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function mapBinary(op: i32, n: i32, a: usize, b: usize, y: usize): void {
  const one = splat(1);
  const end = at(y, n);
  while (y < end) {
    v128.store(y, binaryLanes(op, v128.load(a), v128.load(b), one));
    a += VECTOR_BYTES;
    b += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function mapTernary(op: i32, n: i32, a: usize, b: usize, c: usize, y: usize): void {
  const end = at(y, n);
  while (y < end) {
    v128.store(y, ternaryLanes(op, v128.load(a), v128.load(b), v128.load(c)));
    a += VECTOR_BYTES;
    b += VECTOR_BYTES;
    c += VECTOR_BYTES;
    y += VECTOR_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function unaryLanes(op: i32, x: v128, constant: v128): v128 {
  // one expression: a chain of early returns lets Binaryen hoist float64 calls ahead of the tests (2-4x slower)
  // prettier-ignore
  return (
    op == code.LINK_FILL ? constant :
    op == code.LINK_COPY ? x :
    op == code.LINK_NEG ? v128.neg<Real>(x) :
    op == code.LINK_SCALE ? mul(x, constant) :
    op == code.LINK_SHIFT ? add(x, constant) :
    op == code.LINK_SQUARE ? mul(x, x) :
    op == code.LINK_SQRT ? v128.sqrt<Real>(x) :
    op == code.LINK_EXP ? expLanes(x) :
    op == code.LINK_EXPM1 ? expm1Lanes(x) :
    op == code.LINK_LOG ? logLanes(x) :
    op == code.LINK_TANH ? tanhLanes(x) :
    op == code.LINK_SIGMOID ? sigmoidLanes(x) :
    op == code.LINK_RELU ? v128.and(x, v128.not(v128.lt<Real>(x, splat(0)))) /* NaN stays NaN */ :
    op == code.LINK_SOFTPLUS ? softplusLanes(x) :
    op == code.LINK_SIN ? sinLanes(x) :
    op == code.LINK_COS ? cosLanes(x) :
    op == code.LINK_ABS ? v128.abs<Real>(x) :
    op == code.LINK_SIGN ? sub(v128.and(v128.gt<Real>(x, splat(0)), splat(1)), v128.and(v128.lt<Real>(x, splat(0)), splat(1))) :
    op == code.LINK_FLOOR ? v128.floor<Real>(x) :
    op == code.LINK_AT_LEAST ? v128.max<Real>(x, constant) /* NaN stays NaN */ :
    op == code.LINK_RECIPROCAL ? div(splat(1), x) :
    op == code.LINK_AT_MOST ? v128.min<Real>(x, constant) :
    flushLanes(x)
  );
}

/** Zero where |x| < 2^-100 in float32; float64 passes. */
// @ts-ignore: decorator
@inline
export function flushLanes(x: v128): v128 {
  if (sizeof<Real>() == 8) return x;
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(SMALLEST_CARRY)));
}

// @ts-ignore: decorator
@inline
function binaryLanes(op: i32, a: v128, b: v128, one: v128): v128 {
  // one expression: a chain of early returns lets Binaryen hoist float64 calls ahead of the tests (2-4x slower)
  // prettier-ignore
  return (
    op == code.LINK_ADD ? add(a, b) :
    op == code.LINK_SUB ? sub(a, b) :
    op == code.LINK_MUL ? mul(a, b) :
    op == code.LINK_DIV ? div(a, b) :
    op == code.LINK_TANH_GRAD ? mul(a, sub(one, mul(b, b))) :
    op == code.LINK_SIGMOID_GRAD ? mul(mul(a, b), sub(one, b)) :
    op == code.LINK_RELU_GRAD ? v128.and(a, v128.gt<Real>(b, splat(0))) :
    op == code.LINK_MAXIMUM ? v128.max<Real>(a, b) /* NaN where either is */ :
    op == code.LINK_MINIMUM ? v128.min<Real>(a, b) :
    op == code.LINK_POW ? powLanes(a, b) :
    v128.and(one, compared(op, a, b))
  );
}

/** A mask of ones where the comparison holds. */
// @ts-ignore: decorator
@inline
function compared(op: i32, a: v128, b: v128): v128 {
  // prettier-ignore
  return (
    op == code.LINK_GREATER ? v128.gt<Real>(a, b) :
    op == code.LINK_LESS ? v128.lt<Real>(a, b) :
    op == code.LINK_GREATER_EQUAL ? v128.ge<Real>(a, b) :
    op == code.LINK_LESS_EQUAL ? v128.le<Real>(a, b) :
    v128.eq<Real>(a, b)
  );
}

// @ts-ignore: decorator
@inline
function ternaryLanes(op: i32, a: v128, b: v128, c: v128): v128 {
  // prettier-ignore
  return (
    op == code.LINK_WHERE ? v128.bitselect(b, c, v128.ne<Real>(a, splat(0))) :
    v128.andnot(v128.bitselect(mul(a, splat(0.5)), a, v128.eq<Real>(b, c)), v128.lt<Real>(b, c))
  );
}
