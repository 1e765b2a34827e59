/** DEQ as a module: parameters, streaming, states, tapes, training. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Adam, DEQ, Linear, Sequential, type Tensor, createRuntime, fit, mseLoss } from '../../bindings/index.ts'
import { iteratedPoint, multiply, newtonPoint } from '../reference/equilibrium.ts'
import { INPUTS, distance, drawProblem, expectDifferences, gradientOf, moduleOf, row } from '../support/equilibrium.ts'
import { dot, drawParameters, drawTensor, numbers } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

const module = suite('DEQ')
const options = { inputSize: INPUTS, hiddenSize: 6 }
module('names its parameters, and a state dict goes round', () => {
  const [one, two] = [new DEQ(double, options), new DEQ(double, options)]
  assert.equal(Object.fromEntries(one.parameters().map(({ name, value }) => [name, [...value.shape]])), {
    weight_hh: [6, 6],
    weight_ih: [6, 3],
    bias: [6],
  })
  assert.equal(
    new DEQ(double, { ...options, bias: false }).parameters().map(({ name }) => name),
    ['weight_hh', 'weight_ih'],
  )
  const x = drawTensor(double, 1, 'x', [4, INPUTS])
  assert.not.equal(numbers(one.forward(x).output), numbers(two.forward(x).output))
  two.loadStateDict(one.stateDict())
  assert.equal(numbers(one.forward(x).output), numbers(two.forward(x).output))
  for (const { value } of one.parameters())
    assert.ok(
      value.data.every((weight) => Math.abs(weight) <= 1 / Math.sqrt(6)),
      'drawn within 1 / √H',
    )
})
for (const rt of [double, single]) {
  module(`a stream of steps gives the bits of a sequence, ${rt.dtype}`, () => {
    const [T, B] = [5, 3]
    for (const solver of ['picard', 'anderson', 'broyden', 'newton', 'auto'] as const) {
      const deq = new DEQ(rt, { ...options, solver, spectralNorm: 0.9 })
      drawParameters(deq, 5)
      const x = drawTensor(rt, 1, 'x', [T, B, INPUTS])
      const start = drawTensor(rt, 2, 'start', [B, 6])
      const whole = deq.forward(x, { state: { z: start } })
      const expected = [numbers(whole.output), numbers(whole.state['z']), [...whole.info.iterations]]
      const state = deq.initialState(B)
      state['z'].data.set(start.data)
      const [outputs, iterations]: [number[], number[]] = [[], []]
      for (let t = 0; t < T; t++) {
        const xt = rt.tensor(Array.from(x.data.slice(t * B * INPUTS, (t + 1) * B * INPUTS)), [B, INPUTS])
        const result = deq.step(xt, state)
        assert.is(result.state, state)
        outputs.push(...numbers(result.output))
        iterations.push(...result.info.iterations)
        xt.dispose()
      }
      assert.equal([outputs, numbers(state['z']), iterations], expected, solver)
      const parts = deq.forward(rt.tensor(numbers(x).slice(0, 2 * B * INPUTS), [2, B, INPUTS]), { state: { z: start } })
      const rest = deq.forward(rt.tensor(numbers(x).slice(2 * B * INPUTS), [3, B, INPUTS]), { state: parts.state })
      assert.equal(numbers(rest.output), expected[0].slice(2 * B * 6), 'a split sequence, its state handed in')
      deq.dispose()
    }
  })
}
module('a sequence starts each step from the last fixed point', () => {
  const problem = drawProblem('tanh', 'rotation', { n: 6, inputs: INPUTS, size: 0.95 })
  const deq = moduleOf(double, problem, { solver: { name: 'picard', maxIter: 2000 } })
  const x = drawTensor(double, 1, 'x', [2, INPUTS])
  for (let j = 0; j < INPUTS; j++) x.data[INPUTS + j] = x.data[j] + 1e-6
  const sequence = deq.forward(double.tensor(numbers(x), [2, 1, INPUTS]))
  assert.equal([...sequence.info.iterations.shape], [2, 1])
  assert.equal(sequence.info.iterations.toArray(), [[sequence.info.iterations[0]], [sequence.info.iterations[1]]])
  assert.ok(sequence.info.iterations[1] < sequence.info.iterations[0], 'a warm start is shorter')
  for (let t = 0; t < 2; t++) {
    const exact = iteratedPoint(problem, row(x.data, t, INPUTS))
    assert.ok(distance(row(sequence.output.data, t, 6), exact) <= 1e-8)
  }
})
module('a state handed back in, and an output as the next input, are read before they are overwritten', () => {
  const problem = drawProblem('tanh', 'general', { n: 4, inputs: 4, size: 0.9 })
  const deq = moduleOf(double, problem, { solver: { name: 'picard', tol: 1e-3 } })
  const x = drawTensor(double, 1, 'x', [3, 4])
  const first = deq.forward(x)
  const state = { z: first.state['z'].clone() }
  const output = first.output.clone()
  const byCopies = numbers(deq.forward(output, { state }).output)
  const g = drawTensor(double, 2, 'g', [3, 4])
  deq.zeroGrad()
  const gradient = numbers(deq.backward({ output: g }).input as Tensor)
  const weights = gradientOf(deq, 'weight_ih')
  const radius = deq.spectralRadius()
  const again = deq.forward(x)
  assert.equal(numbers(deq.forward(again.output, { state: again.state }).output), byCopies)
  deq.zeroGrad()
  assert.equal(numbers(deq.backward({ output: g }).input as Tensor), gradient)
  assert.equal(gradientOf(deq, 'weight_ih'), weights)
  assert.is(deq.spectralRadius(), radius)
  const third = deq.forward(x)
  const kept = deq.forward(third.output, { state: third.state, keep: true })
  assert.equal(numbers(kept.output), byCopies)
  deq.forward(x)
  assert.equal(numbers(deq.backward({ output: g }, { tape: kept.tape! }).input as Tensor), gradient)
})
module('two kept tapes, read in either order, are two modules', () => {
  for (const adjoint of ['gmres', 'lu', 'unrolled', 'phantom'] as const) {
    const make = () => {
      const deq = new DEQ(double, { ...options, solver: { name: 'picard', maxIter: 500 }, adjoint, spectralNorm: 0.9 })
      drawParameters(deq, 4)
      return deq
    }
    const deq = make()
    const inputs = [1, 2].map((seed) => drawTensor(double, seed, 'x', [2, 3, INPUTS]))
    const gradients = [1, 2].map((seed) => drawTensor(double, seed, 'g', [2, 3, 6]))
    const alone = inputs.map((x, i) => {
      const own = make()
      const output = numbers(own.forward(x).output)
      const input = numbers(own.backward({ output: gradients[i] }).input as Tensor)
      return { output, input, W: gradientOf(own, 'weight_hh') }
    })
    for (const order of [
      [0, 1],
      [1, 0],
      [0, 1, 1, 0],
    ]) {
      const calls = inputs.map((x) => deq.forward(x, { keep: true }))
      deq.forward(drawTensor(double, 3, 'x', [2, 3, INPUTS]))
      for (const i of order) {
        deq.zeroGrad()
        const input = numbers(deq.backward({ output: gradients[i] }, { tape: calls[i].tape! }).input as Tensor)
        assert.equal({ output: numbers(calls[i].output), input, W: gradientOf(deq, 'weight_hh') }, alone[i], adjoint)
      }
      for (const { tape } of calls) tape!.dispose()
    }
    deq.dispose()
  }
})
module('parameters that change are seen by every shape of call, backward and spectra included', () => {
  const make = () => new DEQ(double, { ...options, spectralNorm: 0.5 })
  const deq = make()
  const inputs = [2, 3].map((B) => drawTensor(double, 1, 'x', [B, INPUTS]))
  const look = (net: DEQ, x: Tensor) => {
    const output = numbers(net.forward(x).output)
    net.zeroGrad()
    const byInput = numbers(net.backward({ output: drawTensor(double, 2, 'g', [x.shape[0], 6]) }).input as Tensor)
    return [output, byInput, gradientOf(net, 'weight_hh'), net.spectralRadius()]
  }
  for (const seed of [1, 2, 3]) {
    drawParameters(deq, seed, seed)
    for (const i of [0, 1, 0]) {
      const fresh = make()
      drawParameters(fresh, seed, seed)
      assert.equal(look(deq, inputs[i]), look(fresh, inputs[i]))
      fresh.dispose()
    }
  }
})
module('what is frozen or not wanted is left out, the rest is the same', () => {
  for (const adjoint of ['gmres', 'unrolled'] as const) {
    const deq = new DEQ(double, { ...options, solver: { name: 'picard', maxIter: 500 }, adjoint, spectralNorm: 0.9 })
    const x = drawTensor(double, 1, 'x', [2, INPUTS])
    const g = drawTensor(double, 2, 'g', [2, 6])
    const names = ['weight_hh', 'weight_ih', 'bias']
    const back = (wanted: object) => {
      deq.forward(x)
      deq.zeroGrad()
      return deq.backward({ output: g }, wanted)
    }
    const input = numbers(back({}).input as Tensor)
    const whole = names.map((name) => gradientOf(deq, name))
    assert.is(back({ inputGradient: false }).input, undefined)
    assert.equal(
      names.map((name) => gradientOf(deq, name)),
      whole,
    )
    deq.freeze(['weight_hh'])
    assert.equal(numbers(back({}).input as Tensor), input)
    assert.ok(gradientOf(deq, 'weight_hh').every((value) => value === 0))
    assert.equal([gradientOf(deq, 'weight_ih'), gradientOf(deq, 'bias')], whole.slice(1))
    deq.dispose()
  }
})
module('in a Sequential: values of both layers, gradients by differences', () => {
  const problem = drawProblem('tanh', 'general', { n: 5, inputs: INPUTS, size: 0.9 })
  const deq = moduleOf(double, problem, {
    solver: { name: 'newton', tol: 1e-14, onFailure: 'accept' },
    adjoint: { name: 'gmres', tol: 1e-13 },
  })
  const head = new Linear(double, { inFeatures: 5, outFeatures: 2 })
  const net = new Sequential(double, [deq, head])
  assert.equal(Object.keys(net.stateDict()), ['0.weight_hh', '0.weight_ih', '0.bias', '1.weight', '1.bias'])
  const x = drawTensor(double, 1, 'x', [4, INPUTS])
  const g = drawTensor(double, 2, 'g', [4, 2])
  const { output } = net.forward(x)
  const [weight, bias] = head.parameters().map(({ value }) => numbers(value))
  for (let i = 0; i < 4; i++) {
    const given = row(x.data, i, INPUTS)
    const z = newtonPoint(problem, given, iteratedPoint(problem, given))
    const expected = multiply(weight, z).map((value, j) => value + bias[j])
    assert.ok(distance(row(output.data, i, 2), expected) <= 1e-12)
  }
  net.zeroGrad()
  const byInput = numbers(net.backward({ output: g }).input as Tensor)
  expectDifferences(deq, x, byInput, () => dot(net.forward(x).output.data, g.data), 1e-7)
})
for (const adjoint of ['gmres', 'jfb', 'phantom', 'unrolled'] as const) {
  module(`is trained with ${adjoint}: the loss falls to a tenth`, async () => {
    const deq = new DEQ(single, {
      inputSize: 2,
      hiddenSize: 12,
      spectralNorm: 0.95,
      solver: adjoint === 'unrolled' ? { name: 'picard', maxIter: 200, tol: 1e-4 } : 'auto',
      adjoint,
      jacobianPenalty: { weight: 1e-3 },
    })
    const net = new Sequential(single, [deq, new Linear(single, { inFeatures: 12, outFeatures: 1 })])
    const input = drawTensor(single, 1, 'x', [64, 2])
    const target = single.tensor(
      Array.from({ length: 64 }, (_, i) => Math.sin(2 * input.data[2 * i]) * input.data[2 * i + 1]),
      [64, 1],
    )
    const { loss } = await fit(
      net,
      { input, target },
      { loss: mseLoss, optimizer: new Adam(net, { lr: 0.02 }), epochs: 60, batchSize: 32, seed: 1 },
    )
    assert.ok(loss.at(-1)! < 0.1 * loss[0], `${loss[0]} to ${loss.at(-1)}`)
    net.dispose()
  })
}
module.run()
