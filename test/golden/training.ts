/** What training is made of: losses, optimisers, clipping, schedules, averages of weights, initial values. */
import {
  Adam,
  AdamW,
  CosineAnnealingLR,
  ExponentialMovingAverage,
  GRU,
  LSTM,
  LinearLR,
  Linear,
  type Loss,
  type Module,
  RMSprop,
  ReduceLROnPlateau,
  type Runtime,
  SGD,
  type Schedule,
  Sequential,
  StepLR,
  type Tensor,
  bceWithLogitsLoss,
  clipGradNorm,
  clipGradValue,
  crossEntropyLoss,
  huberLoss,
  init,
  mseLoss,
} from '../../bindings/index.ts'
import { generateIds, generateMask } from '../support/generator.ts'
import { drawTensor } from '../support/nets.ts'
import type { Findings } from './findings.ts'
import { type Program, programs } from './program.ts'

const [T, B, C] = [40, 9, 5]

// --- losses: 360 positions are more than a chunk of rows

type LossOf = (rt: Runtime, logits: Tensor) => Loss
const target = (rt: Runtime) => drawTensor(rt, 2, 'target', [T, B, C])
const chances = (rt: Runtime) => rt.tensor(generateMask(3, 'chances', T * B * C), [T, B, C])
const ids = (rt: Runtime) => rt.indices(generateIds(4, 'ids', T * B, C), [T, B])
const mask = (rt: Runtime) => rt.tensor(generateMask(5, 'mask', T * B), [T, B])
const everyMask = (rt: Runtime) => rt.tensor(generateMask(6, 'mask', T * B * C), [T, B, C])
const weight = (rt: Runtime) => rt.tensor([0.5, 2, 1, 0, 3])

const LOSSES: Readonly<Record<string, LossOf>> = {
  mse: (rt, x) => mseLoss(x, target(rt)),
  'mse, sum, mask of positions': (rt, x) => mseLoss(x, target(rt), { reduction: 'sum', mask: mask(rt) }),
  'mse, mask of elements': (rt, x) => mseLoss(x, target(rt), { mask: everyMask(rt) }),
  huber: (rt, x) => huberLoss(x, target(rt)),
  'huber, sum, mask': (rt, x) => huberLoss(x, target(rt), { delta: 0.4, reduction: 'sum', mask: everyMask(rt) }),
  'binary cross entropy': (rt, x) => bceWithLogitsLoss(x, chances(rt)),
  'binary cross entropy, weights, mask': (rt, x) =>
    bceWithLogitsLoss(x, chances(rt), { weight: weight(rt), posWeight: rt.tensor([1, 2, 3, 4, 5]), mask: mask(rt) }),
  'cross entropy': (rt, x) => crossEntropyLoss(x, ids(rt)),
  'cross entropy, sum, smoothing': (rt, x) => crossEntropyLoss(x, ids(rt), { reduction: 'sum', labelSmoothing: 0.1 }),
  'cross entropy, weights, smoothing, mask': (rt, x) =>
    crossEntropyLoss(x, ids(rt), { weight: weight(rt), labelSmoothing: 0.2, mask: mask(rt) }),
}

function lossOf(loss: LossOf, rt: Runtime, found: Findings): void {
  for (const scale of [3, 60]) {
    const { value, grad } = loss(rt, drawTensor(rt, 1, 'logits', [T, B, C], scale))
    found.take(`logits within ${scale}`, { value, grad })
  }
}

// --- optimisers

type MakeOptimizer = (net: Module) => SGD | RMSprop | Adam | AdamW
const OPTIMIZERS: Readonly<Record<string, MakeOptimizer>> = {
  SGD: (net) => new SGD(net),
  'SGD, momentum, decay': (net) => new SGD(net, { lr: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.02 }),
  'SGD, nesterov': (net) => new SGD(net, { lr: 0.1, momentum: 0.8, nesterov: true }),
  RMSprop: (net) => new RMSprop(net),
  'RMSprop, momentum, centred, decay': (net) =>
    new RMSprop(net, { lr: 0.03, alpha: 0.9, eps: 1e-4, momentum: 0.7, centered: true, weightDecay: 0.01 }),
  Adam: (net) => new Adam(net),
  'Adam, decay of weights alone': (net) =>
    new Adam(net, {
      lr: 0.02,
      betas: [0.8, 0.95],
      eps: 1e-5,
      weightDecay: 0.1,
      decay: (name) => !name.includes('bias'),
    }),
  AdamW: (net) => new AdamW(net, { lr: 0.02 }),
  'AdamW, decay of weights alone': (net) =>
    new AdamW(net, { lr: 0.02, weightDecay: 0.3, decay: (name) => name.includes('weight') }),
}

const net = (rt: Runtime) =>
  new Sequential(rt, [new GRU(rt, { inputSize: 3, hiddenSize: 7 }), new Linear(rt, { inFeatures: 7, outFeatures: C })])

/** A training step up to the update; its loss. */
function accumulate(model: Module, i: number): number {
  const rt = model.runtime
  model.zeroGrad()
  const { output } = model.forward(drawTensor(rt, i, 'x', [T, B, 3]))
  const { value, grad } = mseLoss(output, target(rt))
  model.backward({ output: grad })
  return value
}

