/** Samples of a data set, or all of a batch of the caller's own: what a model is run on. */
import type { State } from '../../module/state.ts'
import { fail } from '../../runtime/check.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import { type Axes, type SampleAxis, isPerStep, sampleAxis } from './axes.ts'
import type { Answers, Batch } from './batch.ts'
import type { FitData } from './fit-data.ts'
import { type Chosen, Gatherer } from './gatherer.ts'
import { LengthMask, lengthsWithin } from './length-mask.ts'
import { StateGatherer } from './state-gatherer.ts'
import { type Factor, MaskProduct } from './mask-product.ts'
import type { Span } from './steps.ts'

/** Of inputs alone a model's outputs can be told, but no answers. */
export type SampleData = Pick<FitData, 'input'> & Partial<FitData>

/** Where the parts of a selection are put together: one selection at a time. */
export class Tray {
  readonly input: Gatherer
  readonly target: Gatherer
  readonly mask: Gatherer
  readonly weight: Gatherer
  readonly states: StateGatherer
  readonly lengthMask: LengthMask
  readonly product: MaskProduct

  /** @param name what messages call the data */
  constructor(runtime: Runtime, name: string) {
    this.input = new Gatherer(runtime, `${name}.input`)
    this.target = new Gatherer(runtime, `${name}.target`)
    this.mask = new Gatherer(runtime, `${name}.mask`)
    this.weight = new Gatherer(runtime, `${name}.weight`)
    this.states = new StateGatherer(runtime, `${name}.state`)
    this.lengthMask = new LengthMask(runtime)
    this.product = new MaskProduct(runtime)
  }

  dispose(): void {
    const { input, target, mask, weight, states, lengthMask, product } = this
    for (const part of [input, target, mask, weight, states, lengthMask, product]) part.dispose()
  }
}

interface Which {
  /** All samples in their order if left out. */
  readonly chosen?: Chosen
  /** Of the chosen samples, in their order. */
  readonly lengths?: Int32Array | undefined
  /** All steps if left out. */
  readonly span?: Span
}

/** Nothing is put together before it is asked for. */
export class Selection implements Batch {
  readonly #tray: Tray
  readonly #data: SampleData
  readonly #axes: Axes
  readonly #which: Which

  /** @param axes of the data as a whole */
  constructor(tray: Tray, data: SampleData, axes: Axes, which: Which) {
    this.#tray = tray
    this.#data = data
    this.#axes = axes
    this.#which = which
  }

  get count(): number {
    return this.#which.chosen?.count ?? this.#axes.samples
  }

  get steps(): number | undefined {
    const { span } = this.#which
    return span ? span.to - span.from : this.#axes.steps
  }

  get axis(): SampleAxis {
    return this.#axes.axis
  }

  get input(): Tensor {
    const { chosen, span } = this.#which
    return this.#tray.input.gather(this.#data.input, this.axis, chosen, span)
  }

  get state(): State | undefined {
    const { state } = this.#data
    return state && this.#tray.states.gather(state, this.#which.chosen)
  }

  get lengths(): Int32Array | undefined {
    const { lengths, span } = this.#which
    return lengths && span ? lengthsWithin(lengths, span) : lengths
  }

  answersTo(output: Tensor): Answers {
    const { chosen, span } = this.#which
    const { target } = this.#data
    if (target === undefined) fail('type', 'a batch without a target has no answers')
    const axis = span ? this.axis : sampleAxis(target, this.#axes, output, false)
    const answer = this.#tray.target.gather(target, axis, chosen, span)
    return { target: answer, mask: this.#tray.product.of(this.#factors(target, output), output, this.axis) }
  }

  during(span: Span): Batch {
    return new Selection(this.#tray, this.#data, this.#axes, { ...this.#which, span })
  }

  /** What weighs the loss's terms; lengths first, for a mask is not read behind them. */
  #factors(target: Tensor, output: Tensor): Factor[] {
    const { lengths, steps, axis } = this
    const factors: Factor[] = []
    if (lengths && (this.#which.span || isPerStep(target, this.#axes, output, false)))
      factors.push({ name: 'lengths', tensor: this.#tray.lengthMask.of(lengths, steps!, axis) })
    for (const name of ['mask', 'weight'] as const) {
      const { [name]: given } = this.#data
      if (given) factors.push({ name: this.#tray[name].name, tensor: this.#weights(this.#tray[name], given, output) })
    }
    return factors
  }

  #weights(gatherer: Gatherer, weights: Tensor, output: Tensor): Tensor {
    const { chosen, span } = this.#which
    if (weights.shape.length === 1) return gatherer.gather(weights, 0, chosen)
    return gatherer.gather(weights, span ? this.axis : sampleAxis(weights, this.#axes, output, true), chosen, span)
  }
}
