/** Powers. */
import { LINK } from '../format.ts'
import { type Value, builder } from '../operation.ts'
import { fill, zerosLike } from './constant.ts'
import { type Binary, type Unary, binary, log, mul, neg, shift, square, unary } from './elementwise.ts'
import { equal, greaterEqual, where } from './piecewise.ts'

/** 1 / x. */
export const reciprocal: Unary = unary('reciprocal', LINK.RECIPROCAL, (d, _x, y) => neg(mul(d, square(y))))

const power: Binary = binary('pow', LINK.POW, byBase, byExponent)

/** d b a^(b-1); 0 where b = 0, whatever a is. */
function byBase(d: Value, a: Value, b: Value): Value {
  const zeros = zerosLike(b)
  return mul(d, where(equal(b, zeros), zeros, mul(b, power(a, shift(b, -1)))))
}

/** d a^b ln a; 0 where a = 0 and b >= 0. */
function byExponent(d: Value, a: Value, b: Value, y: Value): Value {
  const zeros = zerosLike(b)
  const isFlat = mul(equal(a, zeros), greaterEqual(b, zeros))
  return mul(d, where(isFlat, zeros, mul(y, log(a))))
}

/** Whole exponents up to this size are products. */
const MOST_FACTORS = 8

/**
 * x to the power of a number or a value. 1 where the exponent is 0 or x is 1; NaN where x < 0 and the exponent is no integer. Whole numbers
 * in [-8, 8] are multiplied out, below 0 as 1 / x^n (so what would be smaller than 1 over the greatest number is 0). By x the derivative is
 * y x^(y-1), 0 for y = 0; by the exponent x^y ln x, 0 where x = 0 and y >= 0: PyTorch's.
 */
export const pow = builder('pow', ['value', 'value or number'], (x: Value, exponent: number | Value): Value => {
  if (typeof exponent !== 'number') return power(x, exponent)
  if (!Number.isInteger(exponent) || Math.abs(exponent) > MOST_FACTORS)
    return power(x, fill(exponent, x.rows, x.columns))
  if (exponent === 0) return fill(1, x.rows, x.columns)
  return exponent < 0 ? reciprocal(wholePower(x, -exponent)) : wholePower(x, exponent)
})

function wholePower(x: Value, n: number): Value {
  if (n === 1) return x
  const half = wholePower(x, Math.floor(n / 2))
  return n % 2 === 0 ? square(half) : mul(square(half), x)
}
