/** `fit`, `evaluate` and `predict`, and runs that go on from a checkpoint. */
import {
  Adam,
  CosineAnnealingLR,
  type FitData,
  type FitOptions,
  type FitPosition,
  GRU,
  LSTM,
  LastStep,
  Linear,
  type Module,
  type Runtime,
  Sequential,
  crossEntropyLoss,
  bceWithLogitsLoss,
  evaluate,
  fit,
  huberLoss,
  mseLoss,
  predict,
  readCheckpoint,
  writeCheckpoint,
} from '../../bindings/index.ts'
import { generateIds, generateMask } from '../support/generator.ts'
import { drawTensor } from '../support/nets.ts'
import type { Findings } from './findings.ts'
import { type Program, programs } from './program.ts'

const [T, N, I, O] = [12, 23, 3, 2]

const perStep = (rt: Runtime, batchFirst = false) =>
  new Sequential(rt, [
    new GRU(rt, { inputSize: I, hiddenSize: 5, numLayers: 2, dropout: 0.2, batchFirst }),
    new Linear(rt, { inFeatures: 5, outFeatures: O }),
  ])
const perSample = (rt: Runtime) =>
  new Sequential(rt, [
    new LSTM(rt, { inputSize: I, hiddenSize: 5 }),
    new LastStep(rt),
    new Linear(rt, { inFeatures: 5, outFeatures: O }),
  ])

const lengths = Array.from({ length: N }, (_, n) => (n * 5) % (T + 1))
const stepData = (rt: Runtime, seed = 1, leading: readonly number[] = [T, N]): FitData => ({
  input: drawTensor(rt, seed, 'input', [...leading, I]),
  target: drawTensor(rt, seed, 'target', [...leading, O]),
})
const classData = (rt: Runtime, seed = 1): FitData => ({
  input: drawTensor(rt, seed, 'input', [T, N, I]),
  target: rt.indices(generateIds(seed, 'ids', N, O), [N]),
})
const stepClasses = (rt: Runtime): FitData => ({
  input: drawTensor(rt, 1, 'input', [T, N, I]),
  target: rt.indices(generateIds(1, 'ids', T * N, O), [T, N]),
})
const stepMask = (rt: Runtime) => rt.tensor(generateMask(2, 'mask', T * N), [T, N])

interface Training {
  readonly model: Module
  readonly data: Parameters<typeof fit>[1]
  readonly options: Omit<FitOptions, 'optimizer'>
}

const TRAININGS: Readonly<Record<string, (rt: Runtime) => Training>> = {
  plain: (rt) => ({ model: perStep(rt), data: stepData(rt), options: { loss: mseLoss, epochs: 2, batchSize: 7 } }),
  'batch first, clipped by norm': (rt) => ({
    model: perStep(rt, true),
    data: stepData(rt, 1, [N, T]),
    options: { loss: huberLoss, epochs: 2, batchSize: 8, clip: { norm: 0.1 }, seed: 5 },
  }),
  'batch first, lengths': (rt) => ({
    model: perStep(rt, true),
    data: { ...stepData(rt, 1, [N, T]), lengths },
    options: { loss: mseLoss, epochs: 2, batchSize: 7, metrics: ['mae'] },
  }),
  'lengths, clipped by value': (rt) => ({
    model: perStep(rt),
    data: { ...stepData(rt), lengths },
    options: { loss: mseLoss, batchSize: 6, clip: { value: 0.01 } },
  }),
  'a mask, lengths, accumulated': (rt) => ({
    model: perStep(rt),
    data: { ...stepData(rt), lengths, mask: stepMask(rt) },
    options: { loss: mseLoss, epochs: 2, batchSize: 5, accumulate: 3 },
  }),
  'classes, validation, metrics, patience': (rt) => ({
    model: perSample(rt),
    data: classData(rt),
    options: {
      loss: crossEntropyLoss,
      epochs: 4,
      batchSize: 10,
      validation: classData(rt, 2),
      metrics: ['accuracy', 'perplexity'],
      patience: 1,
    },
  }),
  'truncated, stride = window': (rt) => ({
    model: perStep(rt),
    data: stepData(rt),
    options: { loss: mseLoss, epochs: 2, batchSize: 8, truncation: { window: 5 } },
  }),
  'truncated, stride < window, lengths, accumulated': (rt) => ({
    model: perStep(rt),
    data: { ...stepData(rt), lengths },
    options: { loss: mseLoss, batchSize: 8, truncation: { window: 7, stride: 3 }, accumulate: 2, metrics: ['rmse'] },
  }),
  'batches of its own': (rt) => ({
    model: perStep(rt),
    data: (epoch) => [stepData(rt, epoch), { ...stepData(rt, epoch + 7, [5, 4]), lengths: [5, 0, 3, 1] }],
    options: { loss: mseLoss, epochs: 2, metrics: ['mae'] },
  }),
}

