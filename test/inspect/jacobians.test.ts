/** Jacobians of steps and their products, and how two directions reach. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, type Module, RNN, type Tensor, createRuntime } from '../../bindings/index.ts'
import { gradientFlow, instanceGradients, jacobianProduct, stepJacobian } from '../../bindings/inspect.ts'
import { diagonal, expectNear, matrixOf, part, product, valueOf } from '../support/inspect.ts'
import { drawParameters, drawTensor, norm, numbers } from '../support/nets.ts'
import { mapValues } from '../support/unrolling.ts'

type Tensors = Record<string, Tensor>
const [I, H, T, B] = [3, 4, 6, 2]
const EPS = 2 ** -52
const runtime = await createRuntime({ dtype: 'float64', seed: 1 })

const sigmoid = (a: number) => 1 / (1 + Math.exp(-a))

function make(Kind: typeof RNN | typeof LSTM | typeof GRU, more: object = {}, size = 0.6) {
  const module = new Kind(runtime, { inputSize: I, hiddenSize: H, ...more } as never) as Module
  drawParameters(module, 5, size)
  const { batchFirst } = module
  return { module, x: drawTensor(runtime, 1, 'x', batchFirst ? [B, T, I] : [T, B, I]) }
}

const jacobians = suite('stepJacobian')
for (const nonlinearity of ['tanh', 'relu', 'identity'] as const) {
  jacobians(`Elman, ${nonlinearity}: diag(φ'(a_t)) W_hh`, () => {
    const { module, x } = make(RNN, { nonlinearity })
    const slope = { tanh: (y: number) => 1 - y * y, relu: (y: number) => Number(y > 0), identity: () => 1 }[
      nonlinearity
    ]
    const h = numbers(module.forward(x).output)
    const flat = numbers(valueOf(module, 'weight_hh_l0'))
    const W = flat.slice(0, H).map((_, i) => flat.slice(i * H, (i + 1) * H))
    for (let step = 1; step <= T; step++) {
      const { matrix, blocks } = stepJacobian(module, x, { step })
      for (let b = 0; b < B; b++) {
        const slopes = h.slice(((step - 1) * B + b) * H, ((step - 1) * B + b + 1) * H).map(slope)
        expectNear(part(matrix, b), product(diagonal(slopes), W).flat(), 4, EPS, `step ${step}`)
      }
      assert.equal(numbers(blocks['h']!['h']!), numbers(matrix))
    }
  })
}

/** Central differences of the state after `steps` steps of the module by the state before them. */
function differences(
  module: Module,
  x: Tensor,
  state: Tensors,
  names: readonly (readonly [string, number])[],
): number[][] {
  const after = (moved: Tensors) => {
    const { state: end } = module.forward(x, { state: moved })
    return names.flatMap(([name, layer]) => part((end as Tensors)[name]!, layer))
  }
  const move = 1e-5
  const columns = names.flatMap(([name, layer]) => {
    const size = state[name]!.size / state[name]!.shape[0]!
    return Array.from({ length: size }, (_, i) => {
      const [up, down] = [move, -move].map((by) => {
        const moved = mapValues(state, (tensor) => tensor.clone())
        moved[name]!.data[layer * size + i]! += by
        return after(moved)
      }) as [number[], number[]]
      return up.map((value, k) => (value - down[k]!) / (2 * move))
    })
  })
  return columns[0]!.map((_, i) => columns.map((column) => column[i]!))
}

for (const [Kind, more, names] of [
  [LSTM, { numLayers: 2 }, ['h_l0', 'c_l0', 'h_l1', 'c_l1']],
  [LSTM, { projSize: 2, batchFirst: true }, ['h', 'c']],
  [GRU, { numLayers: 2, layerResidual: true, residual: true }, ['h_l0', 'h_l1']],
  [RNN, { numLayers: 3, dropout: 0.5 }, ['h_l0', 'h_l1', 'h_l2']],
  [RNN, { skips: [2] }, ['h']],
] as const) {
  jacobians(`${Kind.name} ${JSON.stringify(more)}: blocks[to][from] equal central differences`, () => {
    const { module, x } = make(Kind, more)
    const step = 3
    const { matrix, blocks } = stepJacobian(module, x, { step })
    assert.equal(Object.keys(blocks), [...names])
    module.eval() // Jacobians leave dropout out
    const places = names.map((name) => [name[0]!, Number(name[3] ?? 0)] as const)
    for (let b = 0; b < B; b++) {
      const rows = Array.from({ length: T }, (_, t) =>
        numbers(x).slice(
          ...(module.batchFirst ? [(b * T + t) * I, (b * T + t + 1) * I] : [(t * B + b) * I, (t * B + b + 1) * I]),
        ),
      )
      const piece = (from: number, to: number) =>
        runtime.tensor(rows.slice(from, to).flat(), module.batchFirst ? [1, to - from, I] : [to - from, 1, I])
      const { state } = module.forward(piece(0, step - 1))
      const before = mapValues(state as Tensors, (tensor) => tensor.clone())
      const expected = differences(module, piece(step - 1, step), before, places)
      // move² of the third derivative and EPS / move of rounding are below 1e-9 each
      expectNear(part(matrix, b), expected.flat(), 1, 1e-8, `sample ${b}`)
      let row = 0
      for (const to of names) {
        let column = 0
        for (const from of names) {
          const block = matrixOf(blocks[to]![from]!, b)
          for (const [i, values] of block.entries())
            assert.equal(values, matrixOf(matrix, b)[row + i]!.slice(column, column + values.length))
          column += block[0]!.length
        }
        row += blocks[to]![names[0]]!.shape[1]!
      }
    }
  })
}