/** Six updates, two of them with a part of the parameters frozen. What the optimiser keeps shows in the weights. */
function updates(make: MakeOptimizer, rt: Runtime, found: Findings): void {
  const model = net(rt)
  const optimizer = make(model)
  for (let i = 0; i < 6; i++) {
    if (i === 2) model.freeze(['0.weight_hh_l0', '1.bias'])
    if (i === 4) model.unfreeze()
    found.take(`loss ${i}`, accumulate(model, i))
    optimizer.step()
  }
  found.take('weights', model.stateDict())
}

// --- what acts on gradients, rates and weights

const CLIPS: Readonly<Record<string, (model: Module) => number | void>> = {
  'norm, exceeded': (model) => clipGradNorm(model, 1e-3),
  'norm, not exceeded': (model) => clipGradNorm(model, 1e3),
  value: (model) => clipGradValue(model, 1e-3),
}

function clipped(clip: (model: Module) => number | void, rt: Runtime, found: Findings): void {
  const model = net(rt)
  accumulate(model, 1)
  found.take('norm', clip(model) ?? 0)
  found.take('gradients', Object.fromEntries(model.parameters().map(({ name, grad }) => [name, grad])))
}

type MakeSchedule = (optimizer: SGD) => Schedule
const SCHEDULES: Readonly<Record<string, MakeSchedule>> = {
  StepLR: (optimizer) => new StepLR(optimizer, { stepSize: 3, gamma: 0.7 }),
  CosineAnnealingLR: (optimizer) => new CosineAnnealingLR(optimizer, { tMax: 9, etaMin: 0.01 }),
  LinearLR: (optimizer) => new LinearLR(optimizer, { startFactor: 0.2, totalIters: 7 }),
  ReduceLROnPlateau: (optimizer) =>
    new ReduceLROnPlateau(optimizer, { factor: 0.3, patience: 2, cooldown: 1, threshold: 0.01, minLr: 1e-3 }),
}

const METRICS = [5, 4, 4.1, 4.2, 4.3, 3, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 3.7, 3.8]

function rates(make: MakeSchedule, rt: Runtime, found: Findings): void {
  const optimizer = new SGD(net(rt), { lr: 0.3 })
  const schedule = make(optimizer)
  const all = METRICS.map((metric) => {
    schedule.step(metric)
    return optimizer.lr
  })
  found.take('rates', all)
}

function average(rt: Runtime, found: Findings): void {
  const model = net(rt)
  const optimizer = new SGD(model, { lr: 0.3 })
  const ema = new ExponentialMovingAverage(model, { decay: 0.8 })
  for (let i = 0; i < 4; i++) {
    accumulate(model, i)
    optimizer.step()
    ema.update()
  }
  accumulate(model, 9)
  ema.swap()
  found.take('their loss', accumulate(model, 9))
  found.take('averages', model.stateDict())
  ema.swap()
  found.take('loss of the weights', accumulate(model, 9))
  found.take('weights', model.stateDict())
}

// --- initial values

const MATRICES: Readonly<Record<string, (tensor: Tensor) => void>> = {
  xavierUniform: (tensor) => init.xavierUniform(tensor, { gain: 1.3 }),
  xavierNormal: (tensor) => init.xavierNormal(tensor),
  kaimingUniform: (tensor) => init.kaimingUniform(tensor, { a: 0.2 }),
  kaimingNormal: (tensor) => init.kaimingNormal(tensor, { mode: 'fanOut' }),
  orthogonal: (tensor) => init.orthogonal(tensor, { gain: 2 }),
  identity: (tensor) => init.identity(tensor),
}

function matrices(fill: (tensor: Tensor) => void, rt: Runtime, found: Findings): void {
  for (const shape of [
    [7, 7],
    [3, 11],
    [13, 5],
  ] as const) {
    const tensor = drawTensor(rt, 1, 'old', shape)
    fill(tensor)
    found.take(`${shape}`, tensor)
  }
}

function gates(fill: (lstm: LSTM) => void, rt: Runtime, found: Findings): void {
  const lstm = new LSTM(rt, { inputSize: 2, hiddenSize: 5, numLayers: 2, bidirectional: true })
  fill(lstm)
  found.take('weights', lstm.stateDict())
}

const mapped = <Entry>(
  table: Readonly<Record<string, Entry>>,
  run: (entry: Entry, rt: Runtime, found: Findings) => void,
) =>
  Object.fromEntries(
    Object.entries(table).map(([name, entry]) => [name, (rt: Runtime, found: Findings) => run(entry, rt, found)]),
  )

export const training: readonly Program[] = [
  ...programs('loss', mapped(LOSSES, lossOf)),
  ...programs('optimiser', mapped(OPTIMIZERS, updates)),
  ...programs('clipping', mapped(CLIPS, clipped)),
  ...programs('schedule', mapped(SCHEDULES, rates)),
  ...programs('average of weights', { 'updated and swapped': average }),
  ...programs('init', {
    ...mapped(MATRICES, matrices),
    forgetBias: (rt, found) => gates((lstm) => init.forgetBias(lstm, 2), rt, found),
    chrono: (rt, found) => gates((lstm) => init.chrono(lstm, 50), rt, found),
  }),
]
