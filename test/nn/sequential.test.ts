import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Embedding,
  GRU,
  LSTM,
  LastStep,
  LayerNorm,
  Linear,
  type Module,
  PositionalEmbedding,
  Residual,
  type Runtime,
  Sequential,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 4 })
const [T, B, F, IDS] = [6, 4, 3, 7]
const LENGTHS = [4, 6, 0, 1]

/** Every kind of module on the way, from ids to one row a sample. */
function model(runtime: Runtime): Sequential {
  const net = new Sequential(runtime, [
    new Embedding(runtime, { numEmbeddings: IDS, embeddingDim: F }),
    new PositionalEmbedding(runtime, { maxLength: T, embeddingDim: F }),
    new Residual(runtime, new Linear(runtime, { inFeatures: F, outFeatures: F })),
    new LSTM(runtime, { inputSize: F, hiddenSize: 5, bidirectional: true }),
    new LayerNorm(runtime, { normalizedShape: 10 }),
    new LastStep(runtime, { directions: 2 }),
    new Linear(runtime, { inFeatures: 10, outFeatures: 2 }),
  ])
  drawParameters(net, 1)
  return net
}

/** Ids [T, B]; behind each sample's end an id that does not exist. */
const ids = (padding: number): number[] =>
  Array.from({ length: T * B }, (_, i) => (Math.floor(i / B) < LENGTHS[i % B]! ? (5 * i + 2) % IDS : padding))

const gradientsOf = (net: Module): number[][] => net.parameters().map(({ grad }) => numbers(grad))

const test = suite('Sequential')

test('hands lengths to all with a time axis: each sample gives what it gives alone; padding is not read', () => {
  const net = model(rt)
  const output = numbers(net.forward(rt.indices(ids(-99), [T, B]), { lengths: LENGTHS }).output)
  for (const [b, length] of LENGTHS.entries()) {
    if (length === 0) continue
    const own = rt.indices(
      ids(0).filter((_, i) => i % B === b && Math.floor(i / B) < length),
      [length, 1],
    )
    assert.equal(numbers(net.forward(own).output), output.slice(2 * b, 2 * b + 2), `sample ${b}`)
  }
})

test('sends no gradient into padding: ids there may be any', () => {
  const net = model(rt)
  const dOutput = drawTensor(rt, 2, 'd', [B, 2])
  const [first, second] = [-99, 3].map((padding) => {
    net.zeroGrad()
    net.forward(rt.indices(ids(padding), [T, B]), { lengths: LENGTHS })
    net.backward({ output: dOutput })
    return gradientsOf(net)
  })
  assert.equal(first, second)
  assert.ok(first!.every((gradient) => gradient.every(Number.isFinite) && gradient.some((value) => value !== 0)))
})

test('lengths batch first are those of time first; NaN behind a sample changes nothing', () => {
  const make = (batchFirst: boolean) => {
    const net = new Sequential(rt, [
      new Linear(rt, { inFeatures: F, outFeatures: 5 }),
      new GRU(rt, { inputSize: 5, hiddenSize: 4, batchFirst }),
      new LayerNorm(rt, { normalizedShape: 4 }),
    ])
    drawParameters(net, 3)
    return net
  }
  const value = (t: number, b: number, f: number) => (t < LENGTHS[b]! ? ((7 * t + 3 * b + f) % 11) / 11 : Number.NaN)
  const axes = (first: number, second: number, at: (i: number, j: number, f: number) => number) =>
    rt.tensor(
      Float64Array.from({ length: first * second * F }, (_, i) =>
        at(Math.floor(i / F / second), Math.floor(i / F) % second, i % F),
      ),
      [first, second, F],
    )
  const time = make(false)
  const batch = make(true)
  const byTime = time.forward(axes(T, B, value), { lengths: LENGTHS }).output.toArray() as number[][][]
  const byBatch = batch
    .forward(
      axes(B, T, (b, t, f) => value(t, b, f)),
      { lengths: LENGTHS },
    )
    .output.toArray() as number[][][]
  for (let t = 0; t < T; t++) for (let b = 0; b < B; b++) assert.equal(byBatch[b]![t], byTime[t]![b])
  const zeros = byTime.flatMap((step, t) => step.filter((_, b) => t >= LENGTHS[b]!)).flat()
  assert.ok(zeros.length > 0 && zeros.every((element) => element === 0))
  for (const net of [time, batch]) {
    const ones = net === time ? [T, B, 4] : [B, T, 4]
    const gradient = rt.tensor(new Float64Array(T * B * 4).fill(1), ones)
    const { input } = net.backward({ output: gradient })
    assert.ok(numbers(input as Tensor).every(Number.isFinite))
    assert.ok(gradientsOf(net).flat().every(Number.isFinite))
  }
})

test('keeps tapes of its own: two forwards, then both backwards, in either order', () => {
  const [a, b] = [rt.indices(ids(1), [T, B]), rt.indices(ids(2).reverse(), [T, B])]
  const dOutput = drawTensor(rt, 4, 'd', [B, 2])
  const alone = [a, b].map((input) => {
    const net = model(rt)
    net.forward(input)
    net.backward({ output: dOutput })
    return gradientsOf(net)
  })
  const net = model(rt)
  const kept = [a, b].map((input) => net.forward(input, { keep: true }))
  for (const k of [1, 0]) {
    net.zeroGrad()
    net.backward({ output: dOutput }, { tape: kept[k]!.tape })
    assert.equal(gradientsOf(net), alone[k])
  }
  for (const { tape } of kept) tape!.dispose()
  assert.throws(
    () => net.backward({ output: dOutput }, { tape: kept[0]!.tape }),
    (error: { code: string }) => error.code === 'tape',
  )
})

test('hands truncation and checkpoints on: a window of 1 is each layer cut, checkpoints are the whole to the bit', () => {
  const net = new Sequential(rt, [
    new GRU(rt, { inputSize: F, hiddenSize: 4 }),
    new Linear(rt, { inFeatures: 4, outFeatures: 2 }),
  ])
  const x = drawTensor(rt, 5, 'x', [300, 3, F])
  const dOutput = drawTensor(rt, 6, 'd', [300, 3, 2])
  const run = (options: object) => {
    net.zeroGrad()
    net.forward(x, options)
    net.backward({ output: dOutput })
    return gradientsOf(net)
  }
  const whole = run({})
  assert.equal(run({ checkpoint: 'sqrt' }), whole)
  assert.equal(run({ truncation: { window: 300 } }), whole)
  const cut = run({ truncation: { window: 1 } })
  // the readout has no past to lose, the recurrent weights have
  assert.equal(cut.slice(4), whole.slice(4))
  assert.not.equal(cut[1], whole[1])
})
test.run()
