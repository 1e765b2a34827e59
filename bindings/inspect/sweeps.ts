/** A parameter's gradient taken apart by the state transitions on its paths: sweep after sweep over all steps at once. */
import type { StepGraph } from '../program/graph.ts'
import type { Value } from '../program/operation.ts'
import { copy } from '../program/ops/elementwise.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Layer } from '../unroll/layer.ts'
import { pointOutputGradient } from '../unroll/pointing.ts'
import { parameterEntry } from '../unroll/stack.ts'
import { byParameters, inspectedAdjoint, perLayer } from './adjoints.ts'
import type { PlannedBackward, Recording } from './recording.ts'
import { type Carry, Ring } from './ring.ts'
import { normAt } from './tensors.ts'

export interface GradientParts {
  /** [maxLag + 1, …shape of the parameter]: part d is what paths of lag d bring. Belongs to the caller. */
  readonly gradients: Tensor
  /** The norm of each part. */
  readonly norms: Float64Array
  /** The cosine of each part with the whole gradient; 0 where one of them is 0. */
  readonly cosines: Float64Array
}

/** The adjoint with its carries cut open: what arrives is an input, what is sent an output. So a step reads no other step. */
interface SweepGraph {
  readonly graph: StepGraph
  readonly carries: readonly Carry[]
}

const sweepGraph = perLayer((layer): SweepGraph => {
  const whole = inspectedAdjoint(layer)
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
})

/** Sweep d sends every gradient of lag d one transition further, all steps at once. */
export class Sweeps {
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
      gradient: () => parameterEntry(this.#scratch),
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
    const { runtime } = this.#recording.module
    const whole = this.#whole()
    const { size } = whole
    const place = (part: number) => gradients.address + part * size * runtime.elementBytes
    const wholeNorm = normAt(runtime, size, whole.address)
    const norms = Float64Array.from({ length: parts }, (_, i) => normAt(runtime, size, place(i)))
    const cosines = norms.map((norm, i) => {
      return norm * wholeNorm === 0 ? 0 : runtime.core.dot(size, place(i), whole.address) / (norm * wholeNorm)
    })
    whole.dispose()
    return { norms, cosines }
  }

  #whole(): Tensor {
    const whole = this.#recording.module.runtime.emptyTensor(this.#shape)
    const gradient = () => parameterEntry(whole)
    return this.#recording.runBackward({ ...byParameters([this.#name]), gradient }, () => whole)
  }
}
