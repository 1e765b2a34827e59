import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import { adjoint } from '../program/adjoint.ts'
import { KIND } from '../program/format.ts'
import type { StepGraph, Value } from '../program/graph.ts'
import { copy } from '../program/ops/elementwise.ts'
import { describeValue, fail } from '../runtime/check.ts'
import type { Allocation } from '../runtime/heap.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { type BackwardCall, pointOutputGradient } from '../unroll/backward-call.ts'
import type { Layer } from '../unroll/layer.ts'
import { adjointByParameters, chosen } from './instances.ts'
import { type InspectOptions, type PlannedBackward, Recording, expectInspected, expectOutput } from './recording.ts'

export interface LagOptions extends InspectOptions {
  /** The parameter's name. */
  parameter: string
  /** The greatest lag that is told apart; all if left out. Each costs about one backward. */
  maxLag?: number
}

export interface HopOptions extends InspectOptions {
  parameter: string
  /** The greatest number of hops that is told apart; T - 1 if left out. */
  maxHops?: number
}

export interface GradientParts {
  /** [maxLag + 1, …shape of the parameter]: part d is what paths of lag d bring. Belongs to the caller. */
  readonly gradients: Tensor
  /** The norm of each part. */
  readonly norms: Float64Array
  /** The cosine of each part with the whole gradient; 0 where one of them is 0. */
  readonly cosines: Float64Array
}

/**
 * A parameter's gradient by lag: part d comes by the paths that make d state transitions between the step where a gradient enters
 * and the step where the parameter is used. All parts together are the gradient.
 */
export function gradientByLag(module: Module, input: Input, options: LagOptions): GradientParts {
  return partsOf('gradientByLag', module, input, options, 'maxLag', false)
}

/** The same by hops: state edges on a path, each of them one, however many steps it spans. */
export function gradientByHops(module: Module, input: Input, options: HopOptions): GradientParts {
  return partsOf('gradientByHops', module, input, options, 'maxHops', true)
}

function partsOf(
  who: string,
  module: Module,
  input: Input,
  options: LagOptions & HopOptions,
  limit: 'maxLag' | 'maxHops',
  byHops: boolean,
): GradientParts {
  const net = expectInspected(who, module, options, ['parameter', limit])
  expectOutput(who, options)
  if (options.parameter === undefined) fail('option', `${who}: parameter is missing; expected a parameter's name`)
  const [name] = chosen(who, net, options.parameter)
  const wanted = expectLimit(who, limit, options[limit])
  const recording = new Recording(who, net, input, options)
  try {
    return new Sweeps(recording, name!, byHops).measure(Math.min(wanted, longestPath(recording)) + 1)
  } finally {
    recording.dispose()
  }
}

function expectLimit(who: string, name: string, limit: unknown): number {
  if (limit === undefined) return Infinity
  if (Number.isSafeInteger(limit) && (limit as number) >= 0) return limit as number
  return fail('option', `${who}: ${name} is ${describeValue(limit)}; expected a whole number >= 0`)
}

/** In one direction a path only goes on in time; with two, each layer may send it from one end to the other. */
function longestPath({ steps, stack: { layers, directions } }: Recording): number {
  return (directions === 2 ? layers.length / 2 : 1) * (steps - 1)
}

const sweepGraphs = new WeakMap<Layer, SweepGraph>()

/** The adjoint with its carries cut open: what arrives is an input, what is sent an output. So a step reads no other step. */
interface SweepGraph {
  readonly graph: StepGraph
  readonly carries: readonly { lag: number; columns: number; arriving: Value; sent: Value }[]
}

function sweepGraph(layer: Layer): SweepGraph {
  let sweep = sweepGraphs.get(layer)
  if (sweep === undefined) sweepGraphs.set(layer, (sweep = makeSweepGraph(layer)))
  return sweep
}

function makeSweepGraph(layer: Layer): SweepGraph {
  const whole = adjoint(layer.graph, layer.depth === 0 ? { inputs: [] } : {})
  const carries = whole.states.map((carry) => {
    const [[lag, arriving]] = [...carry.reads] as [[number, Value]]
    return { lag, columns: carry.columns, arriving, sent: copy(carry.next) }
  })
  return {
    carries,
    graph: {
      ...whole,
      states: [],
      inputs: [...whole.inputs, ...carries.map(({ arriving }) => arriving)],
      outputs: [...whole.outputs, ...carries.map(({ sent }) => sent)],
    },
  }
}

/** Sweep d sends every gradient of lag d one transition further, all steps at once. */
class Sweeps {
  readonly #recording: Recording
  readonly #name: string
  readonly #byHops: boolean
  readonly #backward: PlannedBackward
  readonly #scratch: Tensor
  /** By carry: what the last sweeps sent, a ring of them, each with zeros past both ends of time. */
  readonly #rings: readonly Ring[]

