/** What a solve tells of its iterates, and nothing that an earlier solve left behind. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEQ, type SolverOptions, createRuntime } from '../../bindings/index.ts'

const [B, I, n] = [3, 2, 4]

/** z' = w z + x in every coordinate: a residual falls by the factor w. */
async function scalarMaps(
  w: number,
  options: { solver: SolverOptions; adjoint?: 'jfb' | { name: 'neumann'; terms: number } },
) {
  const rt = await createRuntime({ seed: 1, dtype: 'float64' })
  const deq = new DEQ(rt, { inputSize: I, hiddenSize: n, nonlinearity: 'identity', onFailure: 'accept', ...options })
  const weightHh = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? w : 0))
  deq.loadStateDict({
    weight_hh: { shape: [n, n], data: weightHh },
    weight_ih: { shape: [n, I], data: new Float64Array(n * I).fill(1) },
    bias: { shape: [n], data: new Float64Array(n) },
  })
  return { rt, deq, input: rt.tensor(new Float64Array(B * I).fill(1), [B, I]) }
}

const setWeight = (deq: DEQ, w: number) => {
  const { data } = deq.parameters().find(({ name }) => name === 'weight_hh')!.value
  for (let i = 0; i < n; i++) data[i * (n + 1)] = w
}

const traces = suite('traces')

traces("hold a residual for the start and for each iteration, the last one being the result's", async () => {
  const { rt, deq, input } = await scalarMaps(0.5, { solver: { name: 'picard', mode: 'relative', tol: 1e-6 } })
  const { info } = deq.forward(input)
  for (let i = 0; i < B; i++) {
    assert.is(info.trace[i]!.length, info.iterations[i]! + 1)
    assert.is(info.trace[i]!.at(-1), info.residual[i])
    assert.is(info.trace[i]![0], 1) // ‖F(0) - 0‖ / ‖F(0)‖
  }
  rt.dispose()
})

traces('of a later solve do not change those of an earlier one', async () => {
  const { rt, deq, input } = await scalarMaps(0.5, { solver: { name: 'picard', mode: 'relative', tol: 1e-6 } })
  const { info } = deq.forward(input)
  setWeight(deq, 0.25)
  assert.ok(deq.forward(input).info.trace[0]!.length < info.iterations[0]! + 1)
  assert.is(info.trace[0]!.length, info.iterations[0]! + 1)
  assert.is(info.trace[0]!.at(-1), info.residual[0])
  rt.dispose()
})

traces('end on what is not finite where a solve does, whatever was there before', async () => {
  const { rt, deq, input } = await scalarMaps(0.999, { solver: { name: 'picard', maxIter: 2000, tol: 1e-12 } })
  deq.forward(input)
  setWeight(deq, 1e3)
  const { info } = deq.forward(input)
  assert.is(info.outcome[0], 'nonFinite')
  assert.not.ok(info.trace[0]!.at(-1)! < Infinity)
  rt.dispose()
})

traces('of a fixed number of terms hold no residual of the last one, which was not measured', async () => {
  const terms = 3
  const { rt, deq, input } = await scalarMaps(0.5, { solver: { name: 'picard' }, adjoint: { name: 'neumann', terms } })
  const { output } = deq.forward(input)
  const { info } = deq.backward({ output })
  // Σ_{i<k} 2^-i = 2 - 2^(1-k): of the k-th partial sum the residual is 2^-k g, and F there (2 - 2^-k) g
  for (const trace of info!.trace) assert.equal([...trace], [1, 0.5 / 1.5, 0.25 / 1.75, Number.NaN])
  rt.dispose()
})

traces.run()
