import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CosineAnnealingLR,
  ExponentialMovingAverage,
  Linear,
  LinearLR,
  ReduceLROnPlateau,
  SGD,
  StepLR,
  createRuntime,
} from '../../bindings/index.ts'
import { numbers } from '../support/nets.ts'

interface Fixture {
  readonly metrics: number[]
  readonly schedules: { kind: string; options: Record<string, unknown>; rates: number[] }[]
}

const { metrics, schedules } = JSON.parse(
  readFileSync(new URL('../fixtures/kit.json', import.meta.url), 'utf8'),
) as Fixture
const KINDS = { StepLR, CosineAnnealingLR, LinearLR, ReduceLROnPlateau }
const rt = await createRuntime({ dtype: 'float64', seed: 1 })
const camel = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

const rates = suite("a schedule gives PyTorch's rates")
for (const { kind, options, rates: expected } of schedules) {
  const own = Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value])) as never
  const run = (steps: number, from = 0, schedule = make()) => {
    for (let i = from; i < steps; i++) schedule.step(metrics[i])
    return schedule
  }
  const make = () =>
    new KINDS[kind as keyof typeof KINDS](new SGD(new Linear(rt, { inFeatures: 1, outFeatures: 1 }), { lr: 0.4 }), own)
  rates(`${kind} ${JSON.stringify(options)}`, () => {
    for (let steps = 0; steps < expected.length; steps++) {
      const { lr } = run(steps).optimizer
      // some roundings per step of numbers below 0.4
      assert.ok(
        Math.abs(lr - expected[steps]!) <= (steps + 4) * 0.4 * 2 ** -52 * 8,
        `step ${steps}: ${lr} for ${expected[steps]}`,
      )
    }
  })
  rates(`${kind} ${JSON.stringify(options)}, resumed`, () => {
    const resumed = make()
    resumed.loadStateDict(run(8).stateDict())
    assert.is(run(20, 8, resumed).optimizer.lr, run(20).optimizer.lr)
  })
}
rates.run()

const average = suite('an exponential moving average of weights')
average('follows its formula, and swaps in and out', () => {
  const net = new Linear(rt, { inFeatures: 2, outFeatures: 2 })
  const weights = net.parameters()[0]!.value
  const ema = new ExponentialMovingAverage(net, { decay: 0.75 })
  let expected = numbers(weights)
  for (let step = 1; step <= 3; step++) {
    weights.data.fill(step)
    ema.update()
    expected = expected.map((w) => 0.75 * w + 0.25 * step)
  }
  ema.swap()
  assert.equal(numbers(weights), expected)
  ema.swap()
  assert.equal(numbers(weights), [3, 3, 3, 3])
})
average.run()
