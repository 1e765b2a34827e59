/** Moments and norms of gradients at the ends of the range of numbers. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Adam, AdamW, Linear, RMSprop, type Runtime, SGD, clipGradNorm, createRuntime } from '../../bindings/index.ts'
import { RULES, type RuleOptions } from '../reference/optimizers.ts'
import { numbers } from '../support/nets.ts'

const OPTIMIZERS = { SGD, RMSprop, Adam, AdamW }
const float32 = await createRuntime({ variant: 'simd', seed: 1 })
const float64 = await createRuntime({ dtype: 'float64', seed: 1 })

/** A net of one row of weights, all of them `start`. */
function row(rt: Runtime, count: number, start = 0) {
  const net = new Linear(rt, { inFeatures: count, outFeatures: 1, bias: false })
  const [weight] = net.parameters()
  weight!.value.data.fill(start)
  return { net, value: weight!.value, grad: weight!.grad }
}

const STEPS = 400
const small = (step: number) => Math.sin(1 + step)
/** Gradients by step: finite as float32, their squares not. */
const SERIES: Readonly<Record<string, (step: number) => number>> = {
  'of 1e20, then of 1': (step) => (step === 0 ? 1e20 : small(step)),
  'of 1, and one of -1e20 at step 100': (step) => (step === 100 ? -1e20 : small(step)),
  'of some 1e20 for three steps': (step) => (step < 3 ? 1e20 * small(step) : small(step)),
  'of 1e19 and less': (step) => 1e19 * small(step),
}
const HUGE: readonly [keyof typeof RULES, RuleOptions][] = [
  ['Adam', { lr: 0.01 }],
  ['Adam', { lr: 0.01, weightDecay: 0.1 }],
  ['AdamW', { lr: 0.01 }],
  ['RMSprop', { lr: 0.01 }],
  ['RMSprop', { lr: 0.01, momentum: 0.5 }],
]

const huge = suite('in float32, gradients')
for (const [title, series] of Object.entries(SERIES)) {
  for (const [kind, options] of HUGE) {
    huge(`${title} move weights as they do in float64: ${kind} ${JSON.stringify(options)}`, () => {
      const { net, value, grad } = row(float32, 5, 0.5)
      const optimizer = new OPTIMIZERS[kind](net, options)
      const rule = RULES[kind](options)
      let expected = 0.5
      for (let step = 0; step < STEPS; step++) {
        const gradient = Math.fround(series(step))
        grad.data.fill(gradient)
        optimizer.step()
        expected = rule(expected, gradient)
        // ten roundings a step: of the moments, of an update below 10 lr / (1 - momentum), and of a weight below 4
        const tolerance = 10 * (step + 1) * 4 * 2 ** -24
        for (const w of numbers(value))
          assert.ok(Math.abs(w - expected) <= tolerance, `step ${step}: ${w} for ${expected}`)
      }
    })
  }
}

for (const size of [1e21, 1e30, 3.4e38]) {
  for (const kind of ['Adam', 'AdamW', 'RMSprop'] as const) {
    huge(`of ${size} make an update as large as any first one, and leave finite moments: ${kind}`, () => {
      const { net, value, grad } = row(float32, 4)
      const optimizer = new OPTIMIZERS[kind](net, { lr: 0.01, weightDecay: 0 })
      grad.data.fill(size)
      optimizer.step()
      const first = kind === 'RMSprop' ? 0.1 : 0.01 // lr / sqrt(1 - alpha); lr
      for (const w of numbers(value)) assert.ok(Math.abs(w + first) <= 1e-5 * first, `${w}`)
      for (let step = 0; step < 100; step++) optimizer.step()
      for (const { data } of Object.values(optimizer.stateDict())) assert.ok(data.every(Number.isFinite))
      // no update exceeds lr / sqrt(1 - beta2) (31.6 lr, 10 lr)
      for (const w of numbers(value)) assert.ok(Math.abs(w) <= 101 * 0.01 * 32, `${w}`)
    })
  }
}

huge('that are infinite or NaN are not hidden', () => {
  for (const kind of ['SGD', 'RMSprop', 'Adam', 'AdamW'] as const) {
    const { net, value, grad } = row(float32, 4)
    const optimizer = new OPTIMIZERS[kind](net)
    grad.data.set([Infinity, -Infinity, Number.NaN, 1])
    optimizer.step()
    const [a, b, c, d] = numbers(value)
    assert.ok(![a, b, c].some(Number.isFinite) && Number.isFinite(d), `${kind}: ${numbers(value)}`)
  }
})

