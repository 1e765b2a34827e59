/** Which values of a step other programs of it read: what must be kept for them, or computed before. */
import { type StepGraph, type Value, ancestors } from './graph.ts'
import { INPUT, PARAM } from './ops/leaves.ts'

/** Every value of a step, its leaves and delayed reads included. */
export function valuesOf(graph: StepGraph): Set<Value> {
  const reads = graph.states.flatMap((state) => [...state.reads.values()])
  const roots = [...graph.outputs, ...graph.states.map((state) => state.next), ...reads]
  return new Set([...graph.inputs, ...graph.params, ...ancestors(roots).flatMap(({ results }) => results)])
}

/** What a later program takes as it was; what follows from parameters alone it computes anew, from the parameters as they then are. */
export function isTaped(value: Value): boolean {
  return value.rows === 'batch' || value.node.op === PARAM
}

/** The values of a step, its inputs aside, that later programs of it read by rows. */
export function valuesRead(step: ReadonlySet<Value>, readers: readonly StepGraph[]): Set<Value> {
  return new Set([...readByRows(step, readers)].filter(({ node }) => node.op !== INPUT))
}

/** The inputs of a step that later programs of it read. */
export function inputsRead(step: ReadonlySet<Value>, readers: readonly StepGraph[]): Set<Value> {
  return new Set([...readByRows(step, readers)].filter(({ node }) => node.op === INPUT))
}

function readByRows(step: ReadonlySet<Value>, readers: readonly StepGraph[]): Set<Value> {
  const isGiven = (value: Value) => step.has(value) && isTaped(value)
  const read = new Set<Value>()
  const note = (value: Value) => {
    if (isGiven(value) && value.rows === 'batch') read.add(value)
  }
  for (const { outputs, states, gradients } of readers) {
    const roots = [...outputs, ...states.map((state) => state.next), ...gradients.map((term) => term.value)]
    roots.forEach(note)
    for (const node of ancestors(roots, isGiven)) node.inputs.forEach(note)
  }
  return read
}
