/**
 * One adjoint and one tangent rule per operation. An adjoint rule gets the cotangents of a node's results and gives
 * those of its inputs; a tangent rule gets the tangents of the inputs and gives that of the result. Undefined is zero.
 * Every rule is made of operations that have rules themselves; fused gates are traced plain where a second order is asked for.
 */
import { type Node, type Value, makeNode } from './graph.ts'
import {
  add,
  columnSum,
  concat,
  cos,
  diag,
  diagonal,
  div,
  dropout,
  exp,
  expandColumns,
  expandRows,
  linear,
  matmul,
  mul,
  neg,
  outer,
  pad,
  reluGrad,
  rows,
  scale,
  shift,
  sigmoid,
  sigmoidGrad,
  sin,
  slice,
  solve,
  sub,
  sum,
  tanhGrad,
  transpose,
  zerosLike,
} from './build.ts'

type Maybe = Value | undefined

export interface Rule {
  adjoint(node: Node, cotangents: Maybe[]): Maybe[]
  tangent?(node: Node, tangents: Maybe[]): Maybe
}

/** An elementwise operation of one input: its derivative applied to a direction. Symmetric, so both rules at once. */
function pointwise(apply: (direction: Value, x: Value, y: Value, node: Node) => Value): Rule {
  return {
    adjoint: (node, [dY]) => [dY && apply(dY, node.inputs[0]!, node.results[0]!, node)],
    tangent: (node, [dX]) => dX && apply(dX, node.inputs[0]!, node.results[0]!, node),
  }
}

/** A linear map of one input: the tangent applies it, the adjoint its transpose. */
function linearMap(apply: (x: Value, node: Node) => Value, transposed: (dY: Value, node: Node) => Value): Rule {
  return {
    adjoint: (node, [dY]) => [dY && transposed(dY, node)],
    tangent: (node, [dX]) => dX && apply(dX, node),
  }
}

/** Applies each part to its direction where there is one, and adds up. */
function sumOf(parts: Maybe[]): Maybe {
  return parts.reduce((total, part) => (total && part ? add(total, part) : (total ?? part)), undefined)
}

/** An elementwise operation of two inputs by its two partial derivatives. */
function bilinear(
  byA: (d: Value, a: Value, b: Value, y: Value) => Value,
  byB: (d: Value, a: Value, b: Value, y: Value) => Value,
): Rule {
  const both = (node: Node) => [node.inputs[0]!, node.inputs[1]!, node.results[0]!] as const
  return {
    adjoint: (node, [dY]) => (dY ? [byA(dY, ...both(node)), byB(dY, ...both(node))] : []),
    tangent: (node, [dA, dB]) => sumOf([dA && byA(dA, ...both(node)), dB && byB(dB, ...both(node))]),
  }
}

const same = (d: Value): Value => d
const constant = (node: Node): number => node.attributes['constant']!
const from = (node: Node): number => node.attributes['from']!
const input = (node: Node, index: number): Value => node.inputs[index]!

/** y = x Wᵀ + start, or x W + start with `product` and `byInput` exchanged. */
function productRule(
  product: (x: Value, w: Value, start?: Value) => Value,
  byInput: (dY: Value, w: Value) => Value,
  byWeight: (dY: Value, x: Value) => Value,
): Rule {
  return {
    adjoint: (node, [dY]) => {
      if (!dY) return []
      const [x, w, start] = node.inputs
      return [byInput(dY, w!), byWeight(dY, x!), start && (start.rows === dY.rows ? dY : columnSum(dY))]
    },
    tangent: (node, [dX, dW, dStart]) => {
      const [x, w] = node.inputs
      const wide = dStart && expandRows(dStart, x!.rows)
      return sumOf([dX && product(dX, w!), dW && product(x!, dW), wide])
    },
  }
}

/** Softmax: y ∘ (d - Σ d y), symmetric. */
const softmaxRule = pointwise((d, _x, y) => mul(y, sub(d, sum(mul(d, y)))))

const logSoftmaxRule: Rule = {
  adjoint: (node, [dY]) => [dY && sub(dY, mul(exp(node.results[0]!), sum(dY)))],
  tangent: (node, [dX]) => dX && sub(dX, sum(mul(exp(node.results[0]!), dX))),
}

