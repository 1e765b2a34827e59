import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  GRU,
  LSTM,
  LastStep,
  Linear,
  type Runtime,
  Sequential,
  createRuntime,
  mseLoss,
} from '../../bindings/index.ts'
import { drawTensor } from '../support/nets.ts'

const STEPS = 1000
const WARM_UP = 300
/** Bytes of JavaScript heap per step that the issue allows. */
const HEAP_PER_STEP = 1024

const collect = (globalThis as { gc?: () => void }).gc

const test = suite('a steady training step')

async function trained(): Promise<{ runtime: Runtime; step: () => void }> {
  const runtime = await createRuntime({ seed: 1 })
  const net = new Sequential(runtime, [
    new LSTM(runtime, { inputSize: 3, hiddenSize: 8, numLayers: 2 }),
    new LastStep(runtime),
    new Linear(runtime, { inFeatures: 8, outFeatures: 2 }),
  ])
  const optimizer = new Adam(net)
  const [x, y] = [drawTensor(runtime, 1, 'x', [10, 4, 3]), drawTensor(runtime, 2, 'y', [4, 2])]
  return {
    runtime,
    step: () => {
      const { grad } = mseLoss(net.forward(x).output, y)
      net.zeroGrad()
      net.backward({ output: grad }, { inputGradient: false })
      optimizer.step()
    },
  }
}

test('takes no memory of the core', async () => {
  const { runtime, step } = await trained()
  step()
  const used = runtime.memoryUsed
  for (let i = 0; i < STEPS; i++) {
    step()
    assert.is(runtime.memoryUsed, used)
  }
})

const heapTest = collect ? test : test.skip
heapTest('leaves less than 1 KB on the JavaScript heap (skipped without --expose-gc)', async () => {
  const { step } = await trained()
  for (let i = 0; i < WARM_UP; i++) step()
  collect!()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < STEPS; i++) step()
  collect!()
  const grown = process.memoryUsage().heapUsed - before
  assert.ok(grown < HEAP_PER_STEP * STEPS, `${grown / STEPS} bytes per step`)
})

test('step() of a stream takes none either', async () => {
  const runtime = await createRuntime()
  const net = new GRU(runtime, { inputSize: 2, hiddenSize: 9 })
  const [x, state] = [drawTensor(runtime, 1, 'x', [1, 2]), net.initialState(1)!]
  net.step(x, state)
  const used = runtime.memoryUsed
  for (let i = 0; i < STEPS; i++) net.step(x, state)
  assert.is(runtime.memoryUsed, used)
})

test('dispose gives everything back', async () => {
  const runtime = await createRuntime()
  const x = drawTensor(runtime, 1, 'x', [5, 2, 3])
  const used = runtime.memoryUsed
  for (let i = 0; i < 20; i++) {
    const net = new LSTM(runtime, { inputSize: 3, hiddenSize: 5 })
    net.backward({ output: net.forward(x).output })
    net.dispose()
  }
  assert.is(runtime.memoryUsed, used)
})

test('out of maxMemory is an error that leaves the runtime usable and nothing taken', async () => {
  const runtime = await createRuntime({ maxMemory: 8 * 2 ** 20 })
  const net = new LSTM(runtime, { inputSize: 4, hiddenSize: 16 })
  const small = drawTensor(runtime, 1, 'x', [4, 2, 4])
  const expected = Array.from(net.forward(small).output.data)
  const long = drawTensor(runtime, 1, 'x', [20000, 2, 4])
  const used = runtime.memoryUsed
  assert.throws(
    () => net.forward(long),
    (error: Error & { code: string }) => error.code === 'memory' && /maxMemory is 8388608/.test(error.message),
  )
  assert.is(runtime.memoryUsed, used)
  assert.equal(Array.from(net.forward(small).output.data), expected)
})
test.run()

const flush = suite('vanishing gradients')
flush('float32 carries below 2^-100 become 0, so none is subnormal', async () => {
  const runtime = await createRuntime({ variant: 'simd', seed: 1 })
  const net = new GRU(runtime, { inputSize: 2, hiddenSize: 6 })
  for (const { name, value } of net.parameters())
    if (name === 'weight_hh_l0') value.data.forEach((_, i, data) => (data[i]! *= 0.01))
  for (const { name, value } of net.parameters()) if (name === 'bias_ih_l0') value.data.fill(-3, 6, 12)
  const T = 400
  const state = { h: drawTensor(runtime, 3, 'h', [1, 1, 6]) }
  net.forward(drawTensor(runtime, 1, 'x', [T, 1, 2]), { state })
  const dOutput = new Float32Array(T * 6)
  dOutput.fill(1, (T - 1) * 6)
  const { input, state: dState } = net.backward({ output: runtime.tensor(dOutput, [T, 1, 6]) }) as never as {
    input: { data: Float32Array }
    state: { h: { data: Float32Array } }
  }
  const smallestNormal = 2 ** -126
  const isSubnormal = (x: number) => x !== 0 && Math.abs(x) < smallestNormal
  assert.ok(Math.abs(input.data.at(-1)!) > 0)
  assert.ok(Array.from(dState.h.data).every((x) => x === 0))
  assert.is(input.data.filter(isSubnormal).length, 0)
})
flush.run()
