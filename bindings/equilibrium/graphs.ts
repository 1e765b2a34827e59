/** What a cell's step is at a fixed point: a map of all its states, side by side, to what they become. */
import { adjoint } from '../program/adjoint.ts'
import { type StepGraph, type Value, ancestors, isLeaf, substitute } from '../program/graph.ts'
import { copy } from '../program/ops/elementwise.ts'
import { concat, mean, slice, square } from '../program/ops/index.ts'
import { inputLeaf } from '../program/ops/leaves.ts'
import { tangent } from '../program/tangent.ts'
import { type SizedCell, trace } from '../program/trace.ts'
import { greatest } from '../runtime/greatest.ts'
import { fail } from '../runtime/check.ts'

/** Name of the leaf that stands for all states side by side. */
export const POINT = '@z'

/** A state's columns among all. */
export interface StatePart {
  readonly name: string
  readonly columns: number
  readonly offset: number
}

export interface EquilibriumGraphs {
  readonly parts: readonly StatePart[]
  /** All states' columns: n. */
  readonly columns: number
  readonly outputColumns: number
  /** z, inputs → F(z). */
  readonly map: StepGraph
  /** z, inputs → the output; undefined where that is z itself. */
  readonly readout: StepGraph | undefined
}

export function equilibriumGraphs(who: string, sized: SizedCell): EquilibriumGraphs {
  const graph = trace(sized, { fused: false })
  expectMap(who, graph)
  const parts = sideBySide(graph)
  const columns = parts.reduce((sum, part) => sum + part.columns, 0)
  const z = inputLeaf(POINT, columns)
  const values = parts.map((part) => (parts.length === 1 ? z : slice(z, part.offset, part.offset + part.columns)))
  // at a fixed point what a step reads and what it makes are the same
  const reads = new Map(graph.states.map((state, i) => [state.reads.get(1)!, values[i]!]))
  const ends = new Map([...reads, ...graph.states.map((state, i) => [state.next, values[i]!] as const)])
  const nexts = graph.states.map(({ next }) => next)
  const whole = concat(...substitute(nexts, reads))
  const shared = { inputs: [z, ...graph.inputs], params: graph.params, states: [], gradients: [] }
  const output = substitute(graph.outputs, ends)[0]!
  const own = (value: Value) => (isLeaf(value) ? copy(value) : value)
  return {
    parts,
    columns,
    outputColumns: output.columns,
    map: { ...shared, outputs: [own(whole)] },
    readout: isPoint(output, z) ? undefined : { ...shared, outputs: [own(output)] },
  }
}

/** Refuses a step that is no map of states to states, one and the same at every evaluation. */
function expectMap(who: string, { states, inputs, outputs }: StepGraph): void {
  if (states.length === 0) fail('cell', `${who}: the cell has no state; expected one that finds its fixed point`)
  if (inputs.length === 0) fail('cell', `${who}: the cell has no input; a batch takes its number of samples from one`)
  const roots = [...states.map(({ next }) => next), ...outputs]
  if (ancestors(roots).some(({ op }) => op.isRandom))
    fail('unsupported', `${who}: the cell drops values at random; a fixed point needs one map`)
  const delayed = states.find(({ reads }) => greatest(reads.keys()) > 1)
  if (delayed)
    fail('unsupported', `${who}: state '${delayed.name}' is read further than one step back; a fixed point has no past`)
}

function sideBySide({ states }: StepGraph): StatePart[] {
  let offset = 0
  return states.map(({ name, columns }) => {
    const part = { name, columns, offset }
    offset += columns
    return part
  })
}

const isPoint = (value: Value, z: Value): boolean =>
  value === z || (value.node.op.isCopy === true && isPoint(value.node.inputs[0]!, z))

/** Values with rows of their own that z has no part in and that F reads beside z: computed once, before the first iteration. */
export function contextsOf(map: StepGraph): Set<Value> {
  const nodes = ancestors(map.outputs)
  const [moving, given] = [new Set([map.inputs[0]!.node]), new Set(map.inputs.slice(1).map(({ node }) => node))]
  const contexts = new Set<Value>()
  for (const node of nodes) {
    if (node.inputs.some((input) => moving.has(input.node))) moving.add(node)
    if (node.inputs.some((input) => given.has(input.node))) given.add(node)
  }
  for (const node of nodes.filter((each) => moving.has(each)))
    for (const input of node.inputs)
      if (input.rows === 'batch' && !moving.has(input.node) && given.has(input.node)) contexts.add(input)
  return contexts
}

/** What follows from parameters alone and is read beside rows: a bounded W. Views of a parameter cost nothing and stay where they are. */
export function derivedOf(map: StepGraph): Set<Value> {
  const isDerived = (value: Value) => value.rows !== 'batch' && !isLeaf(value) && !value.node.op.alias
  const readers = ancestors(map.outputs).filter(({ results }) => results[0]!.rows === 'batch')
  return new Set(readers.flatMap(({ inputs }) => inputs.filter(isDerived)))
}

/** z, inputs, a direction (the last input) → J times the direction. */
export function tangentMap(map: StepGraph): StepGraph {
  const whole = tangent(map, { inputs: [POINT], params: [] })
  return { ...whole, outputs: [whole.outputs[1]!] }
}

/** A cotangent (the only input) → J transposed times it; reads values of the map. */
export const adjointMap = (map: StepGraph): StepGraph => adjoint(map, { inputs: [POINT], params: [] })

/** z, inputs, ε (the last input) → ‖Jᵀε‖² / n: Hutchinson's estimate of ‖J‖² / n. */
export function penaltyGraph(map: StepGraph): StepGraph {
  const { inputs, outputs } = adjointMap(map)
  return { ...map, inputs: [...map.inputs, inputs[0]!], outputs: [mean(square(outputs[0]!))] }
}