/** Where the adjoint of a sum over columns or rows spreads the cotangent. */
export const rules: Readonly<Record<string, Rule>> = {
  fill: { adjoint: () => [], tangent: () => undefined },
  copy: pointwise(same),
  flush: pointwise(same),
  neg: pointwise(neg),
  scale: pointwise((d, _x, _y, node) => scale(d, constant(node))),
  shift: pointwise(same),
  square: pointwise((d, x) => scale(mul(d, x), 2)),
  sqrt: pointwise((d, _x, y) => scale(div(d, y), 0.5)),
  exp: pointwise((d, _x, y) => mul(d, y)),
  expm1: pointwise((d, _x, y) => mul(d, shift(y, 1))),
  log: pointwise((d, x) => div(d, x)),
  tanh: pointwise((d, _x, y) => tanhGrad(d, y)),
  sigmoid: pointwise((d, _x, y) => sigmoidGrad(d, y)),
  relu: pointwise((d, _x, y) => reluGrad(d, y)),
  softplus: pointwise((d, x) => mul(d, sigmoid(x))),
  sin: pointwise((d, x) => mul(d, cos(x))),
  cos: pointwise((d, x) => neg(mul(d, sin(x)))),
  add: bilinear(same, same),
  sub: bilinear(same, neg),
  mul: bilinear(
    (d, _a, b) => mul(d, b),
    (d, a) => mul(d, a),
  ),
  div: bilinear(
    (d, _a, b) => div(d, b),
    (d, _a, b, y) => neg(div(mul(d, y), b)),
  ),
  tanhGrad: bilinear(
    (d, _a, b) => tanhGrad(d, b),
    (d, a, b) => scale(mul(d, mul(a, b)), -2),
  ),
  sigmoidGrad: bilinear(
    (d, _a, b) => sigmoidGrad(d, b),
    (d, a, b) => mul(mul(d, a), shift(scale(b, -2), 1)),
  ),
  reluGrad: bilinear(
    (d, _a, b) => reluGrad(d, b),
    (d) => zerosLike(d),
  ),
  expandRows: linearMap((x, node) => expandRows(x, node.results[0]!.rows), columnSum),
  expandColumns: linearMap((x, node) => expandColumns(x, node.results[0]!.columns), sum),
  columnSum: linearMap(columnSum, (dY, node) => expandRows(dY, input(node, 0).rows)),
  rowSum: linearMap(sum, (dY, node) => expandColumns(dY, input(node, 0).columns)),
  slice: linearMap(
    (x, node) => slice(x, from(node), from(node) + node.results[0]!.columns),
    (dY, node) => pad(dY, from(node), input(node, 0).columns),
  ),
  pad: linearMap(
    (x, node) => pad(x, from(node), node.results[0]!.columns),
    (dY, node) => slice(dY, from(node), from(node) + input(node, 0).columns),
  ),
  rows: linearMap(
    (x, node) => rows(x, from(node), from(node) + (node.results[0]!.rows as number)),
    (dY, node) => makeNode('padRows', [dY], [[input(node, 0).rows, dY.columns]], { from: from(node) })[0]!,
  ),
  padRows: linearMap(
    (x, node) => makeNode('padRows', [x], [[node.results[0]!.rows, x.columns]], { from: from(node) })[0]!,
    (dY, node) => rows(dY, from(node), from(node) + (input(node, 0).rows as number)),
  ),
  transpose: linearMap(transpose, transpose),
  diag: linearMap(diag, diagonal),
  diagonal: linearMap(diagonal, diag),
  solve: {
    adjoint: (node, [dX]) => {
      if (!dX) return []
      const dB = solve(transpose(input(node, 0)), dX)
      return [neg(linear(dB, node.results[0]!)), dB]
    },
    tangent: (node, [dA, dB]) => {
      const [a, x] = [input(node, 0), node.results[0]!]
      const right = sumOf([dB, dA && neg(matmul(dA, x))])
      return right && solve(a, right)
    },
  },
  concat: {
    adjoint: (node, [dY]) => {
      let start = 0
      return node.inputs.map((x) => dY && slice(dY, start, (start += x.columns)))
    },
    tangent: (node, tangents) =>
      tangents.some(Boolean) ? concat(...node.inputs.map((x, i) => tangents[i] ?? zerosLike(x))) : undefined,
  },
  linear: productRule(linear, matmul, (dY, x) => outer(dY, x)),
  matmul: productRule(matmul, linear, (dY, x) => outer(x, dY)),
  outer: {
    adjoint: (node, [dY]) => (dY ? [linear(input(node, 1), dY), matmul(input(node, 0), dY)] : []),
    tangent: (node, [dA, dB]) => sumOf([dA && outer(dA, input(node, 1)), dB && outer(input(node, 0), dB)]),
  },
  dropout: linearMap(
    (x, node) => dropout(x, node.attributes['p']!, node.attributes['stream']!),
    (dY, node) => dropout(dY, node.attributes['p']!, node.attributes['stream']!),
  ),
  softmax: softmaxRule,
  logSoftmax: logSoftmaxRule,
  lstmGates: { adjoint: lstmGatesAdjoint },
  gruGates: { adjoint: gruGatesAdjoint },
}

function lstmGatesAdjoint(node: Node, [dHidden, dCell]: Maybe[]): Maybe[] {
  if (!dHidden && !dCell) return []
  const [hidden, cell, gates, tanhCell] = node.results as [Value, Value, Value, Value]
  const previous = input(node, 1)
  const inputs = [gates, previous, tanhCell, dHidden ?? zerosLike(hidden), dCell ?? zerosLike(cell)]
  return makeNode('lstmGatesAdjoint', inputs, [
    ['batch', gates.columns],
    ['batch', previous.columns],
  ])
}

function gruGatesAdjoint(node: Node, [dHidden]: Maybe[]): Maybe[] {
  if (!dHidden) return []
  const gates = node.results[1]!
  const [, gh, previous] = node.inputs as readonly [Value, Value, Value]
  const shapes = [
    ['batch', gates.columns],
    ['batch', gates.columns],
    ['batch', previous.columns],
  ] as const
  return makeNode('gruGatesAdjoint', [gates, gh, previous, dHidden], shapes)
}