  constructor(recording: Recording, name: string, byHops: boolean) {
    this.#recording = recording
    this.#name = name
    this.#byHops = byHops
    const { stack, module } = recording
    this.#scratch = module.runtime.emptyTensor(this.#shape)
    this.#backward = recording.backward({
      kind: `sweep ${name}`,
      make: (layer) => ({ graph: this.#only(layer) }),
      outputs: 'timed',
      gradient: () => ({ base: this.#scratch.address, stride: 0, kind: KIND.TIMED }),
    })
    this.#rings = stack.layers.flatMap((layer, index) =>
      sweepGraph(layer).carries.map((carry) => new Ring(recording, index, carry, byHops)),
    )
  }

  measure(parts: number): GradientParts {
    const { module } = this.#recording
    const gradients = module.runtime.emptyTensor([parts, ...this.#shape])
    try {
      for (let part = 0; part < parts; part++) this.#sweep(part, gradients)
      return { gradients, ...this.#compare(gradients, parts) }
    } finally {
      for (const ring of this.#rings) ring.dispose()
      this.#backward.dispose()
      this.#scratch.dispose()
    }
  }

  get #shape(): readonly number[] {
    return this.#recording.module.parameters().find(({ name }) => name === this.#name)!.value.shape
  }

  /** A layer's sweep with no other gradient than the parameter's. */
  #only(layer: Layer): StepGraph {
    const { graph } = sweepGraph(layer)
    return { ...graph, gradients: graph.gradients.filter(({ param }) => layer.params.get(param)!.name === this.#name) }
  }

  #sweep(part: number, gradients: Tensor): void {
    const { stack, data, module } = this.#recording
    const { plan, order } = this.#backward.call
    const { core, elementBytes } = module.runtime
    if (part === 1) pointOutputGradient(stack, data.call, this.#backward.call, undefined)
    for (const ring of this.#rings) ring.point(plan, order.indexOf(ring.layer), part, this.#byHops)
    const bytes = this.#scratch.size * elementBytes
    core.zeroBytes(this.#scratch.address, bytes)
    this.#backward.run()
    for (const ring of this.#rings) ring.close(part)
    core.copyBytes(gradients.address + part * bytes, this.#scratch.address, bytes)
  }

  /** Norms, and cosines with the gradient that a plain backward gives. */
  #compare(gradients: Tensor, parts: number): { norms: Float64Array; cosines: Float64Array } {
    const { core, elementBytes } = this.#recording.module.runtime
    const whole = this.#whole()
    const { size } = whole
    const place = (part: number) => gradients.address + part * size * elementBytes
    const wholeNorm = core.squareRoot(core.dot(size, whole.address, whole.address))
    const norms = Float64Array.from({ length: parts }, (_, i) => core.squareRoot(core.dot(size, place(i), place(i))))
    const cosines = norms.map((norm, i) => {
      return norm * wholeNorm === 0 ? 0 : core.dot(size, place(i), whole.address) / (norm * wholeNorm)
    })
    whole.dispose()
    return { norms, cosines }
  }

  #whole(): Tensor {
    const whole = this.#recording.module.runtime.emptyTensor(this.#shape)
    const backward = this.#recording.backward({
      kind: `whole ${this.#name}`,
      make: (layer) => ({ graph: adjointByParameters(layer, (name) => name === this.#name) }),
      outputs: 'chunk',
      gradient: () => ({ base: whole.address, stride: 0, kind: KIND.TIMED }),
    })
    backward.run()
    backward.dispose()
    return whole
  }
}

/** What one carry sent in the last sweeps: [sweeps][lag + T + lag steps] with zeros where there is no step. */
class Ring {
  readonly layer: number
  readonly #carry: SweepGraph['carries'][number]
  readonly #reversed: boolean
  readonly #recording: Recording
  readonly #slots: number
  readonly #stride: number
  readonly #bytes: number
  readonly #memory: Allocation

  constructor(recording: Recording, layer: number, carry: SweepGraph['carries'][number], byHops: boolean) {
    const { steps, batch, module, stack } = recording
    this.layer = layer
    this.#carry = carry
    this.#recording = recording
    this.#reversed = stack.layers[layer]!.reversed
    this.#slots = (byHops ? 1 : carry.lag) + 1
    this.#stride = batch * carry.columns * module.runtime.elementBytes
    this.#bytes = (steps + 2 * carry.lag) * this.#stride
    this.#memory = module.runtime.heap.allocateZeros(this.#slots * this.#bytes, 'gradients on their way')
  }

  /** What arrives at step t was sent at step t + lag (t - lag in a reverse direction), `lag` sweeps ago (one, counted by hops). */
  point(plan: BackwardCall['plan'], unit: number, sweep: number, byHops: boolean): void {
    const { lag, arriving, sent } = this.#carry
    const ago = byHops ? 1 : lag
    const at = (index: number) => this.#memory.address + (index % this.#slots) * this.#bytes + lag * this.#stride
    // a ring not yet filled holds zeros
    plan.point(unit, arriving, at(sweep + this.#slots - ago) + (this.#reversed ? -lag : lag) * this.#stride)
    plan.point(unit, sent, at(sweep))
  }

  /** Ends the ways of a sweep: a reverse direction starts at each sample's own end, and what is sent there goes to the initial state. */
  close(sweep: number): void {
    const { steps, batch, module, data } = this.#recording
    if (!this.#reversed || data.call.lengths === 0) return
    const row = this.#stride / batch
    const zeros = this.#memory.address
    const slot = zeros + (sweep % this.#slots) * this.#bytes + this.#carry.lag * this.#stride
    const lengths = module.runtime.heap.words.slice(data.call.lengths >>> 2, (data.call.lengths >>> 2) + batch)
    for (const [sample, length] of lengths.entries()) {
      const from = Math.max(0, length - this.#carry.lag)
      const place = slot + from * this.#stride + sample * row
      module.runtime.core.copyRows(steps - from, row, zeros, 0, place, this.#stride)
    }
  }

  dispose(): void {
    this.#memory.dispose()
  }
}
