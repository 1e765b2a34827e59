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
  Sequential,
  StepLR,
  createRuntime,
} from '../../bindings/index.ts'
import { numbers } from '../support/nets.ts'
import { any, refusal } from '../support/refusals.ts'

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
average("goes on from its state as if it had never ended, in the model's own names", () => {
  const make = () =>
    new Sequential(rt, [
      new Linear(rt, { inFeatures: 2, outFeatures: 2 }),
      new Linear(rt, { inFeatures: 2, outFeatures: 1 }),
    ])
  const [net, other] = [make(), make()]
  const [whole, ema] = [net, net].map((model) => new ExponentialMovingAverage(model, { decay: 0.5 })) as [
    ExponentialMovingAverage,
    ExponentialMovingAverage,
  ]
  const move = (step: number) => net.parameters().forEach(({ value }, i) => void value.data.fill(step + i))
  move(1)
  for (const average of [whole, ema]) average.update()
  const kept = ema.stateDict()
  assert.equal(Object.keys(kept), Object.keys(net.stateDict()))
  const resumed = new ExponentialMovingAverage(net, { decay: 0.5 })
  resumed.loadStateDict(kept)
  move(5)
  for (const average of [whole, resumed]) average.update()
  assert.equal(resumed.stateDict(), whole.stateDict())
  other.loadStateDict(whole.stateDict())
  whole.swap()
  assert.equal(other.stateDict(), net.stateDict())
})
average('of a list of modules has their index in its names', () => {
  const make = () => new Linear(rt, { inFeatures: 1, outFeatures: 1, bias: false })
  assert.equal(Object.keys(new ExponentialMovingAverage([make(), make()]).stateDict()), ['0.weight', '1.weight'])
})
average('refuses a state that is not its own, and nothing changes', () => {
  const net = new Linear(rt, { inFeatures: 2, outFeatures: 1 })
  const ema = new ExponentialMovingAverage(net)
  const before = ema.stateDict()
  for (const bad of [
    null,
    {},
    { ...before, more: before['bias'] },
    { ...before, weight: { shape: [2, 1], data: [1, 2] } },
    { ...before, weight: { shape: [1, 2], data: [1, '2'] } },
    { ...before, weight: { shape: [1, 2], data: [1, 2n] } },
  ]) {
    refusal(() => ema.loadStateDict(any(bad)))
    assert.equal(ema.stateDict(), before)
  }
})
average('refuses to be updated, kept or loaded while it is swapped in', () => {
  const net = new Linear(rt, { inFeatures: 2, outFeatures: 1 })
  const ema = new ExponentialMovingAverage(net)
  const kept = ema.stateDict()
  ema.swap()
  for (const use of [() => ema.update(), () => ema.stateDict(), () => ema.loadStateDict(kept)])
    assert.match(refusal(use).message, /call swap\(\) first/)
  ema.swap()
  assert.equal(ema.stateDict(), kept)
})
for (const [what, end] of [
  ['its own', (ema: ExponentialMovingAverage) => ema.dispose()],
  ["its module's", (...[, net]: [ExponentialMovingAverage, Linear]) => net.dispose()],
] as const) {
  average(`after ${what} end writes nowhere`, () => {
    const net = new Linear(rt, { inFeatures: 2, outFeatures: 2 })
    const ema = new ExponentialMovingAverage(net, { decay: 0.5 })
    const kept = ema.stateDict()
    end(ema, net)
    end(ema, net)
    const others = Array.from({ length: 6 }, () => rt.tensor(new Float64Array(8).fill(7), [8]))
    for (const use of [() => ema.update(), () => ema.swap(), () => ema.stateDict(), () => ema.loadStateDict(kept)])
      assert.is(refusal(use).code, 'disposed')
    for (const other of others) assert.equal(numbers(other), Array(8).fill(7))
  })
}
average.run()
