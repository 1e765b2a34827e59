/** Results that are handed back in, also where the call that they are a result of is the next to make room for another. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, RNN, type Runtime, type Tensor, createRuntime } from '../../bindings/index.ts'

const KEPT_CALLS = 8

/** [T, B = 2, 4]. */
function sequence(rt: Runtime, steps: number): Tensor {
  return rt.tensor(
    Float64Array.from({ length: steps * 8 }, (_, i) => ((i * 5) % 16) / 16 - 0.5),
    [steps, 2, 4],
  )
}

/** A net whose oldest planned call gave `first`, as many others having been planned since as are kept beside it. */
async function withOldResult(): Promise<{ net: RNN; first: ReturnType<RNN['forward']> }> {
  const rt = await createRuntime({ seed: 2, variant: 'simd' })
  const net = new RNN(rt, { inputSize: 4, hiddenSize: 4 })
  const first = net.forward(sequence(rt, 3), { tape: false })
  for (let others = 1; others < KEPT_CALLS; others++) net.forward(sequence(rt, 3 + others), { tape: false })
  return { net, first }
}

const test = suite('results handed back in')

/** What a forward and its backward give. */
function trained(net: RNN, x: Tensor, state?: Tensor): unknown {
  const { output } = net.forward(x, { tape: true, ...(state && { state: { h: state } }) })
  const gradients = net.backward({ output: output.clone() })
  return [output, gradients.input as Tensor, ...net.parameters().map(({ grad }) => grad)].map((each) => each.toArray())
}

test('an output of the oldest call is read, by forward and by backward, before that call makes room', async () => {
  const { net, first } = await withOldResult()
  const expected = trained(net, first.output.clone())
  const again = await withOldResult()
  assert.equal(trained(again.net, again.first.output), expected)
})

test('and so is a state', async () => {
  const { net, first } = await withOldResult()
  const { h } = first.state as { h: Tensor }
  const expected = trained(net, sequence(net.runtime, 3), h.clone())
  const again = await withOldResult()
  assert.equal(trained(again.net, sequence(again.net.runtime, 3), (again.first.state as { h: Tensor }).h), expected)
})

test('both gradients of a backward, handed back into it, are read before they are overwritten', async () => {
  const rt = await createRuntime({ seed: 2, dtype: 'float64' })
  const net = new GRU(rt, { inputSize: 4, hiddenSize: 4 })
  const x = sequence(rt, 3)
  const backAgain = (own: (tensor: Tensor) => Tensor) => {
    net.zeroGrad()
    const { output } = net.forward(x)
    const first = net.backward({ output: output.clone() })
    const { h } = first.state as { h: Tensor }
    const again = net.backward({ output: own(first.input as Tensor), state: { h: own(h) } })
    return [again.input as Tensor, (again.state as { h: Tensor }).h, ...net.parameters().map(({ grad }) => grad)].map(
      (each) => each.toArray(),
    )
  }
  assert.equal(
    backAgain((tensor) => tensor),
    backAgain((tensor) => tensor.clone()),
  )
})

test('no more calls are kept for it: memory is the same however often it happens', async () => {
  const { net, first } = await withOldResult()
  net.forward(first.output, { tape: true })
  const lengths = [3, 2]
  net.forward(sequence(net.runtime, 3), { tape: false, lengths })
  const before = net.runtime.memoryUsed
  for (let i = 0; i < 50; i++) {
    const { output } = net.forward(sequence(net.runtime, 3), { tape: i % 2 === 0 })
    net.forward(output, { tape: i % 2 === 1, lengths })
  }
  // the inputs made here, and planned calls of which at most as many as before are kept
  assert.ok(net.runtime.memoryUsed < 2 * before + 100 * 512, `${net.runtime.memoryUsed} of ${before}`)
})

test.run()
