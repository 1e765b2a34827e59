import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  GRU,
  LSTM,
  LastStep,
  Linear,
  type Module,
  type Parameter,
  RNN,
  type Runtime,
  Sequential,
  type State,
  type Tensor,
  createRuntime,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { readSafetensors, writeSafetensors } from '../../bindings/io.ts'
import { gemmReference } from '../reference/gemm.ts'
import { drawTensor, numbers, stateNumbers } from '../support/nets.ts'
import { STRUCTURED, structured } from '../support/structured.ts'

/** Sizes straddle the vector's lanes; 90 steps of 3 samples are more than one chunk of 256 rows. */
const SIZES = [
  [1, 1],
  [3, 5],
  [17, 33],
] as const
const [T, B] = [90, 3]

type Make = (runtime: Runtime, I: number, H: number) => Module
const KINDS: Record<string, Make> = {
  RNN: (rt, inputSize, hiddenSize) => new RNN(rt, { inputSize, hiddenSize, numLayers: 2 }),
  LSTM: (rt, inputSize, hiddenSize) => new LSTM(rt, { inputSize, hiddenSize, numLayers: 2 }),
  GRU: (rt, inputSize, hiddenSize) => new GRU(rt, { inputSize, hiddenSize, numLayers: 2 }),
  'GRU, reset before': (rt, inputSize, hiddenSize) =>
    new GRU(rt, { inputSize, hiddenSize, numLayers: 2, resetAfter: false }),
}
for (const [name, cell] of Object.entries(STRUCTURED)) KINDS[name] = (rt, I, H) => structured(rt, cell, I, H)

const rowsOf = (tensor: Tensor, from: number, to: number) =>
  tensor.data.slice((from * tensor.size) / tensor.shape[0]!, (to * tensor.size) / tensor.shape[0]!)
const cut = (rt: Runtime, x: Tensor, from: number, to: number) =>
  rt.tensor(rowsOf(x, from, to), [to - from, ...x.shape.slice(1)])
const sample = (rt: Runtime, x: Tensor, b: number) => {
  const [steps, batch, F] = x.shape as [number, number, number]
  return rt.tensor(
    Array.from({ length: steps * F }, (_, i) => x.data[(Math.floor(i / F) * batch + b) * F + (i % F)]!),
    [steps, 1, F],
  )
}

// made before the first suite: uvu starts its queue at the first await, and would run a suite twice
const HOSTS = [{ variant: 'simd' }, { dtype: 'float64' }] as const
const runtimes = await Promise.all(HOSTS.map((options) => createRuntime({ ...options, seed: 11 })))

