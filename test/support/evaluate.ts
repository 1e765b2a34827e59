/** Evaluates any program without states at one step: the way tests look at adjoints and tangents of single operations. */
import { compile } from '../../bindings/program/compile.ts'
import { KIND, LEG } from '../../bindings/program/format.ts'
import { type StepGraph, type Value } from '../../bindings/program/graph.ts'
import { Invariants } from '../../bindings/program/invariants.ts'
import { Itinerary } from '../../bindings/program/itinerary.ts'
import { Plan } from '../../bindings/program/plan.ts'
import type { Runtime } from '../../bindings/runtime/runtime.ts'
import { Scope } from '../../bindings/runtime/scope.ts'

export type Values = Readonly<Record<string, ArrayLike<number>>>

/** Compiles a program; the function returned computes its outputs for leaves given by name. */
export function evaluator(runtime: Runtime, graph: StepGraph, batch: number): (leaves: Values) => number[][] {
  const program = compile(graph, { outputs: 'timed', tiles: runtime.core.CHAIN_TILES.value })
  const places = new Map<string, { address: number; size: number }>()
  const place = (value: Value): number => {
    const { name } = value.node
    const size = (value.rows === 'batch' ? batch : value.rows) * value.columns
    if (!places.has(name)) places.set(name, { address: runtime.emptyTensor([size]).address, size })
    return places.get(name)!.address
  }
  const unit = {
    program,
    invariants: new Invariants(runtime),
    outside: (value: Value) => ({ base: place(value), stride: 0, kind: KIND.TIMED }),
    gradient: () => ({ base: 0, stride: 0, kind: KIND.TIMED }),
    ports: [],
  }
  const scope = new Scope(runtime)
  const plan = new Plan(scope, [{ reversed: false, units: [unit] }], { steps: 1, batch, who: 'evaluate' })
  const flags = LEG.BEGINS + LEG.STARTS + LEG.ENDS + LEG.FINISHES
  const itinerary = new Itinerary(scope, [{ plan, stage: 0, from: 0, to: 1, flags }], 'evaluate')
  return (leaves) => {
    for (const [name, { address, size }] of places) runtime.arrayAt(address, size).set(leaves[name]!)
    plan.prepare(true)
    itinerary.run()
    return graph.outputs.map((output) => {
      const size = (output.rows === 'batch' ? batch : output.rows) * output.columns
      return Array.from(runtime.arrayAt(plan.entry(0, output).base, size) as Float64Array)
    })
  }
}
