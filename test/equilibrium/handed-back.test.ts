/** A DEQ's own results, handed back in: they are read before they are overwritten. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DEQ, type DEQOptions, type Tensor, createRuntime, defineCell } from '../../bindings/index.ts'
import { linear, mul, square, tanh } from '../../bindings/ops.ts'
import { generate } from '../support/generator.ts'

const [B, n] = [3, 4]
const rt = await createRuntime({ dtype: 'float64', seed: 4 })

/** Puts out something else than its state. */
const cell = defineCell({
  state: { z: n },
  input: { x: n },
  params: { W: [n, n] },
  step: ({ z, x, W }) => {
    const next = tanh(linear(z!, W!, x!))
    return { state: { z: next }, output: mul(square(next), x!) }
  },
})

const MODELS: Record<string, DEQOptions> = {
  gmres: { inputSize: n, hiddenSize: n },
  unrolled: { inputSize: n, hiddenSize: n, solver: 'picard', adjoint: 'unrolled' },
  'an output of its own': { cell },
}

const draw = (name: string) => rt.tensor(generate(1, name, B * n, 0.5), [B, n])
const numbers = (tensor: unknown) => [...(tensor as Tensor).data]
const test = suite('results handed back in')

for (const [name, options] of Object.entries(MODELS)) {
  test(`${name}: gradients into backward`, () => {
    const deq = new DEQ(rt, options)
    deq.forward(draw('x'))
    const first = deq.backward({ output: draw('g') })
    const [input, state] = [
      (first.input as Tensor).clone(),
      { z: (first.state as Record<string, Tensor>)['z']!.clone() },
    ]
    const results = () => {
      deq.zeroGrad()
      const back = deq.backward({ output: input, state })
      return [numbers(back.input), ...deq.parameters().map(({ grad }) => numbers(grad))]
    }
    const expected = results()
    deq.zeroGrad()
    const again = deq.backward({ output: draw('g') })
    deq.zeroGrad()
    const back = deq.backward({ output: again.input as Tensor, state: again.state! })
    assert.equal([numbers(back.input), ...deq.parameters().map(({ grad }) => numbers(grad))], expected)
  })

  test(`${name}: output and state into forward`, () => {
    const deq = new DEQ(rt, options)
    const { output, state } = deq.forward(draw('x'))
    const copies = { x: output.clone(), z: state['z']!.clone() }
    const expected = numbers(deq.forward(copies.x, { state: { z: copies.z } }).output)
    const again = deq.forward(draw('x'))
    assert.equal(numbers(deq.forward(again.output, { state: again.state }).output), expected)
  })
}

test('a forward that fails gives back what it had copied', () => {
  const deq = new DEQ(rt, {
    inputSize: n,
    hiddenSize: n,
    nonlinearity: 'identity',
    solver: { name: 'picard', maxIter: 2 },
  })
  const [W] = deq.parameters()
  const x = draw('x')
  const fail = () => {
    // F is a constant first, and converges at once; then not
    W!.value.data.fill(0)
    const { output } = deq.forward(x)
    W!.value.data.fill(0.2)
    assert.throws(() => deq.forward(output, { keep: true }), /picard failed/)
    return rt.memoryUsed
  }
  fail()
  assert.is(fail(), fail())
})
test.run()
