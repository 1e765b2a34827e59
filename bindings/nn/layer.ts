/** A layer of an unrolled module in one direction: its cell's graph, its parameters, and what its programs share. */
import { adjoint } from '../program/adjoint.ts'
import type { StepGraph, Value } from '../program/graph.ts'
import type { Invariants } from '../program/invariants.ts'
import { INPUT, PARAM } from '../program/ops/leaves.ts'
import type { SizedCell } from '../program/trace.ts'
import type { Parameter } from './parameters.ts'

export interface Layer {
  /** 0 for the layer that reads the module's input. */
  readonly depth: number
  /** Runs from the last step to the first. */
  readonly reversed: boolean
  readonly sized: SizedCell
  readonly graph: StepGraph
  readonly invariants: Invariants
  readonly params: ReadonlyMap<string, Parameter>
  adjoint?: StepGraph
}

export function adjointOf(layer: Layer): StepGraph {
  layer.adjoint ??= adjoint(layer.graph)
  return layer.adjoint
}

/** Every value of a layer's step, its delayed reads included. */
export function primalValues({ graph }: Layer): Set<Value> {
  const values = new Set<Value>([...graph.inputs, ...graph.params])
  const open = [...graph.outputs, ...graph.states.flatMap((state) => [state.next, ...state.reads.values()])]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    for (const result of value.node.results) {
      if (values.has(result)) continue
      values.add(result)
    }
    for (const input of value.node.inputs) if (!values.has(input)) open.push(input)
  }
  return values
}

/** What backward takes from forward; what follows from parameters alone it computes anew, from the parameters as they then are. */
export function isTaped(value: Value): boolean {
  return value.rows === 'batch' || value.node.op === PARAM
}

/** The values of the step that its adjoint reads: what the tape holds. */
export function savedValues(layer: Layer): Set<Value> {
  const primal = primalValues(layer)
  const graph = adjointOf(layer)
  const saved = new Set<Value>()
  const seen = new Set<Value>()
  const roots = [
    ...graph.outputs,
    ...graph.states.map((state) => state.next),
    ...graph.gradients.map((term) => term.value),
  ]
  for (let value = roots.pop(); value !== undefined; value = roots.pop()) {
    if (seen.has(value)) continue
    seen.add(value)
    if (!primal.has(value) || !isTaped(value)) roots.push(...value.node.inputs)
    else if (value.rows === 'batch' && value.node.op !== INPUT) saved.add(value)
  }
  return saved
}