for (const [index, options] of HOSTS.entries()) {
  const runtime = runtimes[index]!
  const test = suite(`the same bits (${runtime.dtype}, ${runtime.variant})`)
  for (const [kind, make] of Object.entries(KINDS)) {
    for (const [I, H] of SIZES) {
      const net = make(runtime, I, H)
      const x = drawTensor(runtime, 1, 'x', [T, B, I])
      const whole = () => {
        const { output, state } = net.forward(x, { tape: false })
        return { output: numbers(output), state: stateNumbers(state) }
      }
      test(`${kind} ${I}→${H}: a split sequence gives what the whole gives`, () => {
        const expected = whole()
        const outputs: number[] = []
        let state: State | undefined
        for (const [from, to] of [
          [0, 1],
          [1, 40],
          [40, T],
        ] as const) {
          const part = net.forward(cut(runtime, x, from, to), state ? { state } : {})
          outputs.push(...numbers(part.output))
          state = part.state
        }
        assert.equal(outputs, expected.output)
        assert.equal(stateNumbers(state), expected.state)
      })
      test(`${kind} ${I}→${H}: step gives what forward gives`, () => {
        const expected = whole()
        const state = net.initialState(B)!
        const outputs = Array.from({ length: T }, (_, t) =>
          numbers(net.step(runtime.tensor(rowsOf(x, t, t + 1), [B, I]), state).output),
        )
        assert.equal(outputs.flat(), expected.output)
        assert.equal(stateNumbers(state), expected.state)
      })
      test(`${kind} ${I}→${H}: with a tape as without`, () => {
        const expected = whole()
        const { output, state } = net.forward(x, { tape: true })
        assert.equal(numbers(output), expected.output)
        assert.equal(stateNumbers(state), expected.state)
      })
      test(`${kind} ${I}→${H}: a sample alone gives what it gives in a batch`, () => {
        net.forward(x)
        const dOutput = drawTensor(runtime, 2, 'd', [T, B, H])
        const dInput = runtime.tensor((net.backward({ output: dOutput }).input as Tensor).data, [T, B, I])
        const output = runtime.tensor(net.forward(x).output.data, [T, B, H])
        for (let b = 0; b < B; b++) {
          assert.equal(numbers(net.forward(sample(runtime, x, b)).output), numbers(sample(runtime, output, b)))
          const alone = net.backward({ output: sample(runtime, dOutput, b) }).input as Tensor
          assert.equal(numbers(alone), numbers(sample(runtime, dInput, b)), `gradient by the input of sample ${b}`)
        }
      })
    }
  }
  for (const [I, H] of SIZES) {
    test(`fused gates give what the plain chain gives, ${I}→${H}`, () => {
      for (const Kind of [LSTM, GRU]) {
        const [fused, plain] = [true, false].map(
          (value) => new Kind(runtime, { inputSize: I, hiddenSize: H, fused: value }),
        ) as Module[] as [Module, Module]
        plain.loadStateDict(fused.stateDict())
        const x = drawTensor(runtime, 3, 'x', [T, B, I], 3)
        const [a, b] = [fused.forward(x), plain.forward(x)]
        assert.equal(numbers(b.output), numbers(a.output))
        assert.equal(stateNumbers(b.state), stateNumbers(a.state))
      }
    })
  }
  test('Linear: terms are summed in their order from the bias on, rows from 0 on, and then added to the gradient there was', () => {
    const round = runtime.dtype === 'float64' ? (value: number) => value : Math.fround
    const [I, O] = [300, 45] // more terms than a block's depth; columns for tiles of every width and an edge
    const net = new Linear(runtime, { inFeatures: I, outFeatures: O })
    const [weight, bias] = net.parameters() as [Parameter, Parameter]
    const [w, start] = [numbers(weight.value), numbers(bias.value)]
    for (const rows of [1, 2, 3, 7, 31, 64]) {
      const x = drawTensor(runtime, 5, 'x', [rows, I])
      const starts = Array.from({ length: rows }, () => start).flat()
      const [a, b] = [(i: number, k: number) => x.data[i * I + k]!, (k: number, j: number) => w[j * I + k]!]
      assert.equal(numbers(net.forward(x).output), gemmReference(rows, O, I, a, b, starts, round), `${rows} rows`)
      const dOutput = drawTensor(runtime, 6, 'd', [rows, O])
      const [before, sums] = [numbers(bias.grad), new Array<number>(O).fill(0)]
      for (const [i, d] of numbers(dOutput).entries()) sums[i % O] = round(sums[i % O]! + d)
      const expected = before.map((value, i) => round(value + sums[i]!))
      net.backward({ output: dOutput })
      assert.equal(numbers(bias.grad), expected, `${rows} rows`)
    }
  })
  test('results handed in again are safe', () => {
    const net = new RNN(runtime, { inputSize: 5, hiddenSize: 5 })
    const x = drawTensor(runtime, 4, 'x', [T, B, 5])
    const twice = (copy: boolean) => {
      const first = net.forward(x)
      const second = net.forward(copy ? first.output.clone() : first.output, { state: first.state! })
      const back = net.backward({ output: second.output })
      const again = net.backward({ output: copy ? (back.input as Tensor).clone() : (back.input as Tensor) })
      const state = net.initialState(B)!
      let next = net.step(runtime.tensor(rowsOf(x, 0, 1), [B, 5]), state).output
      for (let t = 0; t < 4; t++) next = net.step(copy ? next.clone() : next, state).output
      return [...numbers(again.input as Tensor), ...numbers(next)]
    }
    assert.equal(twice(false), twice(true))
    const used = runtime.memoryUsed
    const state = net.initialState(B)!
    let next = net.step(runtime.tensor(rowsOf(x, 0, 1), [B, 5]), state).output
    const settled = runtime.memoryUsed
    for (let t = 0; t < 100; t++) next = net.step(next, state).output
    assert.ok(runtime.memoryUsed <= settled && settled - used < 4096, 'and take no memory')
    const chain = new Sequential(runtime, [
      new RNN(runtime, { inputSize: 5, hiddenSize: 5 }),
      new RNN(runtime, { inputSize: 5, hiddenSize: 5 }),
    ])
    const gradients = (copy: boolean) => {
      const { output } = chain.forward(x)
      chain.zeroGrad()
      chain.forward(copy ? output.clone() : output)
      chain.backward({ output: x })
      return chain.parameters().flatMap(({ grad }) => numbers(grad))
    }
    assert.equal(gradients(false), gradients(true))
  })
  test('the same seed trains to the same bits, another seed to others', async () => {
    const [first, again, other] = [await train(options, 5), await train(options, 5), await train(options, 6)]
    assert.equal(again, first)
    assert.not.equal(other, first)
  })
  test('saved and loaded, a net gives what it gave', () => {
    const make = () =>
      new Sequential(runtime, [
        new LSTM(runtime, { inputSize: 3, hiddenSize: 5 }),
        new LastStep(runtime),
        new Linear(runtime, { inFeatures: 5, outFeatures: 2 }),
      ])
    const [net, copy] = [make(), make()]
    const x = drawTensor(runtime, 9, 'x', [8, B, 3])
    const expected = numbers(net.forward(x).output)
    assert.not.equal(numbers(copy.forward(x).output), expected)
    copy.loadStateDict(
      readSafetensors(writeSafetensors(net.stateDict())).tensors as Record<
        string,
        { shape: number[]; data: Float32Array }
      >,
    )
    assert.equal(numbers(copy.forward(x).output), expected)
  })
  test.run()
}

async function train(options: { variant: 'simd' } | { dtype: 'float64' }, seed: number): Promise<number[]> {
  const rt = await createRuntime({ ...options, seed })
  const net = new Sequential(rt, [
    new GRU(rt, { inputSize: 2, hiddenSize: 7 }),
    new Linear(rt, { inFeatures: 7, outFeatures: 1 }),
  ])
  const data = { input: drawTensor(rt, 1, 'x', [12, 10, 2]), target: drawTensor(rt, 2, 'y', [12, 10, 1]) }
  await fit(net, data, { loss: mseLoss, optimizer: new Adam(net), epochs: 3, batchSize: 4, clip: { norm: 1 } })
  return net.parameters().flatMap(({ value }) => numbers(value))
}
