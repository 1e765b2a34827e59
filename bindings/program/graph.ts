/** A step as a graph of symbolic values, and walks through it. */
import { type Node, type Value, reapply } from './operation.ts'

export { type Value, isLeaf } from './operation.ts'

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
    for (const input of value.node.inputs) open.push(input)
  }
  return [...found].sort((a, b) => a.id - b.id)
}

/** The same values, others standing for some that they follow from; what follows from none of those is shared. */
export function substitute(values: readonly Value[], replaced: ReadonlyMap<Value, Value>): Value[] {
  const made = new Map(replaced)
  for (const node of ancestors(values, (value) => replaced.has(value))) {
    if (!node.inputs.some((input) => made.has(input))) continue
    const results = reapply(
      node,
      node.inputs.map((input) => made.get(input) ?? input),
    )
    for (const [i, result] of node.results.entries()) if (!made.has(result)) made.set(result, results[i]!)
  }
  return values.map((value) => made.get(value) ?? value)
}
