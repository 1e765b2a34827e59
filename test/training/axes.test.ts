import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  LastStep,
  Linear,
  type LossFunction,
  SGD,
  Sequential,
  type Tensor,
  createRuntime,
  fit,
} from '../../bindings/index.ts'
import { numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 4 })
/** As many steps as samples: no size tells one from the other. */
const N = 5
/** Element (i, j) is 10 i + j. */
const timeMajor = Array.from({ length: N * N }, (_, k) => 10 * Math.floor(k / N) + (k % N))
/** Element (i, j) is 10 j + i. */
const sampleMajor = Array.from({ length: N * N }, (_, k) => 10 * (k % N) + Math.floor(k / N))

interface Case {
  readonly title: string
  /** Does the model give its input's last step alone? */
  readonly drops: boolean
  readonly batchFirst?: boolean
  /** Elements are 10 · something + sample. */
  readonly target: Tensor
  readonly mask?: Tensor
  /** Where a batch's samples must lie in both. */
  readonly axis: 0 | 1
}

const CASES: Case[] = [
  { title: 'a target per step [T, N, F]', drops: false, target: rt.tensor(timeMajor, [N, N, 1]), axis: 1 },
  {
    title: 'a target and a mask per step [T, N, F]',
    drops: false,
    target: rt.tensor(timeMajor, [N, N, 1]),
    mask: rt.tensor(timeMajor, [N, N, 1]),
    axis: 1,
  },
  {
    title: 'ids and a mask per step [T, N]',
    drops: false,
    target: rt.indices(timeMajor, [N, N]),
    mask: rt.tensor(timeMajor, [N, N]),
    axis: 1,
  },
  { title: 'a target per sample [N, F]', drops: true, target: rt.tensor([0, 1, 2, 3, 4], [N, 1]), axis: 0 },
  {
    title: 'ids and a mask per sample [N]',
    drops: true,
    target: rt.indices([0, 1, 2, 3, 4]),
    mask: rt.tensor([0, 1, 2, 3, 4]),
    axis: 0,
  },
  {
    title: 'a target and a mask per sample, as many columns [N, N]',
    drops: true,
    target: rt.tensor(sampleMajor, [N, N]),
    mask: rt.tensor(sampleMajor, [N, N]),
    axis: 0,
  },
  {
    title: 'a target per sample of three axes [N, N, 1]',
    drops: true,
    target: rt.tensor(sampleMajor, [N, N, 1]),
    axis: 0,
  },
  {
    title: 'a target per sample beside an output with time [N, N]',
    drops: false,
    target: rt.tensor(sampleMajor, [N, N]),
    axis: 0,
  },
  {
    title: 'batch first: a target and a mask per step [N, T]',
    drops: true,
    batchFirst: true,
    target: rt.indices(sampleMajor, [N, N]),
    mask: rt.tensor(sampleMajor, [N, N]),
    axis: 0,
  },
]

/** Gives its input, or the last step's. */
function identity(drops: boolean, batchFirst: boolean): Sequential {
  const linear = new Linear(rt, { inFeatures: 1, outFeatures: 1 })
  linear.loadStateDict({ weight: { shape: [1, 1], data: [1] }, bias: { shape: [1], data: [0] } })
  return new Sequential(rt, drops ? [linear, new LastStep(rt, { batchFirst })] : [linear])
}

/** The sample of every element of a tensor whose samples lie along `axis`. */
function samplesOf({ shape, size }: Tensor, axis: 0 | 1, samples: readonly number[]): number[] {
  const columns = shape.slice(axis + 1).reduce((product, n) => product * n, 1)
  return Array.from({ length: size }, (_, i) => samples[Math.floor(i / columns) % samples.length]!)
}

const test = suite('with as many samples as steps, each sample keeps its own')
for (const { title, drops, batchFirst = false, target, mask, axis } of CASES) {
  for (const batchSize of [2, N]) {
    test(`${title}, ${batchSize} at a time`, async () => {
      const model = identity(drops, batchFirst)
      const seen: number[] = []
      const loss: LossFunction = (prediction, answers, options) => {
        const samples = numbers(prediction)
          .slice(0, prediction.shape[drops ? 0 : 1])
          .map((v) => v % 10)
        for (const tensor of options.mask ? [answers, options.mask] : [answers]) {
          assert.is(tensor.shape[axis], samples.length)
          assert.equal(
            numbers(tensor).map((v) => v % 10),
            samplesOf(tensor, axis, samples),
          )
        }
        seen.push(...samples)
        return { value: 0, grad: rt.tensor(new Float64Array(prediction.size), prediction.shape) }
      }
      const input = rt.tensor(batchFirst ? sampleMajor : timeMajor, [N, N, 1])
      const data = mask ? { input, target, mask } : { input, target }
      await fit(model, data, { loss, optimizer: new SGD(model), batchSize })
      assert.equal(
        seen.toSorted((a, b) => a - b),
        [0, 1, 2, 3, 4],
      )
    })
  }
}
test.run()
