/** The map's values at the fixed points of a call, and products with its transposed Jacobian there. */
import type { Value } from '../program/graph.ts'
import { Mapping } from './mapping.ts'
import { Pass, type PassOptions } from './pass.ts'
import type { Programs } from './programs.ts'

export class Linearisation {
  readonly mapping: Mapping
  readonly capacity: number
  readonly #programs: Programs
  readonly #tape: Pass

  /**
   * @param options with the places of contexts
   * @param capacity rows at a time
   */
  constructor(programs: Programs, options: PassOptions, capacity: number) {
    const program = programs.adjoint()
    const cotangent = program.graph.inputs[0]!
    this.#programs = programs
    this.capacity = capacity
    this.#tape = new Pass(programs, programs.tape(), options)
    try {
      this.mapping = new Mapping(programs, program, { capacity, point: cotangent, vector: cotangent, who: options.who })
    } catch (error) {
      this.#tape.dispose()
      throw error
    }
  }

  /** @param leaves addresses of z and the inputs */
  run(leaves: readonly number[]): void {
    const { inputs } = this.#programs.graphs.map
    for (const [i, leaf] of inputs.entries()) this.#tape.point(leaf, leaves[i]!)
    this.#tape.run()
    for (const value of this.mapping.contexts) {
      const leaf = inputs.indexOf(value)
      this.mapping.setSource(value, leaf >= 0 ? leaves[leaf]! : this.entry(value).base)
    }
  }

  /** Where a value is. */
  entry(value: Value): { base: number; stride: number; kind: number } {
    return this.#tape.entry(value)
  }

  dispose(): void {
    this.#tape.dispose()
    this.mapping.dispose()
  }
}
