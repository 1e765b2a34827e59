/** The compiled programs of an unrolled module: for each kind of call one per layer, in the order of the layers. */
import { adjoint } from '../program/adjoint.ts'
import { type CompileOptions, type CompiledProgram, compile } from '../program/compile.ts'
import type { StepGraph, Value } from '../program/graph.ts'
import { isTaped, valuesOf } from '../program/reads.ts'
import { tangent } from '../program/tangent.ts'
import { type Layer, adjointOf, savedValues } from './layer.ts'

/** `plain` records nothing; `tape` records all steps; `rerun` records a segment again, its output being known. */
export type ForwardKind = 'plain' | 'tape' | 'rerun'

/** Which layers' outputs leave by ports, so that a chunk of them is kept. */
export type Ported = 'none' | 'top' | 'all'

/** What has a direction in a tangent program, beside the states. */
export interface TangentKind {
  /** The module's input. */
  readonly input: boolean
  /** Public names of parameters. */
  readonly parameters: ReadonlySet<string>
  readonly ported: Ported
}

/** What tells kinds of tangent programs apart. */
export const tangentKey = ({ input, parameters, ported }: TangentKind): string =>
  `tangent ${input} ${ported} ${[...parameters].sort().join(' ')}`

export interface BackwardKind {
  readonly inputGradient: boolean
  /** Public names of parameters that get no gradients. */
  readonly frozen: ReadonlySet<string>
  /** The gradient by the input leaves by ports, so that a chunk of it is kept. */
  readonly ported: boolean
}

/** What tells kinds of backward apart. */
export const backwardKey = ({ inputGradient, frozen, ported }: BackwardKind): string =>
  `backward ${inputGradient} ${ported} ${[...frozen].sort().join(' ')}`

export class StackPrograms {
  readonly #layers: readonly Layer[]
  readonly #tiles: number
  readonly #compiled = new Map<string, CompiledProgram[]>()

  constructor(layers: readonly Layer[], tiles: number) {
    this.#layers = layers
    this.#tiles = tiles
  }

  forward(kind: ForwardKind, ported: Ported): CompiledProgram[] {
    return this.#program(`${kind} ${ported}`, (layer) => {
      const saved = kind === 'plain' ? {} : { saved: savedValues(layer) }
      return compile(layer.graph, { outputs: this.#outputs(layer, kind, ported), ...saved, tiles: this.#tiles })
    })
  }

  /** Forward that records nothing, with the derivative of every value along a direction beside it. */
  tangent(kind: TangentKind): CompiledProgram[] {
    const { input, parameters, ported } = kind
    return this.#program(tangentKey(kind), (layer) => {
      const params = [...layer.params].filter(([, { name }]) => parameters.has(name)).map(([param]) => param)
      const graph = tangent(layer.graph, { params, ...(layer.depth === 0 && !input && { inputs: [] }) })
      return compile(graph, { outputs: this.#outputs(layer, 'plain', ported), tiles: this.#tiles })
    })
  }

  backward(kind: BackwardKind): CompiledProgram[] {
    const { inputGradient, frozen, ported } = kind
    return this.#program(backwardKey(kind), (layer) => {
      const primal = valuesOf(layer.graph)
      const needsInput = inputGradient || layer.depth > 0
      const params = [...layer.params].filter(([, { name }]) => !frozen.has(name)).map(([param]) => param)
      const isWhole = frozen.size === 0 && needsInput
      const graph = isWhole ? adjointOf(layer) : adjoint(layer.graph, { params, ...(!needsInput && { inputs: [] }) })
      const given: CompileOptions['given'] = (value) => primal.has(value) && isTaped(value)
      const outputs = layer.depth === 0 && !ported ? 'timed' : 'chunk'
      return compile(graph, { outputs, given, tiles: this.#tiles })
    })
  }

  /** Programs of another kind that read the tape, compiled once. */
  custom(
    key: string,
    make: (layer: Layer) => { graph: StepGraph; saved?: ReadonlySet<Value> },
    outputs: CompileOptions['outputs'],
  ): CompiledProgram[] {
    return this.#program(key, (layer) => {
      const primal = valuesOf(layer.graph)
      const given: CompileOptions['given'] = (value) => primal.has(value) && isTaped(value)
      const { graph, saved = new Set() } = make(layer)
      return compile(graph, { outputs, given, saved, tiles: this.#tiles })
    })
  }

  /** How long a layer's outputs are kept. */
  #outputs({ depth }: Layer, kind: ForwardKind, ported: Ported): CompileOptions['outputs'] {
    if (ported === 'all') return 'chunk'
    // a layer's output is the next one's input, which the tape must hold
    if (depth < this.#layers.at(-1)!.depth) return kind === 'plain' ? 'chunk' : 'tape'
    return ported === 'top' || kind === 'rerun' ? 'chunk' : 'timed'
  }

  #program(key: string, make: (layer: Layer) => CompiledProgram): CompiledProgram[] {
    let programs = this.#compiled.get(key)
    if (programs === undefined) this.#compiled.set(key, (programs = this.#layers.map(make)))
    return programs
  }
}
