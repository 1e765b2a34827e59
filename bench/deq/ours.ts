/** retrograd on a problem: plain iteration, and the adjoint by the same. */
import { createRuntime } from '../../bindings/index.ts'
import type { Case } from '../support/case.ts'
import { type PlainKey, TOLERANCE } from './plain.ts'
import { type Problem, load } from './problems.ts'

export async function prepare(key: PlainKey, problem: Problem): Promise<Case> {
  const rt = await createRuntime({ seed: 1 })
  const solving = { tol: TOLERANCE, maxIter: 1000 }
  const { deq, input, gradient } = load(rt, problem, {
    solver: { name: 'picard', mode: 'relative', ...solving },
    adjoint: { name: 'neumann', ...solving },
  })
  if (key === 'forward') {
    deq.eval()
    return { check: () => [...deq.forward(input).output.data], call: () => deq.forward(input) }
  }
  deq.freeze(['weight_ih', 'bias'])
  const [weight] = deq.parameters()
  const call = () => {
    deq.forward(input)
    deq.zeroGrad()
    return deq.backward({ output: gradient }, { inputGradient: false })
  }
  return { check: () => (call(), [...weight!.grad.data]), call }
}
