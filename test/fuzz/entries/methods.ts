/** What modules do. */
import {
  Activation,
  Dropout,
  Embedding,
  LastStep,
  LayerNorm,
  Linear,
  type Module,
  PositionalEmbedding,
  Residual,
  mergeStates,
  splitState,
} from '../../../bindings/index.ts'
import { B, H, I, T, type World } from '../world.ts'
import { type Entry, call, ending, entry } from './entry.ts'

/** What forward takes besides, where a module has it. */
const OPTIONS: Partial<Record<string, (world: World) => object>> = {
  gru: ({ rt }) => ({ state: { h: rt.tensor(new Float32Array(B * H), [1, B, H]) }, checkpoint: 'sqrt' }),
  recurrent: ({ rt }) => ({
    state: { h: rt.tensor(new Float32Array(B * H), [B, H]) },
    truncation: { window: 3, stride: 1 },
  }),
}

/** Every module's own methods, by what they take. */
const methods: Entry[] = [
  ...(['gru', 'recurrent', 'net', 'deq'] as const).flatMap((name) => [
    entry(
      `${name}.forward`,
      (world) => [world.x, { tape: true, keep: false, lengths: [4, 2, 1], ...OPTIONS[name]?.(world) }],
      (world, args) => call(world[name], 'forward', args),
      ['argument 2.state: object', 'argument 2.checkpoint: number', 'argument 2.lengths: tensor'],
    ),
    entry(
      `${name}.step`,
      (world) => [world.row, world[name].initialState(B)],
      (world, args) => call(world[name], 'step', args),
      ['argument 1: list', 'argument 1: object'],
    ),
    entry(
      `${name}.backward`,
      (world) => {
        world[name].forward(world.x, { tape: true })
        return [{ output: name === 'net' ? world.target : world.dOutput }, { inputGradient: true }]
      },
      (world, args) => call(world[name], 'backward', args),
    ),
    entry(
      `${name}.initialState`,
      () => [B],
      (world, args) => call(world[name], 'initialState', args),
    ),
  ]),
  entry(
    'mergeStates',
    ({ gru }) => [[gru.initialState(1), gru.initialState(2)]],
    (_, args) => call({ mergeStates }, 'mergeStates', args),
  ),
  entry(
    'splitState',
    ({ gru }) => [gru.initialState(2)],
    (_, args) => call({ splitState }, 'splitState', args),
  ),
  entry(
    'deq.spectralRadius',
    () => [],
    ({ deq, x }, args) => (deq.forward(x), call(deq, 'spectralRadius', args)),
  ),
  entry(
    'net.loadStateDict',
    ({ net }) => [net.stateDict(), { strict: true }],
    ({ net }, args) => call(net, 'loadStateDict', args),
    ['.retrograd: number'],
  ),
  entry(
    'net.freeze',
    () => [['0.weight_ih_l0']],
    ({ net }, args) => {
      call(net, 'freeze', args)
      net.unfreeze()
    },
  ),
  entry(
    'net.unfreeze',
    () => [['0.weight_ih_l0']],
    ({ net }, args) => call(net, 'unfreeze', args),
  ),
]

/** The small modules, run forward, backward and by steps. */
const SMALL: [
  string,
  (world: World) => Module,
  (world: World) => unknown,
  (world: World) => unknown,
  (world: World) => unknown,
][] = [
  [
    'Linear',
    ({ rt }) => new Linear(rt, { inFeatures: I, outFeatures: 2 }),
    ({ x }) => x,
    ({ rt }) => rt.tensor(new Float32Array(T * B * 2), [T, B, 2]),
    ({ row }) => row,
  ],
  [
    'LayerNorm',
    ({ rt }) => new LayerNorm(rt, { normalizedShape: I }),
    ({ x }) => x,
    ({ x }) => x.clone(),
    ({ row }) => row,
  ],
  ['Dropout', ({ rt }) => new Dropout(rt), ({ x }) => x, ({ x }) => x.clone(), ({ row }) => row],
  [
    'Activation',
    ({ rt }) => new Activation(rt, { name: 'relu' }),
    ({ x }) => x,
    ({ x }) => x.clone(),
    ({ row }) => row,
  ],
  ['LastStep', ({ rt }) => new LastStep(rt), ({ x }) => x, ({ row }) => row.clone(), ({ row }) => row],
  [
    'Embedding',
    ({ rt }) => new Embedding(rt, { numEmbeddings: 4, embeddingDim: 2 }),
    ({ rt }) => rt.indices([0, 1, 2, 3], [2, 2]),
    ({ rt }) => rt.tensor(new Float32Array(8), [2, 2, 2]),
    ({ rt }) => rt.indices([0, 3]),
  ],
  [
    'PositionalEmbedding',
    ({ rt }) => new PositionalEmbedding(rt, { maxLength: T, embeddingDim: I }),
    ({ x }) => x,
    ({ x }) => x.clone(),
    ({ row }) => row,
  ],
  [
    'Residual',
    ({ rt }) => new Residual(rt, new Linear(rt, { inFeatures: I, outFeatures: I })),
    ({ x }) => x,
    ({ x }) => x.clone(),
    ({ row }) => row,
  ],
]
/** The module that a world's next call is of. */
const own = new WeakMap<World, Module>()

const small: Entry[] = SMALL.flatMap(([name, make, input, gradient, row]) => {
  const method = (method: string, args: (world: World, module: Module) => unknown[], takes: readonly string[] = []) =>
    entry(
      `${name}.${method}`,
      (world) => {
        own.set(world, make(world))
        return args(world, own.get(world)!)
      },
      (world, changed) => ending(own.get(world)!, (module) => call(module, method, changed)),
      takes,
    )
  return [
    method('forward', (world) => [input(world), { tape: true, keep: false }], ['argument 1: object']),
    method('backward', (world, module) => {
      module.forward(input(world) as never, { tape: true })
      return [{ output: gradient(world) }, { inputGradient: name !== 'Embedding' }]
    }),
    method('step', (world, module) => [row(world), module.initialState(B)], ['argument 1: list', 'argument 1: object']),
    method('initialState', () => [B], ['argument 1: anything']),
  ]
})

export const METHODS: readonly Entry[] = [...methods, ...small]
