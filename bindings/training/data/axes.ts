/**
 * Where samples lie. Ranks decide, never sizes alone: with as many steps as samples, [5, 5, 1] is per step and [5, 1] per sample.
 */
import type { Module } from '../../module/module.ts'
import { describeValue, expectTensor, fail, shapeText } from '../../runtime/check.ts'
import type { Shape, Tensor } from '../../runtime/tensor.ts'

/** The axis of samples: 1 where time is first, 0 where it comes after them. */
export type SampleAxis = 0 | 1

/** What an input's shape says about all that belongs to it. */
export interface Axes {
  /** Undefined for an input without time. */
  readonly steps: number | undefined
  readonly samples: number
  /** That of the input's samples. */
  readonly axis: SampleAxis
}

/** A tensor's least rank where it has a row for every step: ids and masks are [T, N], other targets [T, N, F]. */
const rankPerStep = (tensor: Tensor, isMask: boolean): number => (isMask || tensor.kind === 'int32' ? 2 : 3)

/** The axes of an input: [T, N, F] ([N, T, F] for a batchFirst model), [N, F] for a model without time, or ids [T, N]. */
export function axesOf(who: string, name: string, model: Module, input: Tensor): Axes {
  expectAnyTensor(who, name, input, model)
  // ids have no columns
  const hasTime = input.shape.length >= (input.kind === 'int32' ? 2 : 3)
  const axis = model.batchFirst === true || !hasTime ? 0 : 1
  const samples = input.shape[axis]!
  if (!(samples > 0)) fail('shape', `${who}: ${name} is ${shapeText(input.shape)}; expected at least one sample`)
  return { steps: hasTime ? input.shape[1 - axis] : undefined, samples, axis }
}

export function expectAnyTensor(who: string, name: string, value: Tensor, model: Module): void {
  if (!(value && typeof value === 'object'))
    fail('type', `${who}: ${name} is ${describeValue(value)}; expected a tensor`)
  expectTensor(who, name, value, model.runtime, value.kind)
}

/** Refuses a target or mask that has neither a row per step and sample nor one per sample. */
export function expectSamples(who: string, name: string, tensor: Tensor, axes: Axes, isMask: boolean): void {
  const { samples } = axes
  if (tensor.shape[0] === samples || fitsSteps(tensor, axes, isMask)) return
  const columns = rankPerStep(tensor, isMask) > 2 ? ['F'] : []
  const perStep = shapeText([...leadingOf(axes), ...columns])
  const perSample = shapeText([samples, ...columns])
  const forms =
    axes.steps === undefined
      ? ' along its first axis'
      : `: ${perStep} for an output with time, ${perSample} for one without`
  fail('shape', `${who}: ${name} is ${shapeText(tensor.shape)}; expected ${samples} samples${forms}`)
}

/** Refuses an input, target or mask that cannot be gone through a few steps at a time. */
export function expectEveryStep(who: string, name: string, tensor: Tensor, axes: Axes, isMask: boolean): void {
  if (axes.steps === undefined)
    fail('shape', `${who}: truncation is given; ${name} belongs to an input without a time axis`)
  if (fitsSteps(tensor, axes, isMask)) return
  const columns = rankPerStep(tensor, isMask) > 2 ? ['F'] : []
  const expected = `truncation expected a row for every step, ${shapeText([...leadingOf(axes), ...columns])}`
  fail('shape', `${who}: ${name} is ${shapeText(tensor.shape)}; ${expected}`)
}

/** Does a target or mask have a row for every step of the model's output? Only where that has time: three axes. */
export function isPerStep(tensor: Tensor, axes: Axes, output: Tensor, isMask: boolean): boolean {
  return hasTime(output) && fitsSteps(tensor, axes, isMask)
}

/** The axis along which the samples of a target or mask lie, given what the model puts out. */
export function sampleAxis(tensor: Tensor, axes: Axes, output: Tensor, isMask: boolean): SampleAxis {
  const perStep = fitsSteps(tensor, axes, isMask) && (hasTime(output) || tensor.shape[0] !== axes.samples)
  return perStep ? axes.axis : 0
}

/** A model that drops time gives [N, F]. */
export const hasTime = (output: Tensor): boolean => output.shape.length >= 3

function fitsSteps(tensor: Tensor, axes: Axes, isMask: boolean): boolean {
  if (axes.steps === undefined || tensor.shape.length < rankPerStep(tensor, isMask)) return false
  const [first, second] = leadingOf(axes)
  return tensor.shape[0] === first && tensor.shape[1] === second
}

const leadingOf = ({ steps, samples, axis }: Axes): Shape => (axis === 1 ? [steps!, samples] : [samples, steps!])
