/** What random draws are a function of: the seed, the module and its training calls; no evaluation moves them. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  Dropout,
  GRU,
  Linear,
  type Module,
  Residual,
  type Runtime,
  Sequential,
  createRuntime,
  evaluate,
  mseLoss,
  predict,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const draws = suite('draws')
const [T, B, F] = [4, 3, 5]

const MODULES: Record<string, (rt: Runtime) => Module> = {
  Dropout: (rt) => new Dropout(rt, { p: 0.5 }),
  'GRU, dropout between its layers': (rt) => new GRU(rt, { inputSize: F, hiddenSize: F, numLayers: 2, dropout: 0.5 }),
  'GRU, batch first, both directions': (rt) =>
    new GRU(rt, { inputSize: F, hiddenSize: F, numLayers: 2, dropout: 0.5, bidirectional: true, batchFirst: true }),
  'Residual and Sequential': (rt) =>
    new Sequential(rt, [
      new Residual(rt, new Dropout(rt, { p: 0.5 })),
      new Linear(rt, { inFeatures: F, outFeatures: F }),
      new Dropout(rt, { p: 0.3 }),
    ]),
}

/** What a model is evaluated by between two training calls. */
const EVALUATIONS: Record<string, (model: Module, rt: Runtime) => unknown> = {
  'forward in evaluation mode': (model, rt) => (model.eval().forward(drawTensor(rt, 3, 'x', [T, B, F])), model.train()),
  'another shape and width': (model, rt) => {
    model.eval()
    try {
      model.forward(drawTensor(rt, 3, 'x', [T + 2, B + 1, F + 1]))
    } catch {
      // only a Dropout takes any width
    }
    model.forward(drawTensor(rt, 3, 'x', [T + 2, B + 1, F]))
    model.train()
  },
  predict: (model, rt) => predict(model, drawTensor(rt, 3, 'x', [T, B, F])),
  evaluate: (model, rt) => {
    const input = drawTensor(rt, 3, 'x', [T, B, F])
    return evaluate(model, { input, target: model.eval().forward(input).output.clone() }, { loss: mseLoss }).then(() =>
      model.train(),
    )
  },
  'a stream': (model, rt) => {
    if (!model.isCausal) return
    const state = model.eval().initialState(B)
    for (let t = 0; t < 3; t++) model.step(drawTensor(rt, t, 'x', [B, F]), state)
    model.train()
  },
}

for (const [module, make] of Object.entries(MODULES)) {
  for (const [evaluation, run] of Object.entries(EVALUATIONS)) {
    draws(`${module}: ${evaluation} between two training calls changes no draw`, async () => {
      const outputs = async (between?: (model: Module, rt: Runtime) => unknown): Promise<number[][]> => {
        const rt = await createRuntime({ dtype: 'float64', seed: 3 })
        const model = make(rt)
        const x = rt.tensor(new Float64Array(T * B * F).fill(1), [T, B, F])
        const all: number[][] = []
        for (let call = 0; call < 3; call++) {
          all.push(numbers(model.forward(x).output))
          await between?.(model, rt)
        }
        return all
      }
      const plain = await outputs()
      assert.is(new Set(plain.map(String)).size, 3, 'every training call draws anew')
      assert.equal(await outputs(run), plain)
    })
  }
}

draws('a refused call moves no draw', async () => {
  const outputs = async (refused: boolean) => {
    const rt = await createRuntime({ dtype: 'float64', seed: 3 })
    const dropout = new Dropout(rt)
    const ones = rt.tensor(new Float64Array(40).fill(1), [2, 2, 10])
    if (refused) assert.throws(() => dropout.forward(ones, { lengths: [5, 5] }))
    return numbers(dropout.forward(ones).output)
  }
  assert.equal(await outputs(true), await outputs(false))
})

draws('evaluation moves no draw of the Jacobian penalty, nor does a solve that fails', async () => {
  const penalties = async (between: (deq: DEQ, rt: Runtime) => void) => {
    const rt = await createRuntime({ dtype: 'float64', seed: 2 })
    const solver = { name: 'picard', maxIter: 40 } as const
    const deq = new DEQ(rt, { inputSize: F, hiddenSize: F, jacobianPenalty: { weight: 1 }, solver })
    const { weight_hh, ...rest } = deq.stateDict()
    const scaled = (by: number) => ({ ...weight_hh!, data: weight_hh!.data.map((w) => by * w) })
    deq.loadStateDict({ ...rest, weight_hh: scaled(0.5) })
    const x = drawTensor(rt, 1, 'x', [B, F])
    return [0, 1].map(() => {
      const { info } = deq.forward(x)
      between(deq, rt)
      return info.jacobianPenalty
    })
  }
  const plain = await penalties(() => {})
  assert.type(plain[0], 'number')
  assert.is.not(plain[0], plain[1])
  assert.equal(
    await penalties((deq, rt) => {
      deq.eval().forward(drawTensor(rt, 2, 'x', [B, F]))
      deq.train()
      const { weight_hh, ...rest } = deq.stateDict()
      deq.loadStateDict({ ...rest, weight_hh: { ...weight_hh!, data: weight_hh!.data.map((w) => 1e3 * w) } })
      assert.throws(() => deq.forward(drawTensor(rt, 2, 'x', [B, F])), 'DEQ.forward')
      deq.loadStateDict({ ...rest, weight_hh: weight_hh! })
    }),
    plain,
  )
})

draws.run()
