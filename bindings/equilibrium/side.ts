/**
 * What is computed from a fixed point beside it: the output of a cell that puts out something else than its state, and the penalty on
 * the Jacobian. Its gradient by z must be known before the adjoint solve; those by inputs and parameters wait until that has succeeded.
 */
import type { CompiledProgram } from '../program/compile.ts'
import type { Scope } from '../runtime/scope.ts'
import { Pass, type PassOptions } from './pass.ts'
import { type EquilibriumPrograms, type Wanted, wantedKey } from './programs.ts'

export class Side {
  readonly #scope: Scope
  readonly #programs: EquilibriumPrograms
  readonly #key: string
  readonly #options: PassOptions
  readonly #forward: Pass
  /** By what they give: the gradient by z, or those by the rest that is wanted. */
  readonly #backward = new Map<string, Pass>()

  constructor(
    scope: Scope,
    programs: EquilibriumPrograms,
    key: string,
    program: CompiledProgram,
    options: PassOptions,
  ) {
    this.#scope = scope
    this.#programs = programs
    this.#key = key
    this.#options = options
    this.#forward = new Pass(scope, programs.ground, program, options)
  }

  /** Address of the result. */
  get result(): number {
    return this.#forward.entry(this.#forward.program.graph.outputs[0]!).base
  }

  /** @param leaves addresses of z, the inputs and what else the program reads, in its inputs' order */
  run(leaves: readonly number[]): void {
    this.#forward.pointAll(leaves)
    this.#forward.run()
  }

  /** Address of the gradient by z. */
  runByPoint(leaves: readonly number[], gradient: number): number {
    return this.#back('z', (forward) => this.#programs.byPoint(this.#key, forward), leaves, gradient)[0]!
  }

  /** Adds gradients by parameters; gives the addresses of those by inputs. */
  runByRest(leaves: readonly number[], gradient: number, wanted: Wanted): number[] {
    const key = wantedKey(wanted)
    return this.#back(key, (forward) => this.#programs.byRest(this.#key, forward, wanted), leaves, gradient)
  }

  #back(
    key: string,
    compile: (forward: CompiledProgram) => CompiledProgram,
    leaves: readonly number[],
    gradient: number,
  ): number[] {
    const { program } = this.#forward
    let pass = this.#backward.get(key)
    if (pass === undefined) {
      pass = this.#scope.inner((scope) => new Pass(scope, this.#programs.ground, compile(program), this.#options))
      this.#backward.set(key, pass)
    }
    const { graph } = pass.program
    for (const [i, leaf] of program.graph.inputs.entries()) pass.point(leaf, leaves[i]!)
    pass.point(graph.inputs[0]!, gradient)
    pass.run()
    return graph.outputs.map((output) => pass.entry(output).base)
  }
}
