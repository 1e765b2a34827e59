import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Adam, GRU, LSTM, Linear, RNN, Sequential, createRuntime, mseLoss } from '../../bindings/index.ts'
import { operations } from '../golden/operations.ts'
import { hashesOf } from '../golden/program.ts'
import { drawTensor, numbers } from '../support/nets.ts'

/** Losses and parameters of a few training steps of everything that is fused, at sizes with tails and several chunks. */
async function train(wasm: Uint8Array): Promise<number[]> {
  const rt = await createRuntime({ wasm, seed: 4 })
  const net = new Sequential(rt, [
    new LSTM(rt, { inputSize: 3, hiddenSize: 7, numLayers: 2, batchFirst: true }),
    new GRU(rt, { inputSize: 7, hiddenSize: 5, batchFirst: true }),
    new RNN(rt, { inputSize: 5, hiddenSize: 6, nonlinearity: 'relu', batchFirst: true }),
    new Linear(rt, { inFeatures: 6, outFeatures: 2 }),
  ])
  const optimizer = new Adam(net)
  const [x, y] = [drawTensor(rt, 1, 'x', [40, 9, 3]), drawTensor(rt, 2, 'y', [40, 9, 2])]
  const losses = Array.from({ length: 3 }, () => {
    const { value, grad } = mseLoss(net.forward(x).output, y)
    net.zeroGrad()
    net.backward({ output: grad })
    optimizer.step()
    return value
  })
  return [...losses, ...net.parameters().flatMap(({ value }) => numbers(value))]
}

const binary = (variant: string) => readFileSync(new URL(`../../build/${variant}.wasm`, import.meta.url))

const test = suite('the debug build, assertions on,')
test('gives the bits of the simd build', async () => {
  assert.equal(await train(binary('debug')), await train(binary('simd')))
})
test('gives them for every operation: each instruction has the operands that the core lists', async () => {
  const [debug, simd] = await Promise.all(['debug', 'simd'].map((name) => hashesOf(operations, { wasm: binary(name) })))
  assert.equal(debug, simd)
})
test.run()
