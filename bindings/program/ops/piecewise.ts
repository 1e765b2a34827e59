/** Comparisons, choices, and functions with kinks: at a kink each states the derivative that it takes. */
import { fail } from '../../runtime/errors.ts'
import { LINK } from '../format.ts'
import { type Value, builder } from '../operation.ts'
import { zerosLike } from './constant.ts'
import {
  type Binary,
  type Ternary,
  type Unary,
  type WithConstant,
  binary,
  mul,
  none,
  ternary,
  unary,
  unaryWithConstant,
} from './elementwise.ts'

/** 1 where a > b, else 0, also where one is NaN; no gradient. */
export const greater: Binary = binary('greater', LINK.GREATER, none, none)
/** 1 where a < b, else 0; no gradient. */
export const less: Binary = binary('less', LINK.LESS, none, none)
/** 1 where a >= b, else 0; no gradient. */
export const greaterEqual: Binary = binary('greaterEqual', LINK.GREATER_EQUAL, none, none)
/** 1 where a <= b, else 0; no gradient. */
export const lessEqual: Binary = binary('lessEqual', LINK.LESS_EQUAL, none, none)
/** 1 where a = b, else 0; no gradient. */
export const equal: Binary = binary('equal', LINK.EQUAL, none, none)

/**
 * a where the condition is not 0, else b. What is not chosen, NaN or infinite, changes nothing, and its gradient is 0: what it
 * follows from can still make NaN of that 0 (√x where x = 0 has an infinite derivative), and is to be kept from there itself.
 */
export const where: Ternary = ternary(
  'where',
  LINK.WHERE,
  none,
  (d, condition) => where(condition, d, zerosLike(d)),
  (d, condition) => where(condition, zerosLike(d), d),
)

/** Of d: all where a > b, half where a = b, nothing where a < b; all where they cannot be compared. */
const share: Ternary = ternary('share', LINK.SHARE, (d, _d, a, b) => share(d, a, b), none, none)

/** The greater of both, NaN where one is; a tie halves the gradient. */
export const maximum: Binary = binary(
  'maximum',
  LINK.MAXIMUM,
  (d, a, b) => share(d, a, b),
  (d, a, b) => share(d, b, a),
)
/** The lesser of both, NaN where one is; a tie halves the gradient. */
export const minimum: Binary = binary(
  'minimum',
  LINK.MINIMUM,
  (d, a, b) => share(d, b, a),
  (d, a, b) => share(d, a, b),
)

/** |x|; its derivative at 0 is 0. */
export const abs: Unary = unary('abs', LINK.ABS, (d, x) => mul(d, sign(x)))
/** -1, 0 or 1; 0 of NaN, as in PyTorch. No gradient. */
export const sign: Unary = unary('sign', LINK.SIGN, none)
/** The greatest whole number that is not above x; no gradient. */
export const floor: Unary = unary('floor', LINK.FLOOR, none)

/** d where a bound left x as it is. */
const unbounded = (d: Value, _constant: number, x: Value, y: Value): Value => where(equal(x, y), d, zerosLike(d))

const atLeast: WithConstant = unaryWithConstant('atLeast', LINK.AT_LEAST, unbounded)
const atMost: WithConstant = unaryWithConstant('atMost', LINK.AT_MOST, unbounded)

/** x brought into [low, high], NaN staying NaN; the gradient passes on [low, high], both ends included. */
export const clamp = builder('clamp', ['value', 'number', 'number'], (x: Value, low: number, high: number): Value => {
  if (!(low <= high)) fail('cell', `clamp: low is ${low}, high is ${high}; expected numbers, low <= high`)
  return atMost(atLeast(x, low), high)
})
