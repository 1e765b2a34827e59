/** What `forward(x, { keep: true })` lends, and how it comes back: by `dispose`, by being dropped, or because the call is refused. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  Dropout,
  Embedding,
  GRU,
  LSTM,
  LastStep,
  Linear,
  type Module,
  PositionalEmbedding,
  Residual,
  RetrogradError,
  type Runtime,
  Sequential,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const [T, B, F] = [20, 4, 3]
const size = { inputSize: F, hiddenSize: F }
const rt = await createRuntime({ seed: 1 })
const collect = (globalThis as { gc?: () => void }).gc!

/** Collections without effect after which nothing more is taken to come: on a busy machine reclaiming lags behind. */
const QUIET = 6

/** Bytes in use when all that was dropped is reclaimed. */
async function settled(runtime: Runtime): Promise<number> {
  let used = runtime.memoryUsed
  for (let quiet = 0; quiet < QUIET; quiet++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 2))
    if (runtime.memoryUsed !== used) [used, quiet] = [runtime.memoryUsed, -1]
  }
  return used
}

const kept = suite('kept memory')

const x = drawTensor(rt, 1, 'x', [T, B, F])
const REFUSED: Record<string, () => Module> = {
  'a Sequential whose widths do not fit': () =>
    new Sequential(rt, [new GRU(rt, size), new Linear(rt, { inFeatures: F + 1, outFeatures: F })]),
  'a Sequential whose DEQ does not converge': () =>
    new Sequential(rt, [new GRU(rt, size), new DEQ(rt, { ...size, solver: { name: 'picard', maxIter: 1 } })]),
  'a Residual whose module changes the shape': () =>
    new Residual(rt, new Linear(rt, { inFeatures: F, outFeatures: 8 })),
  'a Residual in a Sequential': () =>
    new Sequential(rt, [new Dropout(rt), new Residual(rt, new Linear(rt, { inFeatures: F, outFeatures: 8 }))]),
  'a Sequential in a Residual': () =>
    new Residual(
      rt,
      new Sequential(rt, [new LSTM(rt, size), new LastStep(rt), new Linear(rt, { inFeatures: F, outFeatures: F })]),
    ),
}
for (const [name, make] of Object.entries(REFUSED)) {
  kept(`${name}: a refused forward gives back what it lent`, async () => {
    const model = make()
    const used: number[] = []
    for (let i = 0; i < 30; i++) {
      assert.throws(
        () => model.forward(x, { keep: true }),
        (error: unknown) => error instanceof RetrogradError,
      )
      if (i === 9) used.push(await settled(rt))
    }
    used.push(await settled(rt))
    assert.is(used[1], used[0])
    model.dispose()
  })
}

kept('where memory ends in the middle of a kept call, nothing is lost', async () => {
  const small = await createRuntime({ maxMemory: 2 ** 21 })
  const model = new Sequential(small, [
    new GRU(small, size),
    new Residual(small, new Linear(small, { inFeatures: F, outFeatures: F })),
    new LSTM(small, { inputSize: F, hiddenSize: 64 }),
  ])
  const input = drawTensor(small, 1, 'x', [10, B, F])
  const fits = model.forward(input, { keep: true })
  const before = numbers(fits.output)
  fits.tape!.dispose()
  const long = drawTensor(small, 1, 'x', [400, B, F])
  const refused = async () => {
    assert.throws(() => model.forward(long, { keep: true }), /maxMemory/)
    return settled(small)
  }
  const used = await refused() // plans of the modules that did fit are kept for the next call
  for (let i = 0; i < 3; i++) assert.is(await refused(), used)
  assert.equal(numbers(model.forward(input, { keep: true }).output), before)
})

const KEPT: Record<string, () => Module> = {
  GRU: () => new GRU(rt, size),
  Linear: () => new Linear(rt, { inFeatures: F, outFeatures: F }),
  Dropout: () => new Dropout(rt),
  LastStep: () => new LastStep(rt),
  PositionalEmbedding: () => new PositionalEmbedding(rt, { maxLength: T, embeddingDim: F }),
  DEQ: () => new DEQ(rt, size),
  Residual: () => new Residual(rt, new GRU(rt, size)),
  Sequential: () =>
    new Sequential(rt, [
      new LSTM(rt, size),
      new Residual(rt, new Linear(rt, { inFeatures: F, outFeatures: F })),
      new DEQ(rt, size),
    ]),
}
for (const [name, make] of Object.entries(KEPT)) {
  kept(`${name}: kept tapes that are dropped are reclaimed`, async () => {
    const model = make()
    const forward = () => void model.forward(x, { keep: true })
    const round = async () => {
      for (let i = 0; i < 30; i++) forward()
      return settled(rt)
    }
    const first = await round()
    assert.is(await round(), first)
    model.dispose()
  })

  kept(`${name}: while one of its results is held, a kept call is not`, async () => {
    const model = make()
    const holds = {
      output: () => model.forward(x, { keep: true }).output,
      state: () => Object.values((model.forward(x, { keep: true }).state as object) ?? {})[0],
    }
    for (const [what, get] of Object.entries(holds)) {
      const held = get()
      if (held === undefined) continue
      const tensor = Array.isArray(held) || !('data' in held) ? Object.values(held as object)[0] : held
      const before = numbers(tensor)
      await settled(rt)
      for (let i = 0; i < 3; i++) model.forward(drawTensor(rt, 2 + i, 'x', [T, B, F]), { keep: true })
      assert.equal(numbers(tensor), before, what)
    }
    model.dispose()
  })
}

kept('the state of a kept PositionalEmbedding stays as it was', () => {
  const model = new PositionalEmbedding(rt, { maxLength: 90, embeddingDim: F })
  const { state } = model.forward(x, { keep: true })
  model.forward(x, { state: { length: rt.tensor([5]) } })
  assert.is((state as { length: Tensor }).length.data[0], T)
})

kept('ids of a kept Embedding go with its tape', () => {
  const model = new Embedding(rt, { numEmbeddings: 3, embeddingDim: 2 })
  const ids = rt.indices([[0], [1]])
  model.forward(ids, { keep: true }).tape!.dispose()
  const before = rt.memoryUsed
  for (let i = 0; i < 5; i++) model.forward(ids, { keep: true }).tape!.dispose()
  assert.is(rt.memoryUsed, before)
})
kept.run()
