/** Fit with truncation beside a loop that takes every window by hand. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Module,
  type SGD,
  type State,
  type Tensor,
  clipGradNorm,
  createRuntime,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { numbers } from '../support/nets.ts'
import { N, T, drawSeries, makeModel, optimizerOf, optionsOf } from '../support/series.ts'

const rt = await createRuntime({ variant: 'simd', seed: 3 })
const make = (batchFirst?: boolean) => makeModel(rt, batchFirst)
const { input, target } = drawSeries(rt)
const LENGTHS = [20, 9, 0]

/** Steps [from, to) of [T, N, F], of the samples in this order. */
function slice({ data, shape }: Tensor, from: number, to: number, samples: readonly number[]): Tensor {
  const [, all, F] = shape as [number, number, number]
  const values: number[] = []
  for (let t = from; t < to; t++)
    for (const n of samples) for (let i = 0; i < F; i++) values.push(data[(t * all + n) * F + i]!)
  return rt.tensor(values, [to - from, samples.length, F])
}

/** [T, N, F] ↔ [N, T, F]. */
function swapped({ data, shape }: Tensor): Tensor {
  const [first, second, F] = shape as [number, number, number]
  const at = (i: number) => data[((Math.floor(i / F) % first) * second + Math.floor(i / F / first)) * F + (i % F)]!
  return rt.tensor(
    Array.from({ length: data.length }, (_, i) => at(i)),
    [second, first, F],
  )
}

const cloned = (state: State | undefined): State =>
  (state as State[]).map(
    (entry) =>
      entry && Object.fromEntries(Object.entries(entry as Record<string, Tensor>).map(([k, v]) => [k, v.clone()])),
  )

interface Hand {
  readonly stride: number
  readonly window: number
  readonly lengths?: readonly number[]
  readonly samples?: readonly number[]
}

/** One epoch by hand: every state that a window starts from is looked up by its step. */
function byHand(model: Module, optimizer: SGD, { stride, window, lengths, samples = [0, 1, 2] }: Hand): number[] {
  const states = new Map<number, State | undefined>([[0, undefined]])
  const losses: number[] = []
  const own = lengths && samples.map((n) => lengths[n]!)
  const within = (from: number, to: number) => own?.map((length) => Math.max(0, Math.min(length, to) - from))
  const end = own ? Math.max(...own) : T
  for (let block = 0; block * stride < end; block++) {
    const [first, nominal] = [block * stride, (block + 1) * stride]
    const [from, to] = [Math.max(0, nominal - window), Math.min(nominal, T)]
    const state = states.get(from)
    const run = (until: number) =>
      model.forward(slice(input, from, until, samples), {
        ...(state && { state }),
        ...(own && { lengths: within(from, until)! }),
      })
    const keep = nominal - (window % stride)
    if (keep < to) states.set(keep, cloned(run(keep).state))
    const { output, state: final } = run(to)
    if (keep === to) states.set(keep, cloned(final))
    const all = samples.map((_, i) => i)
    const prediction = slice(output, first - from, to - from, all)
    const mask = own && rt.tensor(
      Array.from({ length: (to - first) * own.length }, (_, i) =>
        Number(first + Math.floor(i / own.length) < own[i % own.length]!),
      ),
      [to - first, own.length],
    ) // prettier-ignore
    const { value, grad } = mseLoss(prediction, slice(target, first, to, samples), mask ? { mask } : {})
    const dOutput = rt.tensor(new Float32Array(output.size), output.shape)
    dOutput.data.set(grad.data, output.size - grad.size)
    model.zeroGrad()
    model.backward({ output: dOutput })
    clipGradNorm(model, 0.5)
    optimizer.step()
    losses.push(value)
  }
  return losses
}

const hand = suite('fit with truncation takes the steps of a loop by hand')

for (const [stride, window] of [
  [5, 5],
  [1, 1],
  [4, 8],
  [2, 6],
  [1, 4],
  [3, 7], // windows that start inside a block
  [4, 5],
  [5, 9],
  [10, 22],
  [23, 23],
] as const) {
  for (const lengths of [undefined, LENGTHS]) {
    for (const batchFirst of [false, true]) {
      const title = `stride ${stride}, window ${window}${lengths ? ', lengths' : ''}${batchFirst ? ', batch first' : ''}`
      hand(`to the bit: ${title}`, async () => {
        const [fitted, own] = [make(batchFirst), make()]
        const ordered = batchFirst ? { input: swapped(input), target: swapped(target) } : { input, target }
        const seen: number[] = []
        const { steps } = await fit(fitted, [{ ...ordered, ...(lengths && { lengths }) }], {
          ...optionsOf(fitted),
          epochs: 2,
          truncation: { window, stride },
          onProgress: ({ loss }) => seen.push(loss),
        })
        const optimizer = optimizerOf(own)
        const hands = { stride, window, ...(lengths && { lengths }) }
        const expected = [...byHand(own, optimizer, hands), ...byHand(own, optimizer, hands)]
        // with the batch first a loss adds up its elements in another order
        if (batchFirst) closeTo(seen, expected)
        else assert.equal(seen, expected)
        if (batchFirst) closeTo(weightsOf(fitted), weightsOf(own))
        else assert.equal(fitted.stateDict(), own.stateDict())
        assert.is(steps, expected.length)
      })
    }
  }
}

const weightsOf = (model: Module) => model.parameters().flatMap(({ value }) => numbers(value))

/** Losses and weights of magnitude 1 after up to 46 updates, each of a gradient within 2^-17 of its size (T·N terms of 2^-24). */
function closeTo(values: readonly number[], expected: readonly number[]): void {
  assert.is(values.length, expected.length)
  for (const [i, value] of values.entries())
    assert.ok(Math.abs(value - expected[i]!) < 46 * 2 ** -17, `${i}: ${value} for ${expected[i]}`)
}

hand('batches of series in a random order, time kept', async () => {
  for (const batchFirst of [false, true]) {
    const [fitted, own] = [make(batchFirst), make(batchFirst)]
    const data = batchFirst ? { input: swapped(input), target: swapped(target) } : { input, target }
    const truncation = { window: 7, stride: 3 }
    await fit(
      fitted,
      { ...data, lengths: [20, 9, 4] },
      { ...optionsOf(fitted), batchSize: 2, seed: 9, epochs: 2, truncation },
    )
    const indices = rt.indices(new Int32Array(N))
    const batches = (epoch: number) => {
      indices.data.set([0, 1, 2])
      rt.core.shuffle(N, 9, 0, epoch, 0x7f17, indices.address)
      const order = numbers(indices)
      return [order.slice(0, 2), order.slice(2)].map((samples) => {
        const [x, y] = [slice(input, 0, T, samples), slice(target, 0, T, samples)]
        const lengths = samples.map((n) => [20, 9, 4][n]!)
        return batchFirst ? { input: swapped(x), target: swapped(y), lengths } : { input: x, target: y, lengths }
      })
    }
    await fit(own, batches, { ...optionsOf(own), epochs: 2, truncation })
    assert.equal(fitted.stateDict(), own.stateDict())
  }
})
hand.run()
