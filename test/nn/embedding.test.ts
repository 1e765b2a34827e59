import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  Embedding,
  GRU,
  LastStep,
  Linear,
  PositionalEmbedding,
  Sequential,
  type Tensor,
  createRuntime,
  crossEntropyLoss,
  fit,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 5 })

const embedding = suite('Embedding')
embedding('gives rows by id, and adds gradients into the rows that were used', () => {
  const layer = new Embedding(rt, { numEmbeddings: 5, embeddingDim: 3, paddingIdx: 2 })
  const [{ value, grad }] = layer.parameters() as never as [{ value: Tensor; grad: Tensor }]
  const ids = [
    [1, 4],
    [2, 1],
    [1, 0],
  ]
  const output = layer.forward(rt.indices(ids)).output
  assert.equal(output.shape, [3, 2, 3])
  const row = (id: number) => numbers(value).slice(id * 3, id * 3 + 3)
  assert.equal(numbers(output), ids.flat().flatMap(row))
  assert.equal(row(2), [0, 0, 0])
  const d = drawTensor(rt, 1, 'd', [3, 2, 3])
  layer.zeroGrad()
  layer.backward({ output: d })
  const expected = new Float64Array(15)
  for (const [i, id] of ids.flat().entries()) {
    if (id !== 2) for (let j = 0; j < 3; j++) expected[id * 3 + j]! += d.data[i * 3 + j]!
  }
  assert.equal(numbers(grad), [...expected])
})
embedding('refuses ids outside its table, and numbers that are no ids', () => {
  const layer = new Embedding(rt, { numEmbeddings: 5, embeddingDim: 3 })
  assert.throws(
    () => layer.forward(rt.indices([[0, 5]])),
    /Embedding\.forward: id 5 at position 1 is out of range; expected 0 to 4/,
  )
  assert.throws(() => layer.forward(rt.tensor([[0, 1]])), /expected a tensor from rt\.indices/)
})
embedding('learns in fit: which of two ids came first', async () => {
  const model = new Sequential(rt, [
    new Embedding(rt, { numEmbeddings: 4, embeddingDim: 3 }),
    new GRU(rt, { inputSize: 3, hiddenSize: 6 }),
    new LastStep(rt),
    new Linear(rt, { inFeatures: 6, outFeatures: 2 }),
  ])
  const firsts = Array.from({ length: 32 }, (_, i) => i % 2)
  const input = rt.indices([firsts, firsts.map((_, i) => 2 + ((i >> 1) % 2)), firsts.map(() => 3)])
  const optimizer = new Adam(model, { lr: 0.05 })
  const { loss } = await fit(
    model,
    { input, target: rt.indices(firsts) },
    { loss: crossEntropyLoss, optimizer, epochs: 30, batchSize: 8 },
  )
  assert.ok(loss.at(-1)! < 0.05, `${loss.at(-1)}`)
})
embedding.run()

const positional = suite('PositionalEmbedding')
positional('adds the row of each step, going on where a state says', () => {
  const layer = new PositionalEmbedding(rt, { maxLength: 6, embeddingDim: 2 })
  const table = numbers(layer.parameters()[0]!.value)
  const x = drawTensor(rt, 1, 'x', [4, 2, 2])
  const whole = numbers(layer.forward(x).output)
  assert.equal(
    whole,
    Array.from(x.data, (v, i) => v + table[Math.floor(i / 4) * 2 + (i % 2)]!),
  )
  layer.zeroGrad()
  layer.backward({ output: x })
  const grads = Array.from({ length: 12 }, (_, i) =>
    i < 8 ? x.data[Math.floor(i / 2) * 4 + (i % 2)]! + x.data[Math.floor(i / 2) * 4 + 2 + (i % 2)]! : 0,
  )
  assert.equal(numbers(layer.parameters()[0]!.grad), grads)
  const state = layer.initialState()
  const steps = [0, 1, 2, 3].flatMap((t) =>
    numbers(layer.step(rt.tensor(x.data.slice(t * 4, t * 4 + 4), [2, 2]), state).output),
  )
  assert.equal(steps, whole)
  assert.throws(() => layer.forward(x, { state }), /steps 5 to 8 are asked for; maxLength is 6/)
})
positional.run()
