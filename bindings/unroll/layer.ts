/** A layer of an unrolled module in one direction: its cell's graph, its parameters, and what its programs share. */
import type { Parameter } from '../module/parameters.ts'
import { adjoint } from '../program/adjoint.ts'
import type { StepGraph, Value } from '../program/graph.ts'
import type { Invariants } from '../program/invariants.ts'
import { inputsRead, valuesOf, valuesRead } from '../program/reads.ts'
import type { SizedCell } from '../program/trace.ts'

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
  /** Inputs that the adjoint reads. */
  inputsRead?: ReadonlySet<Value>
}

export function adjointOf(layer: Layer): StepGraph {
  layer.adjoint ??= adjoint(layer.graph)
  return layer.adjoint
}

/** The values of the step that its adjoint reads: what the tape holds. */
export const savedValues = (layer: Layer): Set<Value> => valuesRead(valuesOf(layer.graph), [adjointOf(layer)])

export function inputsReadBy(layer: Layer): ReadonlySet<Value> {
  layer.inputsRead ??= inputsRead(valuesOf(layer.graph), [adjointOf(layer)])
  return layer.inputsRead
}
