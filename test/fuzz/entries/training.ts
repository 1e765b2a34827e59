/** Losses, optimisers, schedules, and the loops around them. */
import {
  Adam,
  AdamW,
  CosineAnnealingLR,
  ExponentialMovingAverage,
  LinearLR,
  RMSprop,
  ReduceLROnPlateau,
  SGD,
  StepLR,
  bceWithLogitsLoss,
  clipGradNorm,
  clipGradValue,
  crossEntropyLoss,
  evaluate,
  fit,
  huberLoss,
  mseLoss,
  predict,
  readCheckpoint,
  saveFile,
  writeCheckpoint,
} from '../../../bindings/index.ts'
import { B, type World } from '../world.ts'
import { type Entry, call, entry } from './entry.ts'

type Free = (...args: never[]) => unknown
const free = (
  name: string,
  run: Free,
  make: (world: World) => unknown[],
  takes: readonly string[] = [],
  more: Pick<Entry, 'isRefused' | 'trains'> = {},
) => entry(name, make, (_, args) => run(...args), takes, more)

const mask = ({ rt }: World) => rt.tensor([1, 0.5, 0])
const losses: Entry[] = [
  free('mseLoss', mseLoss as Free, (world) => [
    world.target,
    world.target.clone(),
    { reduction: 'mean', mask: mask(world) },
  ]),
  free('huberLoss', huberLoss as Free, (world) => [
    world.target,
    world.target.clone(),
    { reduction: 'sum', mask: mask(world), delta: 2 },
  ]),
  free('bceWithLogitsLoss', bceWithLogitsLoss as Free, (world) => [
    world.target,
    world.rt.tensor([0, 1, 0, 1, 1, 0], [B, 2]),
    { reduction: 'mean', mask: mask(world), weight: world.rt.tensor([1, 2]), posWeight: world.rt.tensor([1, 2]) },
  ]),
  free('crossEntropyLoss', crossEntropyLoss as Free, (world) => [
    world.target,
    world.rt.indices([0, 1, 1]),
    { reduction: 'mean', mask: mask(world), weight: world.rt.tensor([1, 2]), labelSmoothing: 0.1 },
  ]),
]

const COMMON = { lr: 0.1, weightDecay: 0.01, decay: (name: string) => !name.includes('bias') }
const making = (
  Kind: new (...args: never[]) => object,
  options: object,
  on: (world: World) => unknown = ({ net }) => net,
) =>
  entry(
    `new ${Kind.name}`,
    (world) => [on(world), options],
    (_, args) => (new Kind(...args) as { dispose?(): void }).dispose?.(),
    ['argument 1: list'],
  )
const ofOptimizer = ({ optimizer }: World) => optimizer
const kit: Entry[] = [
  making(SGD, { ...COMMON, momentum: 0.9, dampening: 0, nesterov: true }),
  making(Adam, { ...COMMON, betas: [0.9, 0.999], eps: 1e-8 }),
  making(AdamW, { ...COMMON, betas: [0.9, 0.999], eps: 1e-8 }),
  making(RMSprop, { ...COMMON, alpha: 0.99, eps: 1e-8, momentum: 0.9, centered: true }),
  making(ExponentialMovingAverage, { decay: 0.99 }),
  making(StepLR, { stepSize: 2, gamma: 0.5 }, ofOptimizer),
  making(LinearLR, { startFactor: 0.1, endFactor: 1, totalIters: 5 }, ofOptimizer),
  making(CosineAnnealingLR, { tMax: 10, etaMin: 0.001 }, ofOptimizer),
  making(
    ReduceLROnPlateau,
    { mode: 'min', factor: 0.1, patience: 2, threshold: 1e-3, thresholdMode: 'rel', cooldown: 1, minLr: 0, eps: 1e-8 },
    ofOptimizer,
  ),
  entry(
    'ReduceLROnPlateau.step',
    () => [1],
    ({ optimizer }, args) => call(new ReduceLROnPlateau(optimizer), 'step', args),
  ),
  entry(
    'optimizer.loadStateDict',
    ({ optimizer }) => [optimizer.stateDict()],
    ({ optimizer }, args) => call(optimizer, 'loadStateDict', args),
    ['.retrograd: number'],
  ),
  entry(
    'optimizer.lr',
    ({ optimizer }) => [optimizer.lr],
    ({ optimizer }, args) => void (optimizer.lr = args[0]!),
  ),
  entry(
    'schedule.loadStateDict',
    ({ schedule }) => [schedule.stateDict()],
    ({ schedule }, args) => call(schedule, 'loadStateDict', args),
  ),
  entry(
    'ema.loadStateDict',
    ({ ema }) => [ema.stateDict()],
    ({ ema }, args) => call(ema, 'loadStateDict', args),
    ['.retrograd: number'],
  ),
  free('clipGradNorm', clipGradNorm as Free, ({ net }) => [net, 1], ['argument 1: list']),
  free('clipGradValue', clipGradValue as Free, ({ net }) => [net, 1], ['argument 1: list']),
]

