import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  AdamW,
  Linear,
  RMSprop,
  SGD,
  bceWithLogitsLoss,
  createRuntime,
  crossEntropyLoss,
  huberLoss,
} from '../../bindings/index.ts'
import { generate, generateIds } from '../support/generator.ts'
import { numbers } from '../support/nets.ts'

interface Fixture {
  readonly seed: number
  readonly steps: number
  readonly count: number
  readonly optimizers: { kind: string; options: Record<string, unknown>; weight: number[] }[]
  readonly losses: {
    name: string
    options: { reduction: 'mean' | 'sum'; delta?: number; labelSmoothing?: number; weights?: string[] }
    value: number
    grad: number[]
  }[]
}

const fixture = JSON.parse(readFileSync(new URL('../fixtures/kit.json', import.meta.url), 'utf8')) as Fixture
const { seed } = fixture
const OPTIMIZERS = { SGD, RMSprop, Adam, AdamW }
const [ROWS, COLUMNS] = [7, 5]

const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

// made before the first suite: uvu starts its queue at the first await, and would run a suite twice
const runtimes = [await createRuntime({ dtype: 'float64' }), await createRuntime({ variant: 'simd' })]

for (const rt of runtimes) {
  const { dtype } = rt
  const epsilon = dtype === 'float64' ? 2 ** -52 : 2 ** -23

  const optimizers = suite(`ten steps give PyTorch's parameters (${dtype})`)
  for (const { kind, options, weight } of fixture.optimizers) {
    optimizers(`${kind} ${JSON.stringify(options)}`, () => {
      const net = new Linear(rt, { inFeatures: fixture.count, outFeatures: 1, bias: false })
      const [parameter] = net.parameters()
      parameter!.value.data.set(generate(seed, 'weight', fixture.count))
      const own = Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]))
      const optimizer = new OPTIMIZERS[kind as keyof typeof OPTIMIZERS](net, own)
      for (let step = 0; step < fixture.steps; step++) {
        parameter!.grad.data.set(generate(seed, `gradient ${step}`, fixture.count))
        optimizer.step()
      }
      // each step: about ten roundings of numbers below 4, and a division by a root that may be as small as 0.05
      const tolerance = 10 * fixture.steps * 4 * epsilon
      for (const [i, w] of numbers(parameter!.value).entries()) {
        assert.ok(Math.abs(w - weight[i]!) <= tolerance, `${i}: ${w} for ${weight[i]}`)
      }
    })
  }
  optimizers.run()

  const losses = suite(`a loss with weights gives PyTorch's value and gradient (${dtype})`)
  for (const { name, options, value, grad } of fixture.losses) {
    losses(`${name} ${JSON.stringify(options)}`, () => {
      const { weights = [], ...plain } = options
      const tensor = (stream: string, map: (x: number) => number, count = ROWS * COLUMNS) =>
        rt.tensor(generate(seed, stream, count).map(map), count === COLUMNS ? [COLUMNS] : [ROWS, COLUMNS])
      const prediction = tensor('prediction', (x) => 6 * x)
      const given = {
        ...plain,
        ...(weights.includes('weight') && { weight: tensor('weight', (x) => Math.abs(x) + 0.5, COLUMNS) }),
        ...(weights.includes('posWeight') && { posWeight: tensor('positive', (x) => Math.abs(x) + 0.5, COLUMNS) }),
      }
      const result =
        name === 'huber'
          ? huberLoss(
              prediction,
              tensor('target', (x) => 6 * x),
              given,
            )
          : name === 'bce'
            ? bceWithLogitsLoss(
                prediction,
                tensor('target', (x) => (x + 1) / 2),
                given,
              )
            : crossEntropyLoss(prediction, rt.indices(generateIds(seed, 'ids', ROWS, COLUMNS), [ROWS]), given)
      // terms below 20, inputs rounded to the type, sums in float64
      assert.ok(Math.abs(result.value - value) <= 20 * ROWS * COLUMNS * epsilon, `${result.value} for ${value}`)
      for (const [i, g] of numbers(result.grad).entries()) {
        assert.ok(Math.abs(g - grad[i]!) <= 40 * epsilon, `${i}: ${g} for ${grad[i]}`)
      }
    })
  }
  losses.run()
}

const gradient = suite("a loss's gradient")
gradient('disposed of by its user is made anew', async () => {
  const rt = await createRuntime()
  const [x, y] = [rt.tensor([1, 2, 3]), rt.tensor([0, 0, 0])]
  huberLoss(x, y).grad.dispose()
  const other = rt.tensor([7, 7, 7])
  assert.equal(numbers(huberLoss(x, y).grad), [1 / 3, 1 / 3, 1 / 3].map(Math.fround))
  assert.equal(numbers(other), [7, 7, 7])
})
gradient.run()

const filter = suite('weight decay')
filter('acts only on the parameters that the filter names', async () => {
  const rt = await createRuntime({ dtype: 'float64' })
  const net = new Linear(rt, { inFeatures: 3, outFeatures: 2 })
  const before = net.stateDict()
  new SGD(net, { lr: 1, weightDecay: 0.5, decay: (name) => name === 'weight' }).step()
  const after = net.stateDict()
  assert.equal(
    Array.from(after['weight']!.data),
    Array.from(before['weight']!.data, (w) => w / 2),
  )
  assert.equal(after['bias'], before['bias'])
})
filter.run()
