/**
 * Elementwise operations: a table of their codes and derivatives. Operands of different widths are broadcast: a row vector
 * over rows, a column over columns.
 */
import { RetrogradError } from '../../runtime/errors.ts'
import { constantLink } from '../encoding.ts'
import { LINK } from '../format.ts'
import {
  type ActivationKind,
  type Maybe,
  type Node,
  type Operation,
  type Structure,
  type Value,
  apply,
  expectValue,
} from '../operation.ts'
import { alike } from './broadcast.ts'
import { zerosLike } from './constant.ts'
import { linearMap } from './linear-map.ts'

export type Unary = (x: Value) => Value
export type WithConstant = (x: Value, constant: number) => Value
export type Binary = (a: Value, b: Value) => Value

/** The derivative of y by an operand, applied to a direction d. */
type ByX = (d: Value, x: Value, y: Value) => Value
type ByXWithConstant = (d: Value, constant: number) => Value
type ByOperand = (d: Value, a: Value, b: Value, y: Value) => Value

/** An operation of one value. Its Jacobian is diagonal: adjoint and tangent are one. */
export function unary(name: string, code: number, byX: ByX, structure?: Structure): Unary {
  const towards = (d: Value, { inputs, results }: Node) => byX(d, inputs[0]!, results[0]!)
  const op: Operation = { name, link: { code }, ...structure, ...linearMap(towards, towards) }
  return (x) => {
    expectValue(name, x)
    return apply(op, [x], x.rows, x.columns)
  }
}

/** An operation of one value and a number. */
export function unaryWithConstant(name: string, code: number, byX: ByXWithConstant): WithConstant {
  const towards = (d: Value, { attributes }: Node) => byX(d, attributes['constant']!)
  const op: Operation = { name, link: constantLink(code), ...linearMap(towards, towards) }
  return (x, constant) => {
    expectNumber(name, constant)
    expectValue(name, x)
    return apply(op, [x], x.rows, x.columns, { constant })
  }
}

/** An operation of two values, brought to one shape. */
export function binary(name: string, code: number, byA: ByOperand, byB: ByOperand): Binary {
  const operands = ({ inputs, results }: Node) => [inputs[0]!, inputs[1]!, results[0]!] as const
  const op: Operation = {
    name,
    link: { code },
    adjoint: (node, [dY]) => [byA(dY!, ...operands(node)), byB(dY!, ...operands(node))],
    tangent: (node, [dA, dB]) => sumOf([dA && byA(dA, ...operands(node)), dB && byB(dB, ...operands(node))]),
  }
  return (a, b) => {
    const both = alike(name, [a, b])
    return apply(op, both, both[0]!.rows, both[0]!.columns)
  }
}

/** Adds up the terms that are there. */
export function sumOf(terms: readonly Maybe[]): Maybe {
  return terms.reduce((total, term) => (total && term ? add(total, term) : (total ?? term)), undefined)
}

function expectNumber(who: string, constant: unknown): void {
  if (typeof constant === 'number') return
  throw new RetrogradError('cell', `${who}: constant is ${typeof constant}; expected a number`)
}

const same = (d: Value): Value => d

function activation(kind: ActivationKind): Structure {
  return { activations: { result: 0, blocks: [{ kind }] } }
}

export const copy: Unary = unary('copy', LINK.COPY, same, { isCopy: true })
/** In float32, 0 where |x| < 2^-100: keeps vanishing adjoints from becoming subnormal. */
export const flush: Unary = unary('flush', LINK.FLUSH, same)
/** -x. */
export const neg: Unary = unary('neg', LINK.NEG, (d) => neg(d))
/** constant · x. */
export const scale: WithConstant = unaryWithConstant('scale', LINK.SCALE, (d, constant) => scale(d, constant))
/** x + constant. */
export const shift: WithConstant = unaryWithConstant('shift', LINK.SHIFT, same)
/** x². */
export const square: Unary = unary('square', LINK.SQUARE, (d, x) => scale(mul(d, x), 2))
/** √x. */
export const sqrt: Unary = unary('sqrt', LINK.SQRT, (d, _x, y) => scale(div(d, y), 0.5))
/** e^x. */
export const exp: Unary = unary('exp', LINK.EXP, (d, _x, y) => mul(d, y))
/** e^x - 1. */
export const expm1: Unary = unary('expm1', LINK.EXPM1, (d, _x, y) => mul(d, shift(y, 1)))
/** The natural logarithm. */
export const log: Unary = unary('log', LINK.LOG, (d, x) => div(d, x))
/** The hyperbolic tangent. */
export const tanh: Unary = unary('tanh', LINK.TANH, (d, _x, y) => tanhGrad(d, y), activation('tanh'))
/** 1 / (1 + e^-x). */
export const sigmoid: Unary = unary('sigmoid', LINK.SIGMOID, (d, _x, y) => sigmoidGrad(d, y), activation('sigmoid'))
/** max(x, 0); its derivative at 0 is 0. */
export const relu: Unary = unary('relu', LINK.RELU, (d, _x, y) => reluGrad(d, y), activation('relu'))
/** log(1 + e^x). */
export const softplus: Unary = unary('softplus', LINK.SOFTPLUS, (d, x) => mul(d, sigmoid(x)))
/** The sine; x in radians. */
export const sin: Unary = unary('sin', LINK.SIN, (d, x) => mul(d, cos(x)))
/** The cosine; x in radians. */
export const cos: Unary = unary('cos', LINK.COS, (d, x) => neg(mul(d, sin(x))))

/** a + b, elementwise; [n] and [B, 1] are broadcast. */
export const add: Binary = binary('add', LINK.ADD, same, same)
/** a - b, elementwise. */
export const sub: Binary = binary('sub', LINK.SUB, same, neg)
/** a · b, elementwise. */
export const mul: Binary = binary(
  'mul',
  LINK.MUL,
  (d, _a, b) => mul(d, b),
  (d, a) => mul(d, a),
)
/** a / b, elementwise. */
export const div: Binary = binary(
  'div',
  LINK.DIV,
  (d, _a, b) => div(d, b),
  (d, _a, b, y) => neg(div(mul(d, y), b)),
)
/** dY (1 - y²), y being tanh. */
export const tanhGrad: Binary = binary(
  'tanhGrad',
  LINK.TANH_GRAD,
  (d, _dY, y) => tanhGrad(d, y),
  (d, dY, y) => scale(mul(d, mul(dY, y)), -2),
)
/** dY y (1 - y), y being sigmoid. */
export const sigmoidGrad: Binary = binary(
  'sigmoidGrad',
  LINK.SIGMOID_GRAD,
  (d, _dY, y) => sigmoidGrad(d, y),
  (d, dY, y) => mul(mul(d, dY), shift(scale(y, -2), 1)),
)
/** dY where y > 0, else 0. */
export const reluGrad: Binary = binary(
  'reluGrad',
  LINK.RELU_GRAD,
  (d, _dY, y) => reluGrad(d, y),
  (d) => zerosLike(d),
)
