/**
 * A step as a graph of symbolic values. A value is a matrix with one row per sample ('batch': per step and sample)
 * or with a fixed number of rows (a parameter, or what follows from parameters alone).
 */
import { RetrogradError } from '../runtime/errors.ts'

export type Rows = 'batch' | number

/** An operation applied: its inputs, its numbers (sizes, constants), and one value per result. */
export interface Node {
  /** Rises with every node made: the order of ids is a topological order. */
  readonly id: number
  readonly op: string
  readonly inputs: readonly Value[]
  readonly attributes: Readonly<Record<string, number>>
  /** Leaves only: the name of the input, state or parameter. */
  readonly name: string
  readonly results: Value[]
}

/** One result of a node. Cells receive these as arguments and combine them by the functions of `retrograd/ops`. */
export class Value {
  readonly node: Node
  readonly index: number
  readonly rows: Rows
  readonly columns: number

  constructor(node: Node, index: number, rows: Rows, columns: number) {
    this.node = node
    this.index = index
    this.rows = rows
    this.columns = columns
  }
}

export const LEAVES: ReadonlySet<string> = new Set(['input', 'state', 'param'])

let nodes = 0

/** Makes a node with the given result shapes and returns its results. */
export function makeNode(
  op: string,
  inputs: readonly Value[],
  shapes: readonly (readonly [Rows, number])[],
  attributes: Readonly<Record<string, number>> = {},
  name = '',
): Value[] {
  for (const input of inputs) expectValue(op, input)
  const node: Node = { id: nodes++, op, inputs, attributes, name, results: [] }
  for (const [index, [rows, columns]] of shapes.entries()) node.results.push(new Value(node, index, rows, columns))
  return node.results
}

export function expectValue(op: string, value: unknown): void {
  if (value instanceof Value) return
  throw new RetrogradError('cell', `${op}: an operand is ${typeof value}; expected a value of the step being traced`)
}

export function isLeaf(value: Value): boolean {
  return LEAVES.has(value.node.op)
}

export function describe(value: Value): string {
  return `[${value.rows === 'batch' ? 'B' : value.rows}, ${value.columns}]`
}

/** A state of a step: what it reads, by lag, and what it becomes. */
export interface StateEdge {
  readonly name: string
  readonly columns: number
  /** The reads that the step makes, by how many steps back they look. */
  readonly reads: Map<number, Value>
  /** In an adjoint: the state whose gradient this one carries. */
  readonly carries?: string
  next: Value
}

/** A sum over all rows and steps, to be added to a parameter's gradient from row `firstRow` on. */
export interface GradientTerm {
  readonly param: string
  readonly firstRow: number
  readonly value: Value
}

/** A step program: what `trace` makes of a cell, and `adjoint` of a step program. */
export interface StepGraph {
  readonly inputs: Value[]
  readonly states: StateEdge[]
  readonly params: Value[]
  /** Values to be kept for every step: a cell's output, or the gradients by its inputs. */
  readonly outputs: Value[]
  readonly gradients: GradientTerm[]
}

/** All nodes that the given values follow from, in topological order. Does not look behind values that `isGiven`. */
export function ancestors(values: Iterable<Value>, isGiven: (value: Value) => boolean = () => false): Node[] {
  const found = new Set<Node>()
  const open = [...values]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (found.has(value.node) || isGiven(value)) continue
    found.add(value.node)
    open.push(...value.node.inputs)
  }
  return [...found].sort((a, b) => a.id - b.id)
}

/** The same values, others standing for some that they follow from; what follows from none of those is shared. */
export function substitute(values: readonly Value[], replaced: ReadonlyMap<Value, Value>): Value[] {
  const made = new Map(replaced)
  for (const node of ancestors(values, (value) => replaced.has(value))) {
    if (!node.inputs.some((input) => made.has(input))) continue
    const shapes = node.results.map(({ rows, columns }) => [rows, columns] as const)
    const inputs = node.inputs.map((input) => made.get(input) ?? input)
    const results = makeNode(node.op, inputs, shapes, node.attributes, node.name)
    for (const [i, result] of node.results.entries()) if (!made.has(result)) made.set(result, results[i]!)
  }
  return values.map((value) => made.get(value) ?? value)
}
