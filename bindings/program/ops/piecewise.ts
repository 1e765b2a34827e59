/** Comparisons, choices, and functions with kinks: at a kink each states the derivative that it takes. */
import { LINK } from '../format.ts'
import { zerosLike } from './constant.ts'
import { type Binary, type Ternary, type Unary, binary, mul, none, ternary, unary } from './elementwise.ts'

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

/** |x|; its derivative at 0 is 0. */
export const abs: Unary = unary('abs', LINK.ABS, (d, x) => mul(d, sign(x)))
/** -1, 0 or 1; 0 of NaN, as in PyTorch. No gradient. */
export const sign: Unary = unary('sign', LINK.SIGN, none)
