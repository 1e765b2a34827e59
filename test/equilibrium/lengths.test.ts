/** Samples of different lengths in a DEQ over time: each one is what it is alone, and nothing behind its end is read. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  type DEQOptions,
  LSTM,
  LastStep,
  Linear,
  type Runtime,
  Sequential,
  type Tensor,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import { add, concat, linear, log, mul, scale, sin, slice, square, tanh } from '../../bindings/ops.ts'
import { generate } from '../support/generator.ts'

const [T, B] = [5, 4]
const LENGTHS = [5, 0, 2, 4]

/** Two states, two inputs, an output that is neither state, and a division that zeros in place of padding would spoil. */
const cell = defineCell({
  state: { a: 2, b: 3 },
  input: { x: 3, y: 1 },
  params: { A: [2, 3], B: [3, 2], k: [3] },
  step: ({ a, b, x, y, A, B: W, k }) => {
    const nextA = tanh(linear(b!, A!, mul(slice(x!, 0, 2), y!)))
    const nextB = scale(sin(linear(a!, W!, k!)), 0.5)
    return { state: { a: nextA, b: nextB }, output: concat(mul(nextA, y!), square(nextB)) }
  },
})

type States = Record<string, Tensor>

/** The same draws for every model. */
function materials(rt: Runtime) {
  const draw = (name: string, ...shape: number[]) =>
    rt.tensor(generate(1, name, shape.reduce((product, size) => product * size), 0.5), shape) // prettier-ignore
  return {
    input: { x: draw('x', T, B, 3), y: draw('y', T, B, 1) },
    state: { a: draw('a', B, 2), b: draw('b', B, 3) },
    gradient: { output: draw('output', T, B, 5), state: { a: draw('da', B, 2), b: draw('db', B, 3) } },
  }
}

/** Sample b of a tensor whose batch axis is `axis`, its first `steps` steps. */
function sampleOf(rt: Runtime, tensor: Tensor, b: number, steps: number, hasTime: boolean): Tensor {
  const n = tensor.shape.at(-1)!
  const rows = Array.from({ length: hasTime ? steps : 1 }, (_, t) => Array.from(tensor.data.slice((t * B + b) * n, (t * B + b + 1) * n))) // prettier-ignore
  return rt.tensor(rows.flat(), hasTime ? [steps, 1, n] : [1, n])
}

const MODELS: Record<string, Partial<DEQOptions>> = {
  gmres: { solver: 'newton', adjoint: 'gmres' },
  'neumann, three terms': { solver: 'anderson', adjoint: { name: 'neumann', terms: 3 } },
  unrolled: { solver: { name: 'picard', maxIter: 500 }, adjoint: 'unrolled' },
}

const doubles = await Promise.all(Object.keys(MODELS).map(() => createRuntime({ seed: 2, dtype: 'float64' })))
const single = await createRuntime({ seed: 2 })

const test = suite('lengths of a DEQ')

for (const [index, [name, options]] of Object.entries(MODELS).entries()) {
  const rt = doubles[index]!
  test(`${name}: outputs, states and gradients are those of each sample alone, to the bit`, () => {
    const deq = new DEQ(rt, { cell, ...options } as DEQOptions)
    const { input, state, gradient } = materials(rt)
    for (const [which, tensor] of Object.entries(input)) {
      const n = tensor.shape[2]!
      for (let row = 0; row < T * B; row++)
        if (Math.floor(row / B) >= LENGTHS[row % B]!) tensor.data.fill(Number.NaN, row * n, (row + 1) * n)
      assert.ok(tensor.data.some(Number.isNaN), which)
    }
    const forward = deq.forward(input, { state, lengths: LENGTHS })
    const backward = deq.backward(gradient)
    const results = {
      output: forward.output.clone(),
      a: forward.state['a']!.clone(),
      b: forward.state['b']!.clone(),
      dx: (backward.input as States)['x']!.clone(),
      dy: (backward.input as States)['y']!.clone(),
      da: (backward.state as States)['a']!.clone(),
      db: (backward.state as States)['b']!.clone(),
    }
    const sums = deq.parameters().map(({ grad }) => grad.data.slice())
    deq.zeroGrad()
    for (const [b, length] of LENGTHS.entries()) {
      const own = (tensor: Tensor, hasTime: boolean) => sampleOf(rt, tensor, b, length, hasTime)
      const rest = (tensor: Tensor) => Array.from({ length: T - length }, (_, i) => Array.from(tensor.data.slice(((length + i) * B + b) * tensor.shape[2]!, ((length + i) * B + b + 1) * tensor.shape[2]!))).flat() // prettier-ignore
      for (const tensor of [results.output, results.dx, results.dy])
        assert.ok(rest(tensor).every((value) => value === 0), `sample ${b}: 0 behind its end`) // prettier-ignore
      if (length === 0) {
        assert.equal([...own(results.a, false).data], [...own(state.a, false).data])
        assert.equal([...own(results.da, false).data], [...own(gradient.state.a, false).data])
        assert.equal([...own(results.db, false).data], [...own(gradient.state.b, false).data])
        continue
      }
      const alone = deq.forward(
        { x: own(input.x, true), y: own(input.y, true) },
        { state: { a: own(state.a, false), b: own(state.b, false) } },
      )
      assert.equal([...alone.output.data], [...own(results.output, true).data])
      assert.equal([...alone.state['b']!.data], [...own(results.b, false).data])
      const back = deq.backward({
        output: own(gradient.output, true),
        state: { a: own(gradient.state.a, false), b: own(gradient.state.b, false) },
      })
      assert.equal([...(back.input as States)['x']!.data], [...own(results.dx, true).data])
      assert.equal([...(back.input as States)['y']!.data], [...own(results.dy, true).data])
      assert.equal([...(back.state as States)['a']!.data], [...own(results.da, false).data])
    }
    // sums over samples may differ in rounding: at most T · B terms of about the sum's size
    for (const [i, { grad, name: param }] of deq.parameters().entries())
      for (const [j, value] of grad.data.entries()) {
        const tolerance = T * B * 2 ** -50 * Math.max(1, Math.abs(value))
        assert.ok(Math.abs(value - sums[i]![j]!) <= tolerance, `${param}[${j}]: ${value} against ${sums[i]![j]}`)
      }
  })
}

