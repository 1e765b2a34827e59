/** Fused operations give way to the plain ones they stand for: what tangents and second orders are made of. */
import { type StepGraph, ancestors } from './graph.ts'
import { type Value, reapply } from './operation.ts'

/** The same program without fused operations; itself where it has none. All nodes are made anew in their order, which decides that of sums. */
export function lower(graph: StepGraph): StepGraph {
  const nodes = ancestors([
    ...graph.outputs,
    ...graph.states.map(({ next }) => next),
    ...graph.gradients.map(({ value }) => value),
  ])
  if (!nodes.some(({ op }) => op.plain)) return graph
  const made = new Map<Value, Value>()
  const lowered = (value: Value) => made.get(value) ?? value
  for (const node of nodes) {
    if (node.op.isLeaf) continue
    const inputs = node.inputs.map(lowered)
    const results = node.op.plain?.(inputs) ?? reapply(node, inputs)
    for (const [i, result] of results.entries()) made.set(node.results[i]!, result)
  }
  return {
    ...graph,
    outputs: graph.outputs.map(lowered),
    states: graph.states.map((state) => ({ ...state, next: lowered(state.next) })),
    gradients: graph.gradients.map((term) => ({ ...term, value: lowered(term.value) })),
  }
}