huge('constant at 0.1 never have a variance below 0: centred RMSprop', () => {
  const { net, value, grad } = row(float32, 4)
  const optimizer = new RMSprop(net, { lr: 1e-3, centered: true })
  grad.data.fill(0.1)
  for (let step = 0; step < 3000; step++) optimizer.step()
  assert.ok(numbers(value).every(Number.isFinite), `${numbers(value)}`)
})
huge.run()

const tiny = suite('moments')
for (const [rt, smallest] of [
  [float32, 2 ** -126],
  [float64, 2 ** -1022],
] as const) {
  tiny(`are never subnormal, whatever the gradients (${rt.dtype})`, () => {
    const decades = rt === float32 ? 46 : 324
    const { net, grad } = row(rt, decades)
    const makers = [new Adam(net), new SGD(net, { momentum: 0.9 }), new RMSprop(net, { centered: true, momentum: 0.9 })]
    for (const optimizer of makers) {
      for (let step = 0; step < 2000; step++) {
        grad.data.set(Array.from({ length: decades }, (_, i) => (step < 20 ? 10 ** -i : 0)))
        optimizer.step()
        if (step % 37 > 0 && step > 40) continue
        for (const [name, { data }] of Object.entries(optimizer.stateDict()))
          if (name !== 'counters')
            assert.ok(
              data.every((x) => x === 0 || Math.abs(x) >= smallest),
              `${name} at step ${step}`,
            )
      }
    }
  })
  tiny(`of gradients too small to be squared divide nothing by 0, eps 0 included (${rt.dtype})`, () => {
    for (const kind of ['Adam', 'RMSprop'] as const) {
      const { net, value, grad } = row(rt, 8)
      const optimizer = new OPTIMIZERS[kind](net, { lr: 0.01, eps: 0 })
      const scale = rt === float32 ? 1 : 1e-135
      grad.data.set([0, 1e-30, 1e-24, 1e-20, 1e-19, 1e-18, 1e-17, 1].map((g, i) => (i < 7 ? g * scale : g)))
      for (let step = 0; step < 3; step++) optimizer.step()
      assert.ok(
        numbers(value).every((w) => w <= 0 && w >= -0.01 * 10 * 3 * 1.001),
        `${kind}: ${numbers(value)}`,
      )
      assert.is(numbers(value)[0], 0)
    }
  })
}

tiny('of float64 are kept down to 2^-1022: a gradient of 1e-140 has an update of lr without eps', () => {
  const { net, value, grad } = row(float64, 4)
  grad.data.fill(1e-140)
  new Adam(net, { lr: 0.01, eps: 0 }).step()
  for (const w of numbers(value)) assert.ok(Math.abs(w + 0.01) <= 1e-9 * 0.01, `${w}`)
})
tiny.run()

const norms = suite('the norm of gradients')
const NORMS: readonly [Runtime, number[], number][] = [
  [float32, [1e20, -1e20], 1],
  [float32, [1e-30, 2e-30], 1],
  [float32, [1e-19, 2e-19], 1e-20],
  [float32, [3e38, 3e38, 3e38], 1e-3], // a coefficient of 2e-42, subnormal in float32
  [float64, [3e-200, 4e-200], 1],
  [float64, [3e200, 4e200], 1],
  [float64, [1e-170, 1e-200], 1e-20],
  [float64, [1e307, 1e307], 1e-3],
  [float64, [5e-324, 0], 1],
]
for (const [rt, given, maxNorm] of NORMS) {
  norms(`is right, and clipped, for ${given} (${rt.dtype})`, () => {
    const { net, grad } = row(rt, given.length)
    grad.data.set(given)
    const norm = clipGradNorm(net, maxNorm)
    const expected = Math.hypot(...Array.from(rt === float32 ? given.map(Math.fround) : given))
    assert.ok(Math.abs(norm - expected) <= 8 * 2 ** -52 * expected, `${norm} for ${expected}`)
    const coefficient = Math.min(1, maxNorm / (expected + 1e-6))
    // subnormal float64 coefficients keep 2^-1074 / 1e-310 = 5e-14 of themselves
    const epsilon = rt === float32 ? 2 ** -22 : 1e-12
    for (const [i, g] of numbers(grad).entries())
      assert.ok(
        Math.abs(g - given[i]! * coefficient) <= epsilon * Math.abs(given[i]! * coefficient),
        `${g} for ${given[i]! * coefficient}`,
      )
  })
}
norms('of zeros is 0, of what is infinite is infinite', () => {
  const { net, grad } = row(float64, 3)
  assert.is(clipGradNorm(net, 1), 0)
  grad.data.set([1, Infinity, 2])
  assert.is(clipGradNorm(net, 1), Infinity)
})
norms.run()
