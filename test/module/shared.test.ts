/** One module in two containers, or run by itself between a container's forward and backward: never a gradient of another call. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  Dropout,
  Embedding,
  GRU,
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
import { drawTensor, numbers } from '../support/nets.ts'
import { expectError } from '../support/refusals.ts'

const [T, B, F] = [4, 3, 5]
const size = { inputSize: F, hiddenSize: F }

/** Modules that take [T, B, F]. */
const SHARED: Record<string, (rt: Runtime) => Module> = {
  GRU: (rt) => new GRU(rt, size),
  'GRU, both directions': (rt) => new GRU(rt, { inputSize: F, hiddenSize: 2, bidirectional: true }),
  Linear: (rt) => new Linear(rt, { inFeatures: F, outFeatures: F }),
  LayerNorm: (rt) => new LayerNorm(rt, { normalizedShape: F }),
  Dropout: (rt) => new Dropout(rt, { p: 0.5 }),
  LastStep: (rt) => new LastStep(rt),
  PositionalEmbedding: (rt) => new PositionalEmbedding(rt, { maxLength: 9, embeddingDim: F }),
  DEQ: (rt) => new DEQ(rt, size),
  Residual: (rt) => new Residual(rt, new GRU(rt, size)),
  Sequential: (rt) => new Sequential(rt, [new GRU(rt, size), new Linear(rt, { inFeatures: F, outFeatures: F })]),
}

/** Containers around a module. */
const CONTAINERS: Record<string, (rt: Runtime, shared: Module) => Module> = {
  'a Sequential, first': (rt, shared) => new Sequential(rt, [shared, new Dropout(rt, { p: 0.1 })]),
  'a Sequential, last': (rt, shared) => new Sequential(rt, [new Linear(rt, { inFeatures: F, outFeatures: F }), shared]),
  'a Sequential in a Sequential': (rt, shared) => new Sequential(rt, [new Sequential(rt, [shared])]),
  'a Residual': (rt, shared) => new Residual(rt, shared),
  'a Residual in a Sequential': (rt, shared) => new Sequential(rt, [new Residual(rt, shared)]),
}

/** What is done between. */
const BETWEEN: Record<string, (rt: Runtime, shared: Module, x: Tensor) => unknown> = {
  'run by itself': (_, shared, x) => shared.forward(x),
  'run in evaluation mode': (_, shared, x) => (shared.eval().forward(x), shared.train()),
  'run in another Sequential': (rt, shared, x) => new Sequential(rt, [shared]).forward(x),
  'run in another Residual, another shape': (rt, shared) =>
    new Sequential(rt, [shared]).forward(drawTensor(rt, 8, 'x', [T + 1, B, F])),
}

const keepsShape = (name: string) => name !== 'LastStep' && name !== 'GRU, both directions'
const shared = suite('a shared module')

for (const [name, make] of Object.entries(SHARED)) {
  for (const [container, around] of Object.entries(CONTAINERS)) {
    if (container.includes('Residual') && !keepsShape(name)) continue
    for (const [deed, act] of Object.entries(BETWEEN)) {
      shared(`${name} in ${container}, ${deed} before backward: refused, no gradient added`, async () => {
        const rt = await createRuntime({ dtype: 'float64', seed: 1 })
        const module = make(rt)
        const outer = around(rt, module)
        const x = drawTensor(rt, 1, 'x', [T, B, F])
        const { output } = outer.forward(x)
        const gradient = drawTensor(rt, 2, 'd', output.shape)
        outer.zeroGrad()
        act(rt, module, drawTensor(rt, 3, 'x', [T, B, F]))
        expectError('tape', [/run by itself or in another container since forward/, /keep: true/], () =>
          outer.backward({ output: gradient }),
        )
        for (const { grad } of outer.parameters()) assert.ok(grad.data.every((g) => g === 0))
      })
    }
    shared(`${name} in two of ${container}, both kept: each has its own gradient`, async () => {
      const run = async (interleaved: boolean) => {
        const rt = await createRuntime({ dtype: 'float64', seed: 1 })
        const module = make(rt)
        const nets = [around(rt, module), around(rt, module)]
        const inputs = [1, 2].map((seed) => drawTensor(rt, seed, 'x', [T, B, F]))
        const gradients: number[][][] = []
        const calls = nets.map((net, i) => () => net.forward(inputs[i]!, { keep: interleaved }))
        const back = (net: Module, { output, tape }: ReturnType<Module['forward']>) => {
          net.zeroGrad()
          const { input } = net.backward({ output: drawTensor(rt, 7, 'd', output.shape) }, tape ? { tape } : {})
          gradients.push([...net.parameters().map(({ grad }) => numbers(grad)), numbers(input as Tensor)])
        }
        if (interleaved) {
          const results = calls.map((call) => call())
          results.forEach((result, i) => back(nets[i]!, result))
        } else nets.forEach((net, i) => back(net, calls[i]!()))
        return gradients
      }
      assert.equal(await run(true), await run(false))
    })
  }
}

shared('a container has no tape before its own forward, though its modules have', async () => {
  const rt = await createRuntime({ dtype: 'float64' })
  const module = new Linear(rt, { inFeatures: F, outFeatures: F })
  for (const outer of [new Sequential(rt, [module]), new Residual(rt, module)]) {
    const x = drawTensor(rt, 1, 'x', [T, B, F])
    module.forward(x)
    expectError('tape', [`${outer.type}.backward: there is no tape`], () => outer.backward({ output: x }))
    outer.forward(x)
    outer.forward(x, { tape: false })
    module.forward(x)
    expectError('tape', [`${outer.type}.backward: there is no tape`], () => outer.backward({ output: x }))
  }
})

shared('an embedding shared by two models, ids filled anew for the second', async () => {
  const rt = await createRuntime({ dtype: 'float64' })
  const table = new Embedding(rt, { numEmbeddings: 4, embeddingDim: F })
  const [a, b] = [new Sequential(rt, [table]), new Sequential(rt, [table])]
  const ids = rt.indices([[0], [1]])
  const ones = rt.tensor(new Float64Array(2 * F).fill(1), [2, 1, F])
  const first = a.forward(ids, { keep: true })
  ids.data.set([2, 3])
  b.forward(ids)
  expectError('tape', ['module 0'], () => (a.forward(ids), b.backward({ output: ones })))
  table.zeroGrad()
  a.backward({ output: ones }, { tape: first.tape! })
  assert.equal(
    numbers(table.parameters()[0]!.grad),
    Array.from({ length: 4 * F }, (_, i) => (i < 2 * F ? 1 : 0)),
  )
})
shared.run()
