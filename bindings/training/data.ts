/** Data sets of samples: checked once, then cut into batches. */
import { Module } from '../nn/module.ts'
import { describeValue, expectOptions, expectTensor, fail, shapeText } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { Gatherer, Order, type Samples, sampleAxis } from './batches.ts'

export interface FitData {
  /** [T, N, F] ([N, T, F] for a batchFirst model), [N, F] for a model without time, or ids [T, N]. */
  input: Tensor
  /** What the loss compares with: samples along the same axis, or along the first where it has no time. */
  target: Tensor
  /** For the loss: 0 leaves an element out. */
  mask?: Tensor
}

export interface Batch {
  readonly input: Tensor
  readonly target: Tensor
  readonly mask: Tensor | undefined
  readonly count: number
}

/** The axis along which a model's samples lie, and how many there are. */
export function inputSamples(who: string, model: Module, input: Tensor): Samples & { count: number } {
  if (!(model instanceof Module)) fail('type', `${who}: model is ${describeValue(model)}; expected a module`)
  expectAnyTensor(who, 'input', input, model)
  // ids have no columns
  const axes = input.kind === 'int32' ? 2 : 3
  const axis = model.batchFirst === true || input.shape.length < axes ? 0 : 1
  const count = input.shape[axis]!
  if (!(count > 0)) fail('shape', `${who}: input is ${shapeText(input.shape)}; expected at least one sample`)
  return { tensor: input, axis, count }
}

function expectAnyTensor(who: string, name: string, value: Tensor, model: Module): void {
  if (!(value && typeof value === 'object'))
    fail('type', `${who}: ${name} is ${describeValue(value)}; expected a tensor`)
  expectTensor(who, name, value, model.runtime, value.kind)
}

/** Input, target and mask, whose batches come in the order that `shuffle` or nothing sets. */
export class DataSet {
  readonly count: number
  readonly #order: Order
  readonly #input: Gatherer
  readonly #target: Gatherer
  readonly #mask: Gatherer | undefined

  constructor(who: string, model: Module, data: FitData, seed: number) {
    expectOptions(`${who}: data`, data, ['input', 'target', 'mask'])
    const { count, ...input } = inputSamples(who, model, data.input)
    expectAnyTensor(who, 'data.target', data.target, model)
    if (data.mask) expectTensor(who, 'data.mask', data.mask, model.runtime)
    const steps = input.axis === 1 ? data.input.shape[0]! : Number.NaN
    const along = (name: string, tensor: Tensor): Samples => ({
      tensor,
      axis: sampleAxis(who, name, tensor.shape, count, model.batchFirst === true, steps),
    })
    this.count = count
    this.#input = new Gatherer(input)
    this.#target = new Gatherer(along('data.target', data.target))
    this.#mask = data.mask && new Gatherer(along('data.mask', data.mask))
    this.#order = new Order(model.runtime, count, seed)
  }

  /** Another random order, a function of the seed and the epoch. */
  shuffle(epoch: number): void {
    this.#order.shuffle(epoch)
  }

  /** Samples [first, first + count) of the order; the tensors are overwritten by the next batch of the same size. */
  batch(first: number, count: number): Batch {
    const indices = this.#order.from(first)
    return {
      input: this.#input.gather(indices, count),
      target: this.#target.gather(indices, count),
      mask: this.#mask?.gather(indices, count),
      count,
    }
  }

  dispose(): void {
    for (const part of [this.#order, this.#input, this.#target, this.#mask]) part?.dispose()
  }
}
