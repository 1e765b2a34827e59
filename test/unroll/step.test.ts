import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, type Module, RNN, type State, type Tensor, createRuntime } from '../../bindings/index.ts'
import { drawParameters, drawTensor, numbers, stateNumbers } from '../support/nets.ts'

const rt = await createRuntime({ variant: 'simd', seed: 1 })
const MODULES: Record<string, Module> = {
  RNN: new RNN(rt, { inputSize: 3, hiddenSize: 5, skips: [2, 4] }),
  LSTM: new LSTM(rt, { inputSize: 3, hiddenSize: 5, numLayers: 2 }),
  GRU: new GRU(rt, { inputSize: 3, hiddenSize: 5 }),
}

const test = suite('step() with the same input and state again')
for (const [kind, net] of Object.entries(MODULES)) {
  drawParameters(net, 1)

  test(`${kind}: gives the bits of steps with tensors of their own, whatever is changed in between`, () => {
    const x = drawTensor(rt, 2, 'x', [2, 3])
    const own = net.initialState(2)!
    let other = net.initialState(2)!
    for (let t = 0; t < 12; t++) {
      x.data.set(drawTensor(rt, t, 'input', [2, 3]).data)
      if (t === 4) for (const { value } of net.parameters()) value.data[0]! += 0.25
      // another batch, a forward and a mode between two steps of the stream
      if (t === 6) net.step(drawTensor(rt, 3, 'y', [1, 3]), net.initialState(1))
      if (t === 8) net.forward(drawTensor(rt, 4, 'z', [3, 2, 3]))
      // the state's tensors are replaced inside the same object
      if (t === 10)
        for (const [name, tensor] of Object.entries(own)) (own as Record<string, Tensor>)[name] = tensor.clone()
      const copy = rt.tensor(x.data, [2, 3])
      other = Object.fromEntries(Object.entries(other).map(([name, tensor]) => [name, (tensor as Tensor).clone()]))
      const expected = numbers(net.step(copy, other).output)
      // the stream of `copy` is the last one now: this one starts anew, and goes on in the next call
      const actual = numbers(net.step(x, own).output)
      assert.equal(actual, expected, `step ${t}`)
      assert.equal(stateNumbers(own), stateNumbers(other))
    }
  })

  test(`${kind}: goes on where it may, and forward's bits come out`, () => {
    const T = 9
    const sequence = drawTensor(rt, 5, 'x', [T, 2, 3])
    const whole = numbers(net.forward(sequence, { tape: false }).output)
    const [x, state] = [rt.tensor(new Float32Array(6), [2, 3]), net.initialState(2)!]
    const steps = Array.from({ length: T }, (_, t) => {
      x.data.set(sequence.data.slice(t * 6, (t + 1) * 6))
      return numbers(net.step(x, state).output)
    })
    assert.equal(steps.flat(), whole)
  })

  test(`${kind}: refuses what was disposed of since`, () => {
    const [x, state] = [drawTensor(rt, 6, 'x', [2, 3]), net.initialState(2)!]
    net.step(x, state)
    net.step(x, state)
    const first = Object.values(state as Exclude<State, unknown[]>)[0] as Tensor
    first.dispose()
    assert.throws(
      () => net.step(x, state),
      (error: { code: string }) => error.code === 'disposed',
    )
    const again = net.initialState(2)!
    net.step(x, again)
    x.dispose()
    assert.throws(
      () => net.step(x, again),
      (error: { code: string }) => error.code === 'disposed',
    )
  })
}
test.run()
