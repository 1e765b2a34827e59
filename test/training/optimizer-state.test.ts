/** The state of optimisers: its names and shapes, what it refuses, and its end. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  CosineAnnealingLR,
  ExponentialMovingAverage,
  GRU,
  Linear,
  type Module,
  RMSprop,
  SGD,
  Sequential,
  clipGradNorm,
  clipGradValue,
  createRuntime,
} from '../../bindings/index.ts'
import type { Optimizer } from '../../bindings/training/optimizers/optimizer.ts'
import { any, refusal } from '../support/refusals.ts'

const rt = await createRuntime({ variant: 'simd', seed: 1 })
const make = () =>
  new Sequential(rt, [new GRU(rt, { inputSize: 2, hiddenSize: 3 }), new Linear(rt, { inFeatures: 3, outFeatures: 1 })])

function run(model: Module | readonly Module[], optimizer: Optimizer, steps: number): void {
  for (let step = 0; step < steps; step++) {
    for (const module of [model].flat())
      for (const [p, { grad }] of module.parameters().entries())
        grad.data.set(Array.from({ length: grad.size }, (_, i) => Math.sin(i + 3 * p + 7 * step)))
    optimizer.step()
  }
}

const state = suite("an optimiser's state")
const KINDS: readonly [string, (model: Module) => Optimizer, string[], number][] = [
  ['SGD', (model) => new SGD(model), [], 1],
  ['SGD with momentum', (model) => new SGD(model, { momentum: 0.5 }), ['velocity'], 1],
  ['RMSprop', (model) => new RMSprop(model, { momentum: 0.5, centered: true }), ['square', 'velocity', 'mean'], 0],
  ['Adam', (model) => new Adam(model), ['mean', 'square'], 3],
]
for (const [kind, makeOptimizer, moments, width] of KINDS) {
  state(`has every moment by its parameter's name and in its shape: ${kind}`, () => {
    const model = make()
    const dict = makeOptimizer(model).stateDict()
    const expected = moments.flatMap((moment) =>
      model.parameters().map(({ name, value }) => [`${moment}.${name}`, [...value.shape]] as const),
    )
    const shapes = Object.fromEntries(Object.entries(dict).map(([name, { shape }]) => [name, [...shape]]))
    assert.equal(shapes, { counters: [6, width], ...Object.fromEntries(expected) })
  })
  state(`goes on in another optimiser to the bit: ${kind}`, () => {
    const [whole, rest] = [make(), make()]
    const first = makeOptimizer(whole)
    whole.freeze(['0.bias_ih_l0'])
    run(whole, first, 3)
    whole.unfreeze()
    const dict = first.stateDict()
    rest.loadStateDict(whole.stateDict())
    const second = makeOptimizer(rest)
    run(make(), second, 1)
    second.loadStateDict(dict)
    assert.equal(second.stateDict(), dict)
    run(whole, first, 2)
    run(rest, second, 2)
    assert.equal(rest.stateDict(), whole.stateDict())
  })
}

state('of a list of modules has the index of the module in its names', () => {
  const modules = [new Linear(rt, { inFeatures: 2, outFeatures: 3 }), new Linear(rt, { inFeatures: 4, outFeatures: 5 })]
  const names = Object.keys(new SGD(modules, { momentum: 0.5 }).stateDict())
  const expected = ['0.weight', '0.bias', '1.weight', '1.bias'].map((name) => `velocity.${name}`)
  assert.equal(names.sort(), ['counters', ...expected].sort())
})

const SPOILT: readonly [string, (dict: ReturnType<Adam['stateDict']>) => object | null, RegExp][] = [
  ['null', () => null, /is null; expected an object/],
  ['a name more', (d) => ({ ...d, more: d['counters'] }), /unknown: more/],
  [
    'a name less',
    (d) => Object.fromEntries(Object.entries(d).filter(([name]) => name !== 'mean.1.bias')),
    /missing: mean\.1\.bias/,
  ],
  ['a moment that is null', (d) => ({ ...d, 'mean.1.bias': null }), /'mean\.1\.bias' has no shape/],
  [
    'another shape',
    (d) => ({ ...d, 'mean.1.weight': { ...d['mean.1.weight'], shape: [3, 1] } }),
    /is \[3, 1\]; expected \[1, 3\]/,
  ],
  ['too few elements', (d) => spoil(d, 'square.1.weight', [1, 2]), /holds 2 elements; expected 3 numbers/],
  ...[null, undefined, '7', {}, 2n, true].map((stray): (typeof SPOILT)[number] => [
    `an element that is a ${stray === null ? 'null' : typeof stray}`,
    (d) => spoil(d, 'square.1.weight', [1, 2, stray]),
    /at position 2; expected 3 numbers/,
  ]),
  // eslint-disable-next-line no-sparse-arrays
  ['a hole', (d) => spoil(d, 'square.1.weight', [1, , 3]), /undefined at position 1; expected 3 numbers/],
  ['64-bit integers', (d) => spoil(d, 'square.1.weight', new BigInt64Array(3)), /bigint at position 0/],
  ['a string for data', (d) => spoil(d, 'square.1.weight', '123'), /holds '123'; expected 3 numbers/],
  ...([-1, 1.5, Number.NaN, Infinity] as const).map((steps): (typeof SPOILT)[number] => [
    `${steps} steps`,
    (d) => spoil(d, 'counters', Array.from(d['counters']!.data).with(3, steps)),
    /'counters' holds .* at position 3; expected a whole number >= 0/,
  ]),
  ...([1, -0.5, Number.NaN, 2] as const).map((product): (typeof SPOILT)[number] => [
    `a product of ${product} after steps`,
    (d) => spoil(d, 'counters', Array.from(d['counters']!.data).with(4, product)),
    /at position 4; expected a product in \[0, 1\)/,
  ]),
]

const spoil = (dict: ReturnType<Adam['stateDict']>, name: string, data: unknown) => ({
  ...dict,
  [name]: { shape: dict[name]!.shape, data },
})

for (const [what, spoiltBy, message] of SPOILT) {
  state(`that has ${what} is refused, and nothing changes`, () => {
    const model = make()
    const optimizer = new Adam(model)
    run(model, optimizer, 2)
    const before = optimizer.stateDict()
    const { code, message: said } = refusal(() => optimizer.loadStateDict(any(spoiltBy(optimizer.stateDict()))))
    assert.ok(code === 'state-dict' || code === 'type', code)
    assert.match(said, message)
    assert.equal(optimizer.stateDict(), before)
  })
}

state('of a module refuses what is no number, wherever it is, and nothing changes', () => {
  const model = new Linear(rt, { inFeatures: 2, outFeatures: 2 })
  const before = model.stateDict()
  for (const stray of [2n, '7', {}, undefined, null]) {
    const weight = { shape: [2, 2], data: [5, 5, 5, stray] }
    assert.is(refusal(() => model.loadStateDict(any({ ...before, weight }))).code, 'state-dict')
    assert.equal(model.stateDict(), before)
  }
})
state.run()

const rate = suite('a learning rate')
rate('set by hand is finite and not negative', () => {
  const optimizer = new SGD(make(), { lr: 0.5 })
  for (const lr of [Number.NaN, Infinity, -1, '1', null])
    assert.is(refusal(() => (optimizer.lr = any(lr))).code, 'option')
  assert.is(optimizer.lr, 0.5)
})
rate.run()

const end = suite('after its end')
const ENDS: readonly [string, (parts: { model: Module; optimizer: Optimizer }) => void][] = [
  ['optimizer.dispose()', ({ optimizer }) => optimizer.dispose()],
  ['model.dispose()', ({ model }) => model.dispose()],
  ["a child's dispose()", ({ model }) => model.children()[1]!.dispose()],
]
for (const [what, finish] of ENDS) {
  end(`an optimiser refuses step, stateDict, loadStateDict, and its schedule step: ${what}`, () => {
    const model = make()
    const optimizer = new Adam(model, { lr: 0.1 })
    const schedule = new CosineAnnealingLR(optimizer, { tMax: 4 })
    const dict = optimizer.stateDict()
    finish({ model, optimizer })
    const others = Array.from({ length: 8 }, () => rt.tensor(new Float32Array(16).fill(7), [16]))
    for (const use of [
      () => optimizer.step(),
      () => optimizer.stateDict(),
      () => optimizer.loadStateDict(dict),
      () => schedule.step(),
    ])
      assert.is(refusal(use).code, 'disposed')
    assert.is(optimizer.lr, 0.1)
    for (const other of others) assert.ok(other.data.every((value) => value === 7))
  })
}

end('clipping and averaging refuse a module, also one whose child alone was disposed of', () => {
  const model = make()
  const ema = new ExponentialMovingAverage(model)
  model.children()[0]!.dispose()
  for (const use of [
    () => clipGradNorm(model, 1),
    () => clipGradValue(model, 1),
    () => new ExponentialMovingAverage(model),
    () => new SGD(model),
    () => ema.update(),
    () => ema.swap(),
  ])
    assert.is(refusal(use).code, 'disposed')
})

end('an optimiser has given its memory back, once', () => {
  const model = make()
  const before = rt.memoryUsed
  const optimizer = new Adam(model)
  assert.ok(rt.memoryUsed > before)
  optimizer.dispose()
  optimizer.dispose()
  assert.is(rt.memoryUsed, before)
})

end('a refused optimiser has taken no memory', () => {
  const model = make()
  const before = rt.memoryUsed
  for (const build of [
    () => new Adam(model, any({ eps: 'small' })),
    () => new SGD(model, { momentum: 0, nesterov: true }),
    () => new RMSprop(model, any({ alpha: null })),
  ])
    refusal(build)
  assert.is(rt.memoryUsed, before)
})
end.run()
