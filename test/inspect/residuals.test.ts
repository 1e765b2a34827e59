import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEQ, type RetrogradError, createRuntime } from '../../bindings/index.ts'
import { residualTraces } from '../../bindings/inspect.ts'

const rt = await createRuntime({ dtype: 'float64', seed: 3 })

/** z' = w z + u, one number: the relative residual of plain iteration is known. */
function scalar(w: number, maxIter: number): DEQ {
  const deq = new DEQ(rt, {
    inputSize: 1,
    hiddenSize: 1,
    bias: false,
    nonlinearity: 'identity',
    solver: { name: 'picard', mode: 'relative', tol: 1e-6, maxIter },
    onFailure: 'accept',
  })
  deq.loadStateDict({ weight_hh: { shape: [1, 1], data: [w] }, weight_ih: { shape: [1, 1], data: [1] } })
  return deq
}

const count = (text: string, part: string): number => text.split(part).length - 1

/** Ordinates of a curve's points. */
const ordinates = (svg: string): number[] =>
  [...svg.matchAll(/<path d="M([^"]+)"/g)][0]![1]!.split('L').map((point) => Number(point.split(',')[1]))

const test = suite('residualTraces')

test('draws one line for each sample, on a logarithmic scale', () => {
  const { info } = scalar(0.5, 100).forward(rt.tensor([[1], [2], [-3]]))
  const { traces, svg } = residualTraces(info, { title: 'a < b & c', tol: 1e-6 })
  assert.equal(traces, [...info.trace])
  // z_k = (2 - 2^(1-k)) u, so that the residual is 2^-k u, and F(z_k) = (2 - 2^-k) u; sums of powers of 2 are exact
  assert.equal(
    Array.from(traces[1]!),
    Array.from(traces[1]!, (_, k) => (2 * 0.5 ** k) / (2 * (2 - 0.5 ** k))),
  )
  assert.is(count(svg, '<path'), 3)
  assert.is(count(svg, '#dc2626'), 0)
  assert.match(svg, 'a &lt; b &amp; c')
  assert.match(svg, 'stroke-dasharray="4 4"')
  // halving is a step of the same height everywhere, once F(z) has settled; coordinates have three digits
  const heights = ordinates(svg)
  const steps = heights.slice(11).map((y, i) => y - heights[10 + i]!)
  for (const step of steps) assert.ok(Math.abs(step - steps[0]!) < 0.02, steps.join())
})

test('a sample that failed is red, one that started at its fixed point is a dot', () => {
  const { info } = scalar(1.5, 10).forward(rt.tensor([[1], [0]]))
  const { svg } = residualTraces(info)
  assert.equal([count(svg, 'stroke="#dc2626"'), count(svg, '<circle')], [1, 1])
})

test('draws an adjoint solve as well, and refuses what is no info', () => {
  const deq = scalar(0.5, 100)
  const { output } = deq.forward(rt.tensor([[1], [2]]))
  assert.is(count(residualTraces(deq.backward({ output }).info!).svg, '<path'), 2)
  assert.throws(
    () => residualTraces(undefined as never),
    (error: RetrogradError) => error.code === 'type' && /info is undefined/.test(error.message),
  )
  const { info } = deq.forward(rt.tensor([[1]]))
  assert.throws(() => residualTraces(info, { tol: 0 }), /tol is 0/)
  assert.throws(() => residualTraces(info, { color: 'red' } as never), /unknown option 'color'/)
})
test.run()
