import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AdjointOptions, DEQ, createRuntime } from '../../bindings/index.ts'

const rt = await createRuntime({ dtype: 'float64' })
const test = suite('terms that grow')

/** J = W = [[a, c], [0, a]]: ρ = a, and terms that grow at first even where a < 1. */
function createDeq(a: number, adjoint: AdjointOptions, c = 4): DEQ {
  const deq = new DEQ(rt, { inputSize: 1, hiddenSize: 2, nonlinearity: 'identity', solver: 'newton', adjoint })
  deq.loadStateDict({
    weight_hh: { shape: [2, 2], data: Float64Array.of(a, c, 0, a) },
    weight_ih: { shape: [2, 1], data: Float64Array.of(1, 1) },
    bias: { shape: [2], data: Float64Array.of(0, 0) },
  })
  deq.forward(rt.tensor([1], [1, 1]))
  return deq
}

const output = rt.tensor([1, 1], [1, 2])

test('a few times are no reason to refuse a sum of a fixed number of them: it is given as asked', () => {
  // (I + Jᵀ) (1, 1) = (1, 1) + (0.5, 4.5); ‖Jᵀ (1, 1)‖ is 3.2 times ‖(1, 1)‖
  const deq = createDeq(0.5, { name: 'neumann', terms: 2 })
  const { info } = deq.backward({ output })
  assert.equal([...info!.outcome], ['terms'])
  assert.equal([...deq.parameters().find(({ name }) => name === 'bias')!.grad.data], [1.5, 5.5])
})

test('tenfold are no proof of ρ(J) >= 1: the message does not claim it', () => {
  // ‖Jᵀ (1, 1)‖ = ‖(0.5, 40.5)‖ is 29 times ‖(1, 1)‖
  const deq = createDeq(0.5, { name: 'neumann', terms: 2 }, 40)
  assert.throws(() => deq.backward({ output }), /seems to be 1 or more/)
  assert.ok(Math.abs(deq.spectralRadius() - 0.5) < 1e-5)
})

test('at first do not stop a series that goes on to its tolerance', () => {
  const deq = createDeq(0.5, { name: 'neumann' })
  deq.backward({ output })
  const bias = deq.parameters().find(({ name }) => name === 'bias')!
  // (I - Jᵀ) v = (1, 1): v = (2, 18); the tolerance of the solve is 1e-10, and ‖(I - Jᵀ)⁻¹‖ < 20
  for (const [i, exact] of [2, 18].entries()) assert.ok(Math.abs(bias.grad.data[i]! - exact) < 20 * 1e-10 * 18)
})

test.run()
