/**
 * The planned calls of an unrolled module: for each mode and shape a plan with its results, made once and reused; for a
 * recording call also the plans of its backward.
 */
import { adjoint } from '../program/adjoint.ts'
import { type CompiledProgram, compile } from '../program/compile.ts'
import { KIND } from '../program/format.ts'
import type { Value } from '../program/graph.ts'
import { type Entry, Plan, type PlanUnit } from '../program/plan.ts'
import { fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Shape, Tensor, sizeOf } from '../runtime/tensor.ts'
import { type Layer, adjointOf, isTaped, primalValues, savedValues } from './layer.ts'
import type { ForwardResult, InputGradients } from './module.ts'

/** What a call reads and writes: sizes, and the tensors in time-major order. */
export interface CallShape {
  readonly steps: number
  readonly batch: number
  /** Leading axes of input and output as the caller sees them. */
  readonly leading: Shape
}

export type Mode = 'tape' | 'plain' | 'step'

/** A planned call with its results; for `tape`, also the plan of its backward. */
export interface Call {
  readonly mode: Mode
  readonly plan: Plan
  readonly extra: Allocation
  /** Memory for what is handed in though it is a result of this very call. */
  readonly copies: Tensor[]
  readonly staged: ReadonlyMap<string, number>
  readonly output: Tensor
  readonly outputAddress: number
  readonly state: Record<string, Tensor> | undefined
  readonly result: ForwardResult
  backward: Map<string, BackwardCall>
}

export interface BackwardCall {
  /** Which programs it runs. */
  readonly kind: string
  readonly plan: Plan
  readonly programs: readonly CompiledProgram[]
  readonly extra: Allocation
  /** Memory for what is handed in though it is a result of this very call. */
  readonly copies: Tensor[]
  readonly zeros: number
  readonly stagedOutput: number
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly result: InputGradients
  readonly withoutInput: InputGradients
}

/** Plans kept for reuse; a further (T, B) takes the place of the oldest. */
const KEPT_PLANS = 8

export interface CallOptions {
  /** The module's name, for messages about memory. */
  readonly who: string
  readonly batchFirst: boolean
  /** States are [layers, B, n] rather than [B, n]. */
  readonly layered: boolean
}

export class Calls {
  readonly #runtime: Runtime
  readonly #layers: readonly Layer[]
  readonly #options: CallOptions
  readonly #calls = new Map<string, Call>()
  readonly #programs = new Map<string, CompiledProgram[]>()

  constructor(runtime: Runtime, layers: readonly Layer[], options: CallOptions) {
    this.#runtime = runtime
    this.#layers = layers
    this.#options = options
  }

