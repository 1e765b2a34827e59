/** The map's values at the fixed points of a call, and products with its transposed Jacobian there. */
import type { Entry } from '../program/entry.ts'
import type { Value } from '../program/graph.ts'
import type { Scope } from '../runtime/scope.ts'
import { Mapping } from './mapping.ts'
import { Pass, type PassOptions } from './pass.ts'
import type { EquilibriumPrograms } from './programs.ts'

export class Linearisation {
  readonly mapping: Mapping
  readonly capacity: number
  readonly #inputs: readonly Value[]
  readonly #tape: Pass

  /**
   * @param options with the places of contexts
   * @param capacity rows at a time
   */
  constructor(scope: Scope, programs: EquilibriumPrograms, options: PassOptions, capacity: number) {
    const program = programs.adjoint()
    const cotangent = program.graph.inputs[0]!
    const { who } = options
    this.capacity = capacity
    this.#inputs = programs.graphs.map.inputs
    this.#tape = new Pass(scope, programs.ground, programs.tape(), options)
    this.mapping = new Mapping(scope, programs.ground, program, { capacity, point: cotangent, vector: cotangent, who })
  }

  /** @param leaves addresses of z and the inputs */
  run(leaves: readonly number[]): void {
    for (const [i, leaf] of this.#inputs.entries()) this.#tape.point(leaf, leaves[i]!)
    this.#tape.run()
    for (const value of this.mapping.contexts) {
      const leaf = this.#inputs.indexOf(value)
      this.mapping.setSource(value, leaf >= 0 ? leaves[leaf]! : this.entry(value).base)
    }
  }

  /** Where a value is. */
  entry(value: Value): Entry {
    return this.#tape.entry(value)
  }
}
