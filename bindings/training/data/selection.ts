/** Samples of a data set, or all of a batch of the caller's own: what a model is run on. */
import { fail } from '../../runtime/check.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Tensor } from '../../runtime/tensor.ts'
import { type Axes, type SampleAxis, isPerStep, sampleAxis } from './axes.ts'
import type { Answers, Batch } from './batch.ts'
import type { FitData } from './fit-data.ts'
import { type Chosen, Gatherer } from './gatherer.ts'
import { LengthMask, lengthsWithin } from './length-mask.ts'
import type { Span } from './steps.ts'

/** Of inputs alone a model's outputs can be told, but no answers. */
export type SampleData = Pick<FitData, 'input'> & Partial<FitData>

/** Where the parts of a selection are put together: one selection at a time. */
export class Tray {
  readonly input: Gatherer
  readonly target: Gatherer
  readonly mask: Gatherer
  readonly lengthMask: LengthMask

  constructor(runtime: Runtime) {
    this.input = new Gatherer(runtime)
    this.target = new Gatherer(runtime)
    this.mask = new Gatherer(runtime)
    this.lengthMask = new LengthMask(runtime)
  }

  dispose(): void {
    for (const part of [this.input, this.target, this.mask, this.lengthMask]) part.dispose()
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

  get lengths(): Int32Array | undefined {
    const { lengths, span } = this.#which
    return lengths && span ? lengthsWithin(lengths, span) : lengths
  }

  answersTo(output: Tensor): Answers {
    const { chosen, span } = this.#which
    const { target, mask } = this.#data
    if (target === undefined) fail('type', 'a batch without a target has no answers')
    const axes = this.#axes
    const axisOf = (tensor: Tensor, isMask: boolean) => (span ? axes.axis : sampleAxis(tensor, axes, output, isMask))
    const answer = this.#tray.target.gather(target, axisOf(target, false), chosen, span)
    if (mask) return { target: answer, mask: this.#tray.mask.gather(mask, axisOf(mask, true), chosen, span) }
    const { lengths, steps, axis } = this
    const masked = lengths && (span || isPerStep(target, axes, output, false))
    return { target: answer, mask: masked ? this.#tray.lengthMask.of(lengths, steps!, axis) : undefined }
  }

  during(span: Span): Batch {
    return new Selection(this.#tray, this.#data, this.#axes, { ...this.#which, span })
  }
}
