/** Several schedules on one optimiser, rates set by hand, plateaus of negative metrics: PyTorch's rates. */
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CosineAnnealingLR,
  Linear,
  LinearLR,
  ReduceLROnPlateau,
  SGD,
  type Schedule,
  StepLR,
  createRuntime,
} from '../../bindings/index.ts'
import { any, refusal } from '../support/refusals.ts'

interface Case {
  readonly schedules: { readonly kind: keyof typeof KINDS; readonly options: Record<string, unknown> }[]
  readonly metrics?: number[]
  readonly by_hand?: { readonly after: number; readonly lr: number }
  readonly rates: number[]
}

const KINDS = { StepLR, CosineAnnealingLR, LinearLR, ReduceLROnPlateau }
const fixture = JSON.parse(readFileSync(new URL('../fixtures/schedules.json', import.meta.url), 'utf8')) as {
  lr: number
  metrics: number[]
  cases: Case[]
}
const rt = await createRuntime({ dtype: 'float64', seed: 1 })
const optimizerOf = (lr: number) => new SGD(new Linear(rt, { inFeatures: 1, outFeatures: 1 }), { lr })
const camel = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
const camelled = (options: Record<string, unknown>) =>
  any(Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value])))

const together = suite("schedules give PyTorch's rates")
for (const { schedules, metrics = fixture.metrics, by_hand, rates } of fixture.cases) {
  const name = schedules.map(({ kind, options }) => `${kind} ${JSON.stringify(options)}`).join(' and ')
  together(`${name}${by_hand ? ', the rate set by hand' : ''}, metrics from ${metrics[0]}`, () => {
    const optimizer = optimizerOf(fixture.lr)
    const made: Schedule[] = schedules.map(({ kind, options }) => new KINDS[kind](optimizer, camelled(options)))
    const found = [optimizer.lr]
    for (const [step, metric] of metrics.entries()) {
      if (step === by_hand?.after) optimizer.lr = by_hand.lr
      for (const schedule of made) schedule.step(metric)
      found.push(optimizer.lr)
    }
    // two schedules, six roundings a step each, of numbers below 1; the cosines differ by an ulp of 1 from the host's, and where 1 + cos is
    // 0.05 that is 20 ulp
    for (const [step, rate] of found.entries())
      assert.ok(Math.abs(rate - rates[step]!) <= (step + 1) * 32 * 2 ** -52, `step ${step}: ${rate} for ${rates[step]}`)
  })
}

together('of a single cosine in its closed form, over many periods', () => {
  const [optimizer, tMax, etaMin] = [optimizerOf(1), 1000, 0.1]
  const schedule = new CosineAnnealingLR(optimizer, { tMax, etaMin })
  for (let step = 1; step <= 10 * tMax; step++) {
    schedule.step()
    const closed = etaMin + ((1 - etaMin) * (1 + Math.cos((Math.PI * step) / tMax))) / 2
    // the first step back from etaMin is (1 - cos(π / tMax)) / 2 = 2.5e-6 with an error of 2^-53, which then grows with the rate
    assert.ok(Math.abs(optimizer.lr - closed) <= 1e-9, `step ${step}: ${optimizer.lr} for ${closed}`)
  }
})
together.run()

const warmup = suite('a warm-up and a cosine')
warmup('multiply: the peak is reached', () => {
  const optimizer = optimizerOf(1)
  const schedules = [
    new LinearLR(optimizer, { startFactor: 0.1, totalIters: 3 }),
    new CosineAnnealingLR(optimizer, { tMax: 10 }),
  ]
  const rates = [optimizer.lr]
  for (let epoch = 0; epoch < 6; epoch++) {
    for (const schedule of schedules) schedule.step()
    rates.push(optimizer.lr)
  }
  const factor = (epoch: number) => Math.min(1, 0.1 + 0.3 * epoch)
  for (const [epoch, rate] of rates.entries()) {
    const expected = (factor(epoch) * (1 + Math.cos((Math.PI * epoch) / 10))) / 2
    assert.ok(Math.abs(rate - expected) <= 64 * 2 ** -52, `epoch ${epoch}: ${rate} for ${expected}`)
  }
})
warmup.run()

const refused = suite('a refused')
refused('step changes nothing', () => {
  const optimizer = optimizerOf(1)
  const schedule = new ReduceLROnPlateau(optimizer)
  const before = schedule.stateDict()
  for (const metric of [undefined, null, '1', {}]) assert.is(refusal(() => schedule.step(any(metric))).code, 'type')
  assert.equal(schedule.stateDict(), before)
})

refused('option changes nothing, not even where later schedules start from', () => {
  const optimizer = optimizerOf(0.5)
  for (const build of [
    () => new LinearLR(optimizer, { startFactor: 0 }),
    () => new LinearLR(optimizer, { endFactor: 2 }),
    () => new LinearLR(optimizer, any({ endFactor: null })),
    () => new LinearLR(optimizer, { totalIters: 0 }),
    () => new CosineAnnealingLR(optimizer, { tMax: 2.5 }),
    () => new StepLR(optimizer, any({ stepSize: 3, gamma: null })),
    () => new ReduceLROnPlateau(optimizer, any({ thresholdMode: 'absolute' })),
    () => new ReduceLROnPlateau(optimizer, { eps: -1 }),
  ])
    assert.is(refusal(build).code, 'option')
  assert.is(optimizer.lr, 0.5)
  optimizer.lr = 0.25
  assert.is(new LinearLR(optimizer, { startFactor: 0.5 }).baseLr, 0.25)
})

refused('state changes nothing', () => {
  const optimizer = optimizerOf(1)
  const schedule = new ReduceLROnPlateau(optimizer)
  schedule.step(3)
  const before = schedule.stateDict()
  for (const name of Object.keys(before)) {
    const strays = [null, undefined, '1', Number.NaN, ...(name === 'best' ? [] : [-1, Infinity])]
    for (const stray of [...strays, ...(/lr|best/i.test(name) ? [] : [1.5])])
      assert.is(
        refusal(() => schedule.loadStateDict(any({ ...before, [name]: stray }))).code,
        'state-dict',
        `${name} ${stray}`,
      )
    const { [name]: _, ...rest } = before
    assert.is(refusal(() => schedule.loadStateDict(rest)).code, 'state-dict')
  }
  for (const stray of [null, [], 'state', { ...before, more: 1 }]) refusal(() => schedule.loadStateDict(any(stray)))
  assert.equal(schedule.stateDict(), before)
})
refused.run()