test('the penalty on the Jacobian is a mean over steps that are there', () => {
  const rt = doubles[0]!
  const penalised = () => new DEQ(rt, { inputSize: 3, hiddenSize: 4, jacobianPenalty: { weight: 1, samples: 2000 } })
  const deq = penalised()
  const { input } = materials(rt)
  const short = deq.forward(input.x, { lengths: [1, 0, 0, 0] }).info.jacobianPenalty!
  const first = rt.tensor(input.x.data.slice(0, 3), [1, 3])
  const alone = deq.forward(first).info.jacobianPenalty!
  // the same ‖J‖² / n by other draws: the estimate's deviation is below ‖J‖² √(2 / 2000) / n, for each of the two
  assert.ok(Math.abs(short / alone - 1) < 4 * Math.SQRT2 * Math.sqrt(2 / 2000), `${short} against ${alone}`)
})

test('a Sequential hands them on as far as there is time; padding changes nothing', () => {
  const net = new Sequential(single, [
    new LSTM(single, { inputSize: 3, hiddenSize: 6 }),
    new DEQ(single, { inputSize: 6, hiddenSize: 5, solver: 'anderson' }),
    new LastStep(single),
    new DEQ(single, { inputSize: 5, hiddenSize: 3 }),
    new Linear(single, { inFeatures: 3, outFeatures: 2 }),
  ])
  const { input } = materials(single)
  const run = () => {
    net.zeroGrad()
    const { output } = net.forward(input.x, { lengths: LENGTHS })
    const values = output.clone()
    const dInput = net.backward({ output: values }).input as Tensor
    return [values.data, dInput.data, ...net.parameters().map(({ grad }) => grad.data)].map((list) => [...list])
  }
  const expected = run()
  for (let row = 0; row < T * B; row++)
    if (Math.floor(row / B) >= LENGTHS[row % B]!) input.x.data.fill(Number.NaN, row * 3, row * 3 + 3)
  assert.equal(run(), expected)
})

test('truncation and checkpoints, which a Sequential hands to all its modules, leave an implicit gradient as it is', () => {
  const deq = new DEQ(single, { inputSize: 3, hiddenSize: 4 })
  const { input } = materials(single)
  const gradient = single.tensor(generate(3, 'g', T * B * 4), [T, B, 4])
  const run = (options: object) => {
    deq.forward(input.x, options)
    return [...(deq.backward({ output: gradient }).input as Tensor).data]
  }
  const expected = run({})
  assert.equal(run({ truncation: { window: 2 } }), expected)
  assert.equal(run({ checkpoint: 'sqrt' }), expected)
})

test('a sample without steps brings nothing: no gradient, no radius, no number that is not finite', () => {
  const rt = doubles[0]!
  // neither the map nor its slopes are finite at 0
  const steep = defineCell({
    state: { x: 1 },
    input: { u: 1 },
    params: { A: [1, 1], C: [1] },
    step: ({ x, u, A, C }) => {
      const next = add(scale(tanh(linear(x!, A!)), 0.5), mul(C!, log(u!)))
      return { state: { x: next }, output: next }
    },
  })
  const deq = new DEQ(rt, { cell: steep, init: { A: 0.5, C: 0.5 }, jacobianPenalty: { weight: 0.1 } })
  const input = rt.tensor([2, 0, 3, 0], [2, 2, 1])
  const ones = rt.tensor([1, 1, 1, 1], [2, 2, 1])
  const run = (lengths: number[], state?: States) => {
    deq.zeroGrad()
    const { info } = deq.forward(input, { lengths })
    const back = deq.backward({ output: ones, ...(state && { state }) })
    assert.ok(Number.isFinite(info.jacobianPenalty))
    for (const { grad } of deq.parameters()) assert.ok(grad.data.every(Number.isFinite))
    if (lengths[1] === 0) assert.is((back.input as Tensor).data[1], 0)
    return [...(back.state as States)['x']!.data]
  }
  assert.equal(run([2, 0], { x: rt.tensor([5, 7], [2, 1]) }), [0, 7])
  assert.equal(deq.spectralRadius({ perSample: true })[1], 0)
  // nothing of the last call is left
  input.data.fill(2)
  assert.equal(run([2, 2]), [0, 0])
  assert.equal(run([0, 0]), [0, 0])
})

test('refuses lengths that do not fit, and a batch-first input', () => {
  const deq = new DEQ(single, { inputSize: 3, hiddenSize: 4 })
  const { input } = materials(single)
  assert.throws(() => deq.forward(input.x, { lengths: [1, 2, 3] }), /lengths holds 3 numbers/)
  assert.throws(() => deq.forward(input.x, { lengths: [1, 2, 3, 6] }), /lengths\[3\] is 6/)
  const net = new Sequential(single, [new LSTM(single, { inputSize: 3, hiddenSize: 3, batchFirst: true }), deq])
  assert.throws(() => net.forward(input.x), /batchFirst.*\[T, B, F\]/)
})
test.run()