const data = (world: World) => ({
  input: world.x,
  target: world.target,
  lengths: [4, 2, 1],
  mask: mask(world),
  weight: mask(world),
})
const POSITION = { epoch: 0, batch: 0 }
const DATA = ['argument 2: function', 'argument 2: list', 'argument 2.lengths: tensor']
const loops: Entry[] = [
  free(
    'fit',
    fit as Free,
    (world) => [
      world.net,
      data(world),
      {
        loss: mseLoss,
        optimizer: world.optimizer,
        epochs: 1,
        batchSize: 2,
        accumulate: 2,
        clip: { norm: 1 },
        schedule: world.schedule,
        validation: data(world),
        metrics: ['mae'],
        patience: 2,
        onNonFinite: 'skip',
        seed: 3,
        shuffle: true,
        signal: { aborted: false },
        from: { ...POSITION, epochsBefore: 1, sums: { loss: { sum: 0, count: 0 } }, stopping: { waited: 0 } },
        onProgress: () => undefined,
      },
    ],
    [
      ...DATA,
      'argument 3.validation: function',
      'argument 3.validation: list',
      'argument 3.validation.lengths: tensor',
    ],
    { trains: true },
  ),
  free(
    'fit (truncated)',
    fit as Free,
    ({ recurrent, x, dOutput }) => [
      recurrent,
      { input: x, target: dOutput },
      { loss: mseLoss, optimizer: new SGD(recurrent, { lr: 0 }), truncation: { window: 2, stride: 1 } },
    ],
    DATA,
    { trains: true },
  ),
  free(
    'evaluate',
    evaluate as Free,
    (world) => [world.net, data(world), { loss: mseLoss, metrics: ['rmse'], batchSize: 2 }],
    DATA,
  ),
  free(
    'evaluate (truncated)',
    evaluate as Free,
    ({ recurrent, x, dOutput }) => [
      recurrent,
      { input: x, target: dOutput, state: recurrent.initialState(B)! },
      { loss: mseLoss, truncation: { window: 2 } },
    ],
    DATA,
  ),
  entry(
    'predict',
    ({ net, x }) => [net, x, { batchSize: 2, lengths: [4, 2, 1] }],
    (_, args) => call<{ dispose(): void }>({ predict }, 'predict', args).dispose(),
  ),
]

const NOWHERE = '/nowhere/retrograd/file'
const files: Entry[] = [
  free('writeCheckpoint', writeCheckpoint as Free, ({ net, optimizer, schedule }) => [
    { model: net, optimizer, schedule, position: POSITION },
  ]),
  free('readCheckpoint', readCheckpoint as Free, ({ net, optimizer, schedule }) => [
    writeCheckpoint({ model: net, optimizer, schedule }),
    { model: net, optimizer, schedule },
  ]),
  // a valid save is the file tests' business; a word is a path like any other
  entry(
    'saveFile',
    () => [NOWHERE, Uint8Array.of(1, 2)],
    (_, [path, ...rest]) => call({ saveFile }, 'saveFile', [typeof path === 'string' ? NOWHERE : path, ...rest]),
    [],
    { isRefused: true },
  ),
]

export const TRAINING: readonly Entry[] = [...losses, ...kit, ...loops, ...files]
