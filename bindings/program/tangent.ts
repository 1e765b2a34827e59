/**
 * The tangent of a step program: the same recurrence with the directional derivative of every value beside it.
 * Inputs, states and parameters get a twin, named with a dot.
 */
import { RetrogradError } from '../runtime/errors.ts'
import { copy, stateLeaf, zerosLike } from './build.ts'
import { type StepGraph, type Value, ancestors, isLeaf, makeNode } from './graph.ts'
import { rules } from './rules.ts'
import { ownStates } from './trace.ts'

/** Name of the twin that holds a value's direction. */
export const tangentName = (name: string): string => `${name}.`

export interface TangentOptions {
  /** Which inputs have a direction; all of them if left out. */
  readonly inputs?: readonly string[]
  /** Which parameters have one; all of them if left out. */
  readonly params?: readonly string[]
}

/** Source transformation into the tangent program. The graph must be traced without fused gates. */
export function tangent(primal: StepGraph, options: TangentOptions = {}): StepGraph {
  const directions = new Map<Value, Value>()
  const twin = (leaf: Value, op: string): Value => {
    const direction = makeNode(op, [], [[leaf.rows, leaf.columns]], {}, tangentName(leaf.node.name))[0]!
    directions.set(leaf, direction)
    return direction
  }
  const chosen = (leaves: readonly Value[], names: readonly string[] | undefined) =>
    leaves.filter(({ node }) => names === undefined || names.includes(node.name))
  const inputs = chosen(primal.inputs, options.inputs).map((leaf) => twin(leaf, 'input'))
  const params = chosen(primal.params, options.params).map((leaf) => twin(leaf, 'param'))
  const states = primal.states.map(({ name, columns, reads }) => {
    const { leaf, reads: own } = stateLeaf(tangentName(name), columns)
    own.clear()
    for (const [lag, read] of reads) {
      const direction = lag === 1 ? leaf : makeNode('state', [], [['batch', columns]], { lag }, leaf.node.name)[0]!
      own.set(lag, direction)
      directions.set(read, direction)
    }
    return { name: leaf.node.name, columns, reads: own }
  })
  const roots = [...primal.outputs, ...primal.states.map((state) => state.next)]
  for (const node of ancestors(roots)) {
    const value = node.results[0]!
    if (isLeaf(value)) continue
    const rule = rules[node.op]!.tangent
    if (rule === undefined)
      throw new RetrogradError('internal', `tangent: ${node.op} has no rule; trace without fusion`)
    const direction = rule(
      node,
      node.inputs.map((input) => directions.get(input)),
    )
    if (direction) directions.set(value, direction)
  }
  const directionOf = (value: Value) => directions.get(value) ?? zerosLike(value)
  return {
    inputs: [...primal.inputs, ...inputs],
    params: [...primal.params, ...params],
    states: ownStates([
      ...primal.states,
      ...states.map((state, i) => ({ ...state, next: directionOf(primal.states[i]!.next) })),
    ]),
    outputs: [...primal.outputs, ...primal.outputs.map((output) => ownValue(directionOf(output)))],
    gradients: [],
  }
}

/** An output must be a value of its own, not a leaf. */
const ownValue = (value: Value): Value => (isLeaf(value) ? copy(value) : value)
