/** The compiled programs of an equilibrium model, each made when it is first needed. */
import type { Parameter, ParameterBlock } from '../module/parameters.ts'
import { Staleness } from '../module/staleness.ts'
import { adjoint } from '../program/adjoint.ts'
import { type CompileOptions, type CompiledProgram, compile } from '../program/compile.ts'
import type { StepGraph, Value } from '../program/graph.ts'
import { Invariants } from '../program/invariants.ts'
import { INPUT } from '../program/ops/leaves.ts'
import { isTaped, valuesOf, valuesRead } from '../program/reads.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Scope } from '../runtime/scope.ts'
import { type EquilibriumGraphs, POINT, adjointMap, contextsOf, derivedOf, penaltyGraph, tangentMap } from './graphs.ts'
import { Pass } from './pass.ts'
import type { Ground } from './unit.ts'

/** What a backward needs gradients by. */
export interface Wanted {
  readonly inputGradient: boolean
  /** Names of parameters that get none. */
  readonly frozen: ReadonlySet<string>
}

export class EquilibriumPrograms {
  readonly runtime: Runtime
  readonly graphs: EquilibriumGraphs
  readonly ground: Ground
  readonly contexts: ReadonlySet<Value>
  readonly #scope: Scope
  readonly #block: ParameterBlock
  readonly #derived: ReadonlySet<Value>
  #derive: Pass | undefined
  readonly #step: ReadonlySet<Value>
  readonly #compiled = new Map<string, CompiledProgram>()

  constructor(
    runtime: Runtime,
    graphs: EquilibriumGraphs,
    params: ReadonlyMap<string, Parameter>,
    block: ParameterBlock,
  ) {
    this.runtime = runtime
    this.graphs = graphs
    this.ground = { params, invariants: new Invariants(runtime), staleness: new Staleness(block) }
    this.contexts = contextsOf(graphs.map)
    this.#scope = new Scope(runtime)
    this.#derived = derivedOf(graphs.map)
    this.#block = block
    this.#step = valuesOf(graphs.map)
  }

  /** Computes what follows from parameters alone, once for all programs that read it, where parameters changed. */
  refresh(who: string): void {
    if (this.#derived.size === 0) return
    const make = () => ({ ...this.graphs.map, inputs: [], outputs: [] })
    const program = this.#program('derived', make, { saved: this.#derived })
    this.#derive ??= this.#scope.inner((scope) => new Pass(scope, this.ground, program, { steps: 1, batch: 1, who }))
    if (this.ground.staleness.isStale(program)) this.#derive.run()
  }

  /** Inputs → contexts. */
  context(): CompiledProgram {
    const { map } = this.graphs
    const outputs = [...this.contexts].filter(({ node }) => node.op !== INPUT)
    return this.#program('context', () => ({ ...map, outputs }), { given: this.#isDerived })
  }

  /** z, contexts → F(z). */
  value(): CompiledProgram {
    return this.#program('value', () => this.graphs.map, { given: this.#isContext })
  }

  /** z, contexts, v → J v. */
  tangent(): CompiledProgram {
    return this.#program('tangent', () => tangentMap(this.graphs.map), { given: this.#isContext })
  }

  /** Rises whenever parameters may have changed. */
  get version(): number {
    return this.#block.version
  }

  /** z, inputs, contexts → all values that backward reads. */
  tape(): CompiledProgram {
    const { map } = this.graphs
    const saved = valuesRead(this.#step, [adjointMap(map), adjoint(map, { inputs: this.#inputs() })])
    return this.#program('tape', () => map, { saved, given: this.#isContext })
  }

  /** The tape's values, v → Jᵀ v. */
  adjoint(): CompiledProgram {
    const given = (value: Value) => this.#isTaped(value) || this.#isDerived(value)
    return this.#program('adjoint', () => adjointMap(this.graphs.map), { given })
  }

  /** The tape's values, v → gradients by inputs, and those by parameters. */
  gradient(wanted: Wanted): CompiledProgram {
    const make = () => adjoint(this.graphs.map, this.#options(wanted))
    return this.#program(`gradient ${wantedKey(wanted)}`, make, { given: this.#isTaped })
  }

  /** z, inputs, v → Jᵀ v, then as `gradient`. */
  unroll(wanted: Wanted): CompiledProgram {
    const { inputs, params } = this.#options(wanted)
    const make = () => adjoint(this.graphs.map, { inputs: [POINT, ...inputs], params })
    return this.#program(`unroll ${wantedKey(wanted)}`, make, {})
  }

  readout(): CompiledProgram | undefined {
    const { readout } = this.graphs
    return readout && this.#program('readout', () => readout, {})
  }

  penalty(): CompiledProgram {
    return this.#program('penalty', () => penaltyGraph(this.graphs.map), { given: this.#isDerived })
  }

  /** Of a program without a tape: its cotangent → the gradient by z. */
  byPoint(key: string, program: CompiledProgram): CompiledProgram {
    return this.#program(`${key} by z`, () => adjointMap(program.graph), { given: this.#isDerived })
  }

  /** … and those by inputs and parameters. */
  byRest(key: string, program: CompiledProgram, wanted: Wanted): CompiledProgram {
    const make = () => adjoint(program.graph, this.#options(wanted))
    return this.#program(`${key} ${wantedKey(wanted)}`, make, {})
  }

  dispose(): void {
    this.#scope.dispose()
    this.ground.invariants.dispose()
  }

  #inputs(): string[] {
    return this.graphs.map.inputs.slice(1).map(({ node }) => node.name)
  }

  #options({ inputGradient, frozen }: Wanted): { inputs: string[]; params: string[] } {
    const params = [...this.ground.params].filter(([, { name }]) => !frozen.has(name)).map(([param]) => param)
    return { inputs: inputGradient ? this.#inputs() : [], params }
  }

  readonly #isDerived = (value: Value): boolean => this.#derived.has(value)

  readonly #isContext = (value: Value): boolean => this.contexts.has(value) || this.#derived.has(value)

  readonly #isTaped = (value: Value): boolean => this.#step.has(value) && isTaped(value)

  #program(key: string, make: () => StepGraph, options: Pick<CompileOptions, 'given' | 'saved'>): CompiledProgram {
    let program = this.#compiled.get(key)
    if (program === undefined) {
      program = compile(make(), { ...options, outputs: 'timed', tiles: this.runtime.core.CHAIN_TILES.value })
      this.#compiled.set(key, program)
    }
    return program
  }
}

export const wantedKey = ({ inputGradient, frozen }: Wanted): string =>
  `${inputGradient} ${[...frozen].sort().join(' ')}`
