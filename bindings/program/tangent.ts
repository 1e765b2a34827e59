/**
 * The tangent of a step program: the same recurrence with the directional derivative of every value beside it.
 * Inputs, states and parameters get a twin, named with a dot.
 */
import { fail } from '../runtime/errors.ts'
import { type StateEdge, type StepGraph, ancestors } from './graph.ts'
import { lower } from './lower.ts'
import { type Maybe, type Node, type Value, isLeaf } from './operation.ts'
import { zerosLike } from './ops/constant.ts'
import { copy } from './ops/elementwise.ts'
import { inputLeaf, paramLeaf, stateReads } from './ops/leaves.ts'
import { ownStates } from './trace.ts'

/** Name of the twin that holds a value's direction. */
export const tangentName = (name: string): string => `${name}.`

export interface TangentOptions {
  /** Which inputs have a direction; all of them if left out. */
  readonly inputs?: readonly string[]
  /** Which parameters have one; all of them if left out. */
  readonly params?: readonly string[]
}

/** Source transformation into the tangent program. */
export function tangent(graph: StepGraph, options: TangentOptions = {}): StepGraph {
  const primal = lower(graph)
  const directions = new Map<Value, Value>()
  const twins = (leaves: readonly Value[], names: readonly string[] | undefined, leafOf: typeof paramLeaf) =>
    leaves
      .filter(({ node }) => names === undefined || names.includes(node.name))
      .map((leaf) => {
        const direction = leafOf(tangentName(leaf.node.name), leaf.columns, leaf.rows)
        directions.set(leaf, direction)
        return direction
      })
  const inputs = twins(primal.inputs, options.inputs, inputLeaf)
  const params = twins(primal.params, options.params, paramLeaf)
  const reads = primal.states.map((state) => twinReads(state, directions))
  const nexts = primal.states.map(({ next }) => next)
  for (const node of ancestors([...primal.outputs, ...nexts])) spread(node, directions)
  const directionOf = (value: Value) => directions.get(value) ?? zerosLike(value)
  const states = primal.states.map(({ name, columns, next }, i) => {
    return { name: tangentName(name), columns, reads: reads[i]!, next: directionOf(next) }
  })
  return {
    inputs: [...primal.inputs, ...inputs],
    params: [...primal.params, ...params],
    states: ownStates([...primal.states, ...states]),
    outputs: [...primal.outputs, ...primal.outputs.map((output) => ownValue(directionOf(output)))],
    gradients: [],
  }
}

/** A state's direction is read as far back as the state. */
function twinReads({ name, columns, reads }: StateEdge, directions: Map<Value, Value>): Map<number, Value> {
  const own = stateReads(tangentName(name), columns, reads.keys())
  for (const [lag, read] of reads) directions.set(read, own.get(lag)!)
  return own
}

function spread(node: Node, directions: Map<Value, Value>): void {
  const given = node.inputs.map((input): Maybe => directions.get(input))
  if (given.every((direction) => direction === undefined)) return
  if (!node.op.tangent) fail('internal', `tangent: ${node.op.name} has no rule`)
  const direction = node.op.tangent(node, given)
  if (direction) directions.set(node.results[0]!, direction)
}

/** An output must be a value of its own, not a leaf. */
const ownValue = (value: Value): Value => (isLeaf(value) ? copy(value) : value)
