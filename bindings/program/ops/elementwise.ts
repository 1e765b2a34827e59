/**
 * Elementwise operations: a table of their codes and derivatives. Operands of different widths are broadcast: a row vector
 * over rows, a column over columns.
 */
import { fail } from '../../runtime/errors.ts'
import { constantLink } from '../encoding.ts'
import { LINK } from '../format.ts'
import {
  type ActivationKind,
  type Link,
  type Maybe,
  type Node,
  type Operation,
  type Structure,
  type Value,
  apply,
  builder,
} from '../operation.ts'
import { alike } from './broadcast.ts'
import { zerosLike } from './constant.ts'

export type Unary = (x: Value) => Value
export type WithConstant = (x: Value, constant: number) => Value
export type Binary = (a: Value, b: Value) => Value
export type Ternary = (a: Value, b: Value, c: Value) => Value

/** The derivative of y by an operand, applied to a direction d; undefined where it is 0 everywhere. */
type ByX = (d: Value, x: Value, y: Value) => Maybe
type ByXWithConstant = (d: Value, constant: number, x: Value, y: Value) => Maybe
type ByOneOfTwo = (d: Value, a: Value, b: Value, y: Value) => Maybe
type ByOneOfThree = (d: Value, a: Value, b: Value, c: Value, y: Value) => Maybe
type ByOperand = (d: Value, ...operandsAndResult: Value[]) => Maybe

// Builders take as many operands as they name: what `map` and `reduce` pass beside an element is not theirs

export function unary(name: string, code: number, byX: ByX, structure?: Structure): Unary {
  const op = { ...pointwise(name, { code }, [byX]), ...structure }
  return builder(name, ['value'], (x) => applyAlike(op, [x]))
}

export function binary(name: string, code: number, byA: ByOneOfTwo, byB: ByOneOfTwo): Binary {
  const op = pointwise(name, { code }, [byA, byB])
  return builder(name, ['value', 'value'], (a, b) => applyAlike(op, [a, b]))
}

export function ternary(
  name: string,
  code: number,
  ...by: readonly [ByOneOfThree, ByOneOfThree, ByOneOfThree]
): Ternary {
  const op = pointwise(name, { code }, by)
  return builder(name, ['value', 'value', 'value'], (a, b, c) => applyAlike(op, [a, b, c]))
}

/** An operation of one value and a number. */
export function unaryWithConstant(name: string, code: number, byX: ByXWithConstant): WithConstant {
  const op = pointwise(name, constantLink(code), [(d, x, y) => byX(d, y!.node.attributes['constant']!, x!, y!)])
  return builder(name, ['value', 'other'], (x, constant) => {
    expectNumber(name, constant)
    return apply(op, [x], x.rows, x.columns, { constant })
  })
}

/** The Jacobian by each operand is diagonal: adjoint and tangent apply the same derivatives. */
function pointwise(name: string, link: Link, by: readonly ByOperand[]): Operation {
  const along = (node: Node, k: number, d: Value) => by[k]!(d, ...node.inputs, node.results[0]!)
  return {
    name,
    link,
    adjoint: (node, [dY]) => by.map((_, k) => along(node, k, dY!)),
    tangent: (node, directions) => sumOf(directions.map((d, k) => d && along(node, k, d))),
  }
}

function applyAlike(op: Operation, operands: readonly Value[]): Value {
  const all = alike(op.name, operands)
  return apply(op, all, all[0]!.rows, all[0]!.columns)
}

/** Adds up the terms that are there. */
export function sumOf(terms: readonly Maybe[]): Maybe {
  return terms.reduce((total, term) => (total && term ? add(total, term) : (total ?? term)), undefined)
}

function expectNumber(who: string, constant: unknown): void {
  if (typeof constant === 'number') return
  fail('cell', `${who}: constant is ${typeof constant}; expected a number`)
}

const same = (d: Value): Value => d
export const none = (): undefined => undefined

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
