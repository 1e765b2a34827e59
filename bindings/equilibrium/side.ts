/**
 * What is computed from a fixed point beside it: the output of a cell that puts out something else than its state, and the penalty on
 * the Jacobian. Its gradient by z must be known before the adjoint solve; those by inputs and parameters wait until that has succeeded.
 */
import type { CompiledProgram } from '../program/compile.ts'
import type { Value } from '../program/graph.ts'
import { Pass, type PassOptions } from './pass.ts'
import { type Programs, type Wanted, keyOf } from './programs.ts'

export class Side {
  readonly #programs: Programs
  readonly #key: string
  readonly #options: PassOptions
  readonly #forward: Pass
  #byPoint: Pass | undefined
  readonly #byRest = new Map<string, Pass>()

  constructor(programs: Programs, key: string, program: CompiledProgram, options: PassOptions) {
    this.#programs = programs
    this.#key = key
    this.#options = options
    this.#forward = new Pass(programs, program, options)
  }

  /** Address of the result. */
  get result(): number {
    return this.#forward.entry(this.#forward.program.graph.outputs[0]!).base
  }

  /** @param leaves addresses of z, the inputs and what else the program reads, in its inputs' order */
  run(leaves: readonly number[]): void {
    pointAll(this.#forward, this.#forward.program, leaves)
    this.#forward.run()
  }

  /** Address of the gradient by z. */
  runByPoint(leaves: readonly number[], gradient: number): number {
    const { program } = this.#forward
    this.#byPoint ??= new Pass(this.#programs, this.#programs.byPoint(this.#key, program), this.#options)
    return this.#back(this.#byPoint, leaves, gradient)[0]!
  }

  /** Adds gradients by parameters; gives the addresses of those by inputs. */
  runByRest(leaves: readonly number[], gradient: number, wanted: Wanted): number[] {
    const key = keyOf(wanted)
    let pass = this.#byRest.get(key)
    if (pass === undefined) {
      const program = this.#programs.byRest(this.#key, this.#forward.program, wanted)
      this.#byRest.set(key, (pass = new Pass(this.#programs, program, this.#options)))
    }
    return this.#back(pass, leaves, gradient)
  }

  dispose(): void {
    for (const pass of [this.#forward, ...(this.#byPoint ? [this.#byPoint] : []), ...this.#byRest.values()])
      pass.dispose()
  }

  #back(pass: Pass, leaves: readonly number[], gradient: number): number[] {
    const { graph } = pass.program
    pointAll(pass, this.#forward.program, leaves)
    pass.point(graph.inputs[0]!, gradient)
    pass.run()
    return graph.outputs.map((output) => pass.entry(output).base)
  }
}

function pointAll(pass: Pass, { graph }: CompiledProgram, leaves: readonly number[]): void {
  for (const [i, leaf] of graph.inputs.entries() as IterableIterator<[number, Value]>) pass.point(leaf, leaves[i]!)
}