async function trained(make: (rt: Runtime) => Training, rt: Runtime, found: Findings): Promise<void> {
  const { model, data, options } = make(rt)
  const optimizer = new Adam(model, { lr: 0.02 })
  const schedule = new CosineAnnealingLR(optimizer, { tMax: 4 })
  const seen: number[] = []
  const onProgress = ({ loss, step }: { loss: number; step: number }) => void seen.push(step, loss)
  found.take('result', await fit(model, data, { ...options, optimizer, schedule, onProgress }))
  found.take('progress', seen)
  found.take('weights', model.stateDict())
}

/** Ends in the middle of an epoch, is written and read, and goes on in other modules. */
async function resumed(rt: Runtime, found: Findings): Promise<void> {
  const begin = () => {
    const model = perStep(rt)
    const optimizer = new Adam(model, { lr: 0.02 })
    return { model, optimizer, schedule: new CosineAnnealingLR(optimizer, { tMax: 4 }) }
  }
  const train = ({ model, ...parts }: ReturnType<typeof begin>, more: Partial<FitOptions>) =>
    fit(model, stepData(rt), { loss: mseLoss, epochs: 3, batchSize: 7, seed: 3, ...parts, ...more })
  const first = begin()
  let position: FitPosition | undefined
  const signal = { aborted: false }
  const onProgress = (progress: { step: number; position: FitPosition }) => {
    position = progress.position
    signal.aborted = progress.step === 6
  }
  found.take('first', await train(first, { signal, onProgress }))
  const bytes = writeCheckpoint({ ...first, position: position! })
  const second = begin()
  found.take('second', await train(second, { from: readCheckpoint(bytes, second).position }))
  found.take('weights', second.model.stateDict())
}

const EVALUATIONS: Readonly<Record<string, (rt: Runtime) => Promise<unknown>>> = {
  'errors per step, mask': (rt) =>
    evaluate(
      perStep(rt),
      { ...stepData(rt), mask: stepMask(rt) },
      { loss: mseLoss, batchSize: 9, metrics: ['mae', 'rmse'] },
    ),
  'classes per step, lengths': (rt) =>
    evaluate(
      perStep(rt),
      { ...stepClasses(rt), lengths },
      { loss: crossEntropyLoss, metrics: ['accuracy', 'perplexity'] },
    ),
  'chances per step': (rt) => {
    const target = rt.tensor(generateMask(1, 'chances', T * N * O), [T, N, O])
    return evaluate(perStep(rt), { ...stepData(rt), target }, { loss: bceWithLogitsLoss, metrics: ['accuracy'] })
  },
  'predicted, per step': async (rt) => predict(perStep(rt), stepData(rt).input, { batchSize: 10 }),
  'predicted, batch first': async (rt) => predict(perStep(rt, true), stepData(rt, 1, [N, T]).input, { batchSize: 6 }),
  'predicted, per sample': async (rt) => predict(perSample(rt), stepData(rt).input, { batchSize: 6 }),
}

export const fitting: readonly Program[] = [
  ...Object.entries(TRAININGS).map(([name, make]): Program => {
    return { name: `fit: ${name}`, run: (rt, found) => trained(make, rt, found) }
  }),
  ...programs('fit', { 'resumed from a checkpoint': resumed }),
  ...Object.entries(EVALUATIONS).map(([name, run]): Program => {
    return { name: `evaluate: ${name}`, run: async (rt, found) => found.take('result', await run(rt)) }
  }),
]
