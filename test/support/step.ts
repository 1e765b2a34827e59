/** A step without state: its output and its gradients for numbers given by name. */
import { type Runtime, type Value, defineCell } from '../../bindings/index.ts'
import { adjoint } from '../../bindings/program/adjoint.ts'
import { add } from '../../bindings/program/ops/elementwise.ts'
import { padRows } from '../../bindings/program/ops/rows.ts'
import type { StepGraph } from '../../bindings/program/graph.ts'
import { sizeCell, trace } from '../../bindings/program/trace.ts'
import { type Values, evaluator } from './evaluate.ts'

export interface Step {
  /** Columns of the inputs, by name. */
  readonly inputs?: Readonly<Record<string, number>>
  /** Shapes of the parameters, by name. */
  readonly params?: Readonly<Record<string, readonly number[]>>
  readonly step: (values: Readonly<Record<string, Value>>) => Value
}

export function graphOf({ inputs = {}, params = {}, step }: Step, fused = true): StepGraph {
  const cell = defineCell({ state: {}, input: inputs, params, step: (values) => ({ state: {}, output: step(values) }) })
  return trace(sizeCell(cell, {}), { fused })
}

/** Gradients by every leaf, as outputs of one program that reads the leaves and `dOutput0`. */
export function gradientGraph(primal: StepGraph): StepGraph {
  const graph = adjoint(primal)
  const byParam = primal.params.map((param) => {
    const terms = graph.gradients.filter((term) => term.param === param.node.name)
    const wide = terms.map(({ firstRow, value }) =>
      value.rows === param.rows ? value : padRows(value, firstRow, param.rows as number),
    )
    return wide.reduce(add)
  })
  return { ...graph, outputs: [...graph.outputs, ...byParam], gradients: [] }
}

/** The output of a step, and its gradients by inputs and parameters in their order, for the gradient `dOutput` by the output. */
export function runStep(
  runtime: Runtime,
  step: Step,
  batch: number,
  leaves: Values,
  dOutput: ArrayLike<number>,
): { output: number[]; gradients: number[][] } {
  const primal = graphOf(step)
  const output = evaluator(runtime, primal, batch)(leaves)[0]!
  const gradients = evaluator(runtime, gradientGraph(primal), batch)({ ...leaves, dOutput0: dOutput })
  return { output, gradients }
}
