import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, RNN, type Module, type Tensor, createRuntime } from '../../bindings/index.ts'
import { dot, drawParameters, drawTensor, norm, numbers } from '../support/nets.ts'

const [T, B, I, H] = [7, 2, 3, 4]
const runtime = await createRuntime({ dtype: 'float64', seed: 3 })

const untied = suite('unfolding')

for (const Kind of [RNN, LSTM, GRU]) {
  untied(
    `${Kind.name}: ${T} untied copies give the same output, and their weight gradients sum to the shared one`,
    () => {
      const shared = new Kind(runtime, { inputSize: I, hiddenSize: H })
      drawParameters(shared, 1)
      const x = drawTensor(runtime, 2, 'x', [T, B, I])
      const dOutput = drawTensor(runtime, 3, 'dOutput', [T, B, H])
      const output = numbers(shared.forward(x).output)
      shared.zeroGrad()
      const dInput = numbers(shared.backward({ output: dOutput }).input as Tensor)
      // one module per step, each with weights of its own, chained by hand
      const copies = Array.from({ length: T }, () => new Kind(runtime, { inputSize: I, hiddenSize: H }))
      for (const copy of copies) copy.loadStateDict(shared.stateDict())
      const rows = (t: number, tensor: Tensor, columns: number) =>
        runtime.tensor(tensor.data.slice(t * B * columns, (t + 1) * B * columns), [1, B, columns])
      const outputs: number[] = []
      let state = copies[0]!.initialState(B)!
      for (const [t, copy] of copies.entries()) {
        const result = copy.forward(rows(t, x, I), { state })
        outputs.push(...numbers(result.output))
        state = result.state!
      }
      assert.equal(outputs, output, 'the same bits')
      const dInputs: number[][] = []
      let dState: ReturnType<Module['initialState']>
      for (let t = T - 1; t >= 0; t--) {
        copies[t]!.zeroGrad()
        const back = copies[t]!.backward({ output: rows(t, dOutput, H), ...(dState && { state: dState }) })
        dInputs.unshift(numbers(back.input as Tensor))
        dState = back.state
      }
      assert.equal(dInputs.flat(), dInput, 'the same bits by the input')
      for (const [i, { name, grad }] of shared.parameters().entries()) {
        const sum = copies
          .map((copy) => numbers(copy.parameters()[i]!.grad))
          .reduce((a, b) => a.map((v, k) => v + b[k]!))
        // T·B terms per element, added in another order
        const gap = norm(sum.map((v, k) => v - grad.data[k]!))
        assert.ok(gap <= T * B * 2 ** -52 * norm(sum), `${name}: ${gap}`)
      }
    },
  )
}

/** ∂(state `name` after one step)/∂(itself before), from one backward per column. */
function stepJacobian(net: Module, x: Tensor, state: Record<string, Tensor>, name: string): number[][] {
  const zeros = () =>
    Object.fromEntries(
      Object.entries(state).map(([key, tensor]) => [key, runtime.tensor(new Float64Array(tensor.size), tensor.shape)]),
    )
  return Array.from({ length: H }, (_, i) => {
    net.forward(x, { state })
    const incoming = zeros()
    incoming[name]!.data[i] = 1
    return numbers((net.backward({ state: incoming }).state as Record<string, Tensor>)[name]!)
  })
}

untied('LSTM with recurrent weights 0: ∂c_t/∂c_{t-1} is diag(f_t)', () => {
  const net = new LSTM(runtime, { inputSize: I, hiddenSize: H })
  drawParameters(net, 5)
  const weights = Object.fromEntries(net.parameters().map(({ name, value }) => [name, value]))
  weights['weight_hh_l0']!.data.fill(0)
  const x = drawTensor(runtime, 6, 'x', [1, 1, I])
  const state = { h: drawTensor(runtime, 7, 'h', [1, 1, H]), c: drawTensor(runtime, 8, 'c', [1, 1, H]) }
  const jacobian = stepJacobian(net, x, state, 'c')
  const forget = gate(weights, x, 1)
  compareDiagonal(jacobian, forget)
})

untied('GRU with recurrent weights 0: ∂h_t/∂h_{t-1} is diag(z_t)', () => {
  const net = new GRU(runtime, { inputSize: I, hiddenSize: H })
  drawParameters(net, 9)
  const weights = Object.fromEntries(net.parameters().map(({ name, value }) => [name, value]))
  weights['weight_hh_l0']!.data.fill(0)
  const x = drawTensor(runtime, 10, 'x', [1, 1, I])
  const jacobian = stepJacobian(net, x, { h: drawTensor(runtime, 11, 'h', [1, 1, H]) }, 'h')
  compareDiagonal(jacobian, gate(weights, x, 1))
})

untied('Elman: the step Jacobian is diag(1 - h²) W_hh', () => {
  const net = new RNN(runtime, { inputSize: I, hiddenSize: H })
  drawParameters(net, 12)
  const x = drawTensor(runtime, 13, 'x', [1, 1, I])
  const state = { h: drawTensor(runtime, 14, 'h', [1, 1, H]) }
  const jacobian = stepJacobian(net, x, state, 'h')
  const h = numbers(net.forward(x, { state }).output)
  const W = net.parameters().find(({ name }) => name === 'weight_hh_l0')!.value.data
  for (let i = 0; i < H; i++) {
    for (let j = 0; j < H; j++) assert.ok(Math.abs(jacobian[i]![j]! - (1 - h[i]! ** 2) * W[i * H + j]!) <= 4 * 2 ** -52)
  }
})
untied.run()

/** sigmoid of one gate block's pre-activation, without recurrence. */
function gate(weights: Record<string, Tensor>, x: Tensor, block: number): number[] {
  return Array.from({ length: H }, (_, i) => {
    const row = block * H + i
    const w = weights['weight_ih_l0']!.data.slice(row * I, (row + 1) * I)
    return 1 / (1 + Math.exp(-(dot(w, x.data) + weights['bias_ih_l0']!.data[row]! + weights['bias_hh_l0']!.data[row]!)))
  })
}

function compareDiagonal(jacobian: number[][], diagonal: number[]): void {
  for (let i = 0; i < H; i++) {
    for (let j = 0; j < H; j++) {
      const expected = i === j ? diagonal[i]! : 0
      // a sigmoid of I + 2 terms below 2, float64
      assert.ok(
        Math.abs(jacobian[i]![j]! - expected) <= (I + 4) * 2 ** -52,
        `${i}, ${j}: ${jacobian[i]![j]} for ${expected}`,
      )
    }
  }
}