  stateNames(): string[] {
    return [...this.#layers[0]!.sized.states.keys()]
  }

  stateShape(name: string, batch: number): Shape {
    const columns = this.#layers[0]!.sized.states.get(name)!
    return this.#options.layered ? [this.#layers.length, batch, columns] : [batch, columns]
  }

  call(mode: Mode, shape: CallShape): Call {
    const key = `${mode} ${shape.leading.join(' ')}`
    let call = this.#calls.get(key)
    if (call === undefined) call = this.#makeCall(mode, shape)
    else this.#calls.delete(key) // to the end: the plan that was not used for longest goes first
    this.#calls.set(key, call)
    if (this.#calls.size > KEPT_PLANS) this.#forgetOldest(call)
    return call
  }

  #forgetOldest(current: Call): void {
    for (const [key, call] of this.#calls) {
      if (call === current) continue
      this.#calls.delete(key)
      return disposeCall(call)
    }
  }

  #makeCall(mode: Mode, { steps, batch, leading }: CallShape): Call {
    const programs = this.#forwardPrograms(mode)
    const units = this.#layers.map((layer, i) => this.#forwardUnit(layer, programs[i]!, batch))
    const who = `${this.#options.who}: the workspace for T = ${steps}, B = ${batch}`
    const plan = new Plan(this.#runtime, units, { steps, batch, reversed: false, who })
    const top = this.#layers.at(-1)!.graph.outputs[0]!
    const outputAddress = plan.entry(units.length - 1, top).base
    const swapped = this.#options.batchFirst && steps > 1 && batch > 1
    const bytes = this.#runtime.elementBytes
    const area = new Area()
    const stateOffsets =
      mode === 'step' ? [] : this.stateNames().map((name) => area.take(sizeOf(this.stateShape(name, batch)) * bytes))
    const outputOffset = swapped ? area.take(steps * batch * top.columns * bytes) : 0
    const stagedOffsets = swapped
      ? [...this.#layers[0]!.sized.inputs.values()].map((n) => area.take(steps * batch * n * bytes))
      : []
    const extra = this.#allocateBeside(plan, area.bytes, who)
    const tensor = (offset: number, axes: Shape) =>
      new Tensor(this.#runtime, extra, extra.address + offset, axes, 'float')
    const outputShape = [...leading, top.columns]
    const output = swapped
      ? tensor(outputOffset, outputShape)
      : new Tensor(this.#runtime, plan.storage, outputAddress, outputShape, 'float')
    const names = this.stateNames()
    const state =
      stateOffsets.length === 0
        ? undefined
        : Object.fromEntries(names.map((name, i) => [name, tensor(stateOffsets[i]!, this.stateShape(name, batch))]))
    const staged = new Map(
      stagedOffsets.map((offset, i) => [[...this.#layers[0]!.sized.inputs.keys()][i]!, extra.address + offset]),
    )
    const result = state === undefined ? { output } : { output, state }
    return { mode, plan, extra, copies: [], staged, output, outputAddress, state, result, backward: new Map() }
  }

  /** A second allocation for a plan; if it does not fit, the plan is given back too. */
  #allocateBeside(plan: Plan, bytes: number, who: string): Allocation {
    try {
      return this.#runtime.heap.allocateZeros(bytes, who)
    } catch (error) {
      plan.dispose()
      throw error
    }
  }

  #forwardUnit(layer: Layer, program: CompiledProgram, batch: number): PlanUnit {
    return {
      program,
      invariants: layer.invariants,
      outside: (value, previous) => this.#leafEntry(layer, value, batch, previous),
      gradient: () => fail('internal', 'a forward program has no gradients'),
    }
  }

  /** A parameter's address, the output of the layer before, or an input that each call points anew. */
  #leafEntry(layer: Layer, value: Value, batch: number, previous: Entry | undefined): Entry {
    if (value.node.op === 'param')
      return { base: layer.params.get(value.node.name)!.value.address, stride: 0, kind: KIND.TIMED }
    return previous ?? { base: 0, stride: batch * value.columns * this.#runtime.elementBytes, kind: KIND.TIMED }
  }

  /** `frozen`: public names of parameters that get no gradients. */
  backwardCall(call: Call, inputGradient: boolean, frozen: ReadonlySet<string>): BackwardCall {
    const kind = `backward ${inputGradient} ${[...frozen].sort().join(' ')}`
    let backward = call.backward.get(kind)
    if (backward === undefined) {
      const programs = this.#backwardPrograms(kind, inputGradient, frozen)
      call.backward.set(kind, (backward = this.#makeBackward(call, kind, inputGradient, programs)))
    }
    return backward
  }

  #makeBackward(call: Call, kind: string, inputGradient: boolean, programs: readonly CompiledProgram[]): BackwardCall {
    const { steps, batch } = call.plan
    const bytes = this.#runtime.elementBytes
    const order = this.#layers.map((_, i) => this.#layers.length - 1 - i)
    const units = order.map((i) => this.#backwardUnit(call, i, programs[i]!))
    const who = `${this.#options.who}: the backward workspace for T = ${steps}, B = ${batch}`
    const plan = new Plan(this.#runtime, units, { steps, batch, reversed: true, who })
    const swapped = this.#options.batchFirst && steps > 1 && batch > 1
    const area = new Area()
    const outputBytes = call.output.size * bytes
    const zeros = area.take(outputBytes)
    const stagedOutput = swapped ? area.take(outputBytes) : 0
    const stateOffsets = this.stateNames().map((name) => area.take(sizeOf(this.stateShape(name, batch)) * bytes))
    const inputs = inputGradient ? [...this.#layers[0]!.sized.inputs] : []
    const inputOffsets = inputs.map(([, columns]) => (swapped ? area.take(steps * batch * columns * bytes) : 0))
    const extra = this.#allocateBeside(plan, area.bytes, who)
    const { graph } = programs[0]!
    const leading = call.output.shape.slice(0, -1)
    const tensors = inputs.map(([name, columns], i): [string, Tensor] => {
      const source = swapped
        ? { storage: extra, address: extra.address + inputOffsets[i]! }
        : { storage: plan.storage, address: plan.entry(units.length - 1, graph.outputs[i]!).base }
      return [name, new Tensor(this.#runtime, source.storage, source.address, [...leading, columns], 'float')]
    })
    const states = this.stateNames().map((name, i): [string, Tensor] => [
      name,
      new Tensor(this.#runtime, extra, extra.address + stateOffsets[i]!, this.stateShape(name, batch), 'float'),
    ])
    const input = tensors.length === 1 ? tensors[0]![1] : Object.fromEntries(tensors)
    const state = states.length > 0 ? { state: Object.fromEntries(states) } : {}
    const result = { ...(inputGradient && { input }), ...state }
    return {
      kind,
      plan,
      programs,
      extra,
      copies: [],
      zeros: extra.address + zeros,
      stagedOutput: extra.address + stagedOutput,
      inputs: Object.fromEntries(tensors),
      result,
      withoutInput: state,
    }
  }

  #backwardUnit(call: Call, index: number, program: CompiledProgram): PlanUnit {
    const layer = this.#layers[index]!
    return {
      program,
      invariants: layer.invariants,
      gradient: (param) => layer.params.get(param)!.grad.address,
      outside: (value, previous) => {
        if (value.node.op === 'param') return this.#leafEntry(layer, value, call.plan.batch, undefined)
        if (program.graph.inputs.includes(value)) return this.#leafEntry(layer, value, call.plan.batch, previous)
        return layer.invariants.entry(value) ?? call.plan.entry(index, value)
      },
    }
  }

  /** The compiled programs of all layers for one kind of call, in the order in which they run. */
  #program(kind: string, make: (layer: Layer, index: number) => CompiledProgram): CompiledProgram[] {
    let programs = this.#programs.get(kind)
    if (programs === undefined) this.#programs.set(kind, (programs = this.#layers.map(make)))
    return programs
  }

  #forwardPrograms(mode: Mode): CompiledProgram[] {
    const tiles = this.#runtime.core.CHAIN_TILES.value
    const last = this.#layers.length - 1
    if (mode !== 'tape') {
      return this.#program('plain', ({ graph }, i) => compile(graph, { outputsTimed: i === last, tiles }))
    }
    return this.#program('tape', (layer) =>
      compile(layer.graph, { outputsTimed: true, saved: savedValues(layer), tiles }),
    )
  }

  #backwardPrograms(kind: string, inputGradient: boolean, frozen: ReadonlySet<string>): CompiledProgram[] {
    const tiles = this.#runtime.core.CHAIN_TILES.value
    return this.#program(kind, (layer, i) => {
      const primal = primalValues(layer)
      const isWhole = frozen.size === 0 && (inputGradient || i > 0)
      const params = [...layer.params].filter(([, { name }]) => !frozen.has(name)).map(([param]) => param)
      const graph = isWhole
        ? adjointOf(layer)
        : adjoint(layer.graph, { params, ...(inputGradient || i > 0 ? {} : { inputs: [] }) })
      return compile(graph, { outputsTimed: i === 0, given: (value) => primal.has(value) && isTaped(value), tiles })
    })
  }

  owns(storage: Allocation): boolean {
    const parts = [...this.#calls.values()].flatMap((call) => [call, ...call.backward.values()])
    return parts.some((part) => isPart(part, storage))
  }

  dispose(): void {
    for (const call of this.#calls.values()) disposeCall(call)
    this.#calls.clear()
  }
}

/** Offsets in an allocation to come, whole cache lines each. */
class Area {
  bytes = 0

  take(bytes: number): number {
    const offset = this.bytes
    this.bytes += Math.ceil(bytes / 64) * 64
    return offset
  }
}

function disposeCall(call: Call): void {
  for (const { plan, extra, copies } of [call, ...call.backward.values()]) {
    plan.dispose()
    extra.dispose()
    for (const copy of copies) copy.dispose()
  }
}

const isPart = ({ plan, extra }: Call | BackwardCall, storage: Allocation): boolean =>
  plan.storage === storage || extra === storage

/**
 * A result of the call that is about to run, handed in again, is copied first: the call writes where it lies. The copy's memory
 * is the call's own, made when first needed.
 */
export function outside(call: Call | BackwardCall, index: number, tensor: Tensor): Tensor {
  if (!isPart(call, tensor.storage)) return tensor
  const copy = (call.copies[index] ??= tensor.runtime.emptyTensor(tensor.shape))
  tensor.runtime.core.copyBytes(copy.address, tensor.address, tensor.size * tensor.runtime.elementBytes)
  return copy
}