jacobians('residual: I + that of the cell', () => {
  const [plain, residual] = [false, true].map((isResidual) => make(GRU, { residual: isResidual }))
  const state = { h: drawTensor(runtime, 3, 'h', [1, B, H]) }
  const [J, R] = [plain!, residual!].map(({ module, x }) => stepJacobian(module, x, { step: 1, state }).matrix) as [
    Tensor,
    Tensor,
  ]
  for (let b = 0; b < B; b++)
    expectNear(
      part(R, b),
      part(J, b).map((value, k) => value + Number(k % (H + 1) === 0)),
      4,
      EPS,
      `${b}`,
    )
})

for (const [Kind, state, block] of [
  [LSTM, 'c', 1],
  [GRU, 'h', 1],
] as const) {
  jacobians(`${Kind.name} with recurrent weights 0: the gate on the diagonal, exact zeros beside it`, () => {
    const { module, x } = make(Kind)
    valueOf(module, 'weight_hh_l0').data.fill(0)
    const { blocks } = stepJacobian(module, x, { step: 4 })
    const [W, bi, bh] = ['weight_ih_l0', 'bias_ih_l0', 'bias_hh_l0'].map((name) => numbers(valueOf(module, name))) as [
      number[],
      number[],
      number[],
    ]
    for (let b = 0; b < B; b++) {
      const xt = numbers(x).slice((3 * B + b) * I, (3 * B + b + 1) * I)
      const matrix = matrixOf(blocks[state]![state]!, b)
      for (let i = 0; i < H; i++) {
        const row = block * H + i
        const gate = sigmoid(xt.reduce((sum, v, k) => sum + v * W[row * I + k]!, bi[row]! + bh[row]!))
        for (let j = 0; j < H; j++) {
          if (i !== j) assert.is(Math.abs(matrix[i]![j]!), 0)
          // a sigmoid of I + 2 terms below 2
          else assert.ok(Math.abs(matrix[i]![j]! - gate) <= (I + 4) * EPS)
        }
      }
      if (Kind === LSTM) assert.ok(numbers(blocks['c']!['h']!).every((value) => value === 0))
    }
  })
}
jacobians.run()

const products = suite('jacobianProduct')
for (const [Kind, more] of [
  [RNN, {}],
  [LSTM, { numLayers: 2 }],
  [GRU, { batchFirst: true }],
] as const) {
  products(`${Kind.name}: the product of the step Jacobians, its norms, from any state`, () => {
    const { module, x } = make(Kind, more)
    const state = mapValues(module.initialState(B) as Tensors, ({ shape }, name) => drawTensor(runtime, 4, name, shape))
    for (const given of [{}, { state }]) {
      const steps = Array.from({ length: T }, (_, t) => stepJacobian(module, x, { step: t + 1, ...given }).matrix)
      for (const [from, to] of [
        [0, T],
        [0, 1],
        [2, 5],
      ] as const) {
        const { matrix, norm: norms } = jacobianProduct(module, x, { from, to, ...given })
        for (let b = 0; b < B; b++) {
          const expected = steps
            .slice(from, to)
            .map((J) => matrixOf(J, b))
            .reduce((a, J) => product(J, a))
          expectNear(part(matrix, b), expected.flat(), 16 * 16 * T, EPS, `${from} ${to}`)
          assert.ok(Math.abs(norms[b]! - norm(part(matrix, b))) <= 256 * EPS * norms[b]!)
        }
      }
    }
  })
}

products.run()

const directions = suite('two directions')
directions('a loss reaches the past by the forward chain alone and the future by the reverse one alone', () => {
  const { module, x } = make(LSTM, { bidirectional: true })
  for (let loss = 1; loss <= T; loss++) {
    const output = runtime.tensor(new Float64Array(T * B * 2 * H), [T, B, 2 * H])
    output.data.fill(1, (loss - 1) * B * 2 * H, loss * B * 2 * H)
    const { states } = gradientFlow(module, x, { output })
    const { gradients } = instanceGradients(module, x, { output })
    for (let t = 1; t <= T; t++) {
      const forward = numbers(gradients['weight_ih_l0']!).slice((t - 1) * 4 * H * I, t * 4 * H * I)
      const reverse = numbers(gradients['weight_ih_l0_reverse']!).slice((t - 1) * 4 * H * I, t * 4 * H * I)
      assert.is(norm(forward) > 0, t <= loss, `${loss} ${t}`)
      assert.is(norm(reverse) > 0, t >= loss, `${loss} ${t}`)
      assert.is(states['h']?.[t - 1] ?? states['h_l0']![t - 1]! > 0, t <= loss)
      assert.is(states['h_l0_reverse']![t - 1]! > 0, t >= loss)
    }
  }
})
directions.run()
