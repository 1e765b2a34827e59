/** Each parameter counts its own steps: frozen ones do not. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Adam, AdamW, type Module, RMSprop, RNN, SGD, createRuntime } from '../../bindings/index.ts'
import { RULES, type RuleOptions } from '../reference/optimizers.ts'
import { generate } from '../support/generator.ts'
import { numbers } from '../support/nets.ts'

const OPTIMIZERS = { SGD, RMSprop, Adam, AdamW }
const CASES: readonly [keyof typeof RULES, RuleOptions][] = [
  ['SGD', { lr: 0.1, weightDecay: 0.02 }],
  ['SGD', { lr: 0.1, momentum: 0.9, dampening: 0.4 }],
  ['SGD', { lr: 0.1, momentum: 0.9, nesterov: true }],
  ['RMSprop', { lr: 0.01, momentum: 0.5, centered: true, alpha: 0.9, eps: 1e-3 }],
  ['Adam', { lr: 0.1 }],
  ['Adam', { lr: 0.1, betas: [0, 0.5], weightDecay: 0.1 }],
  ['AdamW', { lr: 0.1, betas: [0.8, 0.9] }],
]
const STEPS = 24
const rt = await createRuntime({ dtype: 'float64', seed: 1 })
const make = () => new RNN(rt, { inputSize: 3, hiddenSize: 5, numLayers: 2 })

/** Freezes and unfreezes a few parameters before some steps, another few each time. */
function thaw(model: Module, step: number): void {
  if (step % 3 !== 0) return
  const names = model.parameters().map(({ name }) => name)
  model.unfreeze().freeze(names.filter((_, i) => (i * 5 + step) % 4 < 2 && step % 6 === 0))
}

const frozen = suite('a parameter frozen for some steps')
for (const [kind, options] of CASES) {
  frozen(`is updated by its own count of steps: ${kind} ${JSON.stringify(options)}`, () => {
    const model = make()
    const optimizer = new OPTIMIZERS[kind](model, options)
    const rules = model.parameters().map(({ value }) => Array.from({ length: value.size }, () => RULES[kind](options)))
    const expected = model.parameters().map(({ value }) => numbers(value))
    for (let step = 0; step < STEPS; step++) {
      thaw(model, step)
      const isFrozen = (name: string) => model.blocks().some((block) => block.frozen.has(name))
      for (const [p, { name, grad }] of model.parameters().entries()) {
        const gradient = generate(7, `${name} ${step}`, grad.size)
        grad.data.set(gradient)
        if (!isFrozen(name)) expected[p] = expected[p]!.map((w, i) => rules[p]![i]!(w, gradient[i]!))
      }
      optimizer.step()
    }
    // some twenty roundings a step of numbers below 8, roots as small as 0.02 among them
    const tolerance = 20 * STEPS * 8 * 2 ** -52 * 50
    for (const [p, { name, value }] of model.parameters().entries())
      for (const [i, w] of numbers(value).entries())
        assert.ok(Math.abs(w - expected[p]![i]!) <= tolerance, `${name} ${i}: ${w} for ${expected[p]![i]}`)
  })
}

frozen('has an update of lr at its first step with Adam, whenever that is', () => {
  const model = make()
  const optimizer = new Adam(model, { lr: 0.1 })
  model.freeze(['weight_hh_l0'])
  const before = model.stateDict()['weight_hh_l0']!.data
  for (let step = 0; step < 11; step++) {
    if (step === 10) model.unfreeze()
    for (const { grad } of model.parameters()) grad.data.fill(3)
    optimizer.step()
  }
  for (const [i, w] of model.stateDict()['weight_hh_l0']!.data.entries())
    assert.ok(Math.abs(before[i]! - w - 0.1) <= 1e-8, `${before[i]! - w}`) // eps / gradient, 1e-8 / 3, of lr
})

frozen('keeps its moments and counts', () => {
  const model = make()
  const optimizer = new Adam(model)
  const run = () => {
    for (const { grad } of model.parameters()) grad.data.fill(1)
    optimizer.step()
  }
  run()
  const before = optimizer.stateDict()
  model.freeze(['weight_ih_l0', 'bias_hh_l1'])
  run()
  const after = optimizer.stateDict()
  const position = (name: string) => model.parameters().findIndex((parameter) => parameter.name === name)
  for (const { name } of model.parameters()) {
    const stays = ['weight_ih_l0', 'bias_hh_l1'].includes(name)
    assert.is(after['counters']!.data[3 * position(name)], stays ? 1 : 2, name)
    for (const moment of ['mean', 'square']) {
      const isSame = `${after[`${moment}.${name}`]!.data}` === `${before[`${moment}.${name}`]!.data}`
      assert.is(isSame, stays, `${moment}.${name}`)
    }
  }
})
frozen.run()
