/** What shortcuts and `past` are, each by a property of its own. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, type Module, RNN, type Tensor, createRuntime } from '../../bindings/index.ts'
import { drawParameters, drawTensor, numbers } from '../support/nets.ts'
import { I, NETS, net, prepare } from '../support/shortcuts.ts'
import { drawGiven, expectClose, makeNet, mapValues, run } from '../support/unrolling.ts'

type Tensors = Record<string, Tensor>

const runtimes = await Promise.all(
  [{ dtype: 'float64' } as const, { variant: 'simd' } as const].map((options) =>
    createRuntime({ ...options, seed: 1 }),
  ),
)

for (const rt of runtimes) {
  const test = suite(`shortcuts (${rt.dtype})`)
  const SKIPPING = NETS.filter(({ skips }) => skips)
  test('without past, the first state stands for every earlier one, and gets their gradients', () => {
    for (const options of SKIPPING) {
      for (const lengths of [[2, 7, 0], undefined]) {
        const { module, given } = prepare(rt, options, 7, 3, { past: false })
        const entries = Math.max(...options.skips!) - 1
        const { h } = given.state as { h: Tensor }
        const past = rt.tensor(Array.from({ length: entries }, () => numbers(h)).flat(), [entries, ...h.shape])
        const implied = run(module, given, lengths && { lengths })
        const { 'dState.past': dPast, ...spelled } = run(module, { ...given, state: { ...given.state, past } }, lengths && { lengths }) // prettier-ignore
        const sum = spelled['dState.h']!.map((value, i) =>
          Array.from({ length: entries }, (_, j) => dPast![j * h.size + i]!).reduce((a, b) => a + b, value),
        )
        const { 'dState.h': actual, ...others } = implied
        const { 'dState.h': _alone, ...expected } = spelled
        assert.equal(others, expected)
        expectClose({ dh: actual! }, { dh: sum }, 2 * entries, rt.dtype)
      }
    }
  })

  test('past after T steps holds h of the steps before the last, then what was there before', () => {
    for (const T of [1, 3, 7]) {
      const options = net('LSTM', { numLayers: 1, skips: [2, 5] })
      const { module, given } = prepare(rt, options, T, 2, { past: true })
      const { output, state } = module.forward(given.x, { state: given.state })
      const size = 2 * 4
      const h = numbers(output)
      const before = [numbers(given.state['h']!), ...[0, 1, 2, 3].map((j) => numbers(given.state['past']!).slice(j * size, (j + 1) * size))] // prettier-ignore
      const stepBack = (j: number) => (T - j > 0 ? h.slice((T - j - 1) * size, (T - j) * size) : before[j - T]!)
      assert.equal(numbers((state as Tensors)['past']!), [1, 2, 3, 4].flatMap(stepBack), `T = ${T}`)
      assert.equal(numbers((state as Tensors)['h']!), stepBack(0))
    }
  })

  test('two directions: each half is a chain of its own with shortcuts and past of its own, to the bit', () => {
    const [T, B, H] = [7, 3, 4]
    for (const options of [
      net('LSTM', { numLayers: 1, skips: [2, 4], residual: true }),
      net('GRU', { numLayers: 1, skips: [3] }),
    ]) {
      const two = makeNet(rt, options, { bidirectional: true })
      drawParameters(two, 5, 0.4)
      const given = drawGiven(two, T, B, I)
      const whole = run(two, given)
      const parts = Object.entries(two.stateDict())
      for (const direction of [0, 1]) {
        const one = makeNet(rt, options)
        const own = parts.filter(([name]) => name.endsWith('_reverse') === (direction === 1))
        one.loadStateDict(Object.fromEntries(own.map(([name, value]) => [name.replace('_reverse', ''), value])))
        const turn = (tensor: Tensor, columns: number, from = 0) => {
          const [, , n] = tensor.shape as [number, number, number]
          const row = (t: number, b: number) =>
            tensor.data.slice((t * B + b) * n + from, (t * B + b) * n + from + columns)
          const order = Array.from({ length: T }, (_, t) => (direction === 1 ? T - 1 - t : t))
          const values = order.flatMap((t) => [0, 1, 2].flatMap((b) => Array.from(row(t, b))))
          return rt.tensor(values, [T, B, columns])
        }
        /** [entries ·] 2 · B · n: this direction's. */
        const half = (tensor: Tensor) => {
          const n = B * tensor.shape.at(-1)!
          const values = numbers(tensor).filter((_, i) => Math.floor(i / n) % 2 === direction)
          return rt.tensor(
            values,
            tensor.shape.map((size, axis) => (axis === tensor.shape.length - 3 ? 1 : size)),
          )
        }
        const alone = run(one, {
          x: turn(given.x, I),
          state: mapValues(given.state, half),
          dOutput: turn(given.dOutput, H, direction * H),
          dState: mapValues(given.dState, half),
        })
        const output = rt.tensor(whole['output']!, [T, B, 2 * H])
        assert.equal(numbers(turn(output, H, direction * H)), alone['output'])
        for (const [name, { shape }] of Object.entries(given.dState))
          for (const key of [`state.${name}`, `dState.${name}`])
            assert.equal(numbers(half(rt.tensor(whole[key]!, shape))), alone[key], key)
        // sums over time, in the other order
        const gradients = own.map(([name]) => [name.replace('_reverse', ''), whole[`grad.${name}`]!] as const)
        const expected = Object.fromEntries(gradients.map(([name]) => [name, alone[`grad.${name}`]!]))
        expectClose(Object.fromEntries(gradients), expected, T * B, rt.dtype)
      }
    }
  })

  test('layerResidual adds the input of a layer to its output; with two directions each adds its half', () => {
    for (const bidirectional of [false, true]) {
      const options = { ...net('GRU'), bidirectional }
      const stack = makeNet(rt, options, { layerResidual: true, bidirectional })
      drawParameters(stack, 5)
      const lower = makeNet(rt, net('GRU', { numLayers: 1 }), { bidirectional })
      const upper = makeNet(rt, net('GRU', { numLayers: 1, inputSize: bidirectional ? 8 : 4 }), { bidirectional })
      const dict = Object.entries(stack.stateDict())
      lower.loadStateDict(Object.fromEntries(dict.filter(([name]) => name.includes('_l0'))))
      upper.loadStateDict(Object.fromEntries(dict.filter(([name]) => name.includes('_l1')).map(([name, value]) => [name.replace('_l1', '_l0'), value]))) // prettier-ignore
      const x = drawTensor(rt, 1, 'x', [7, 3, I])
      const { output: below } = lower.forward(x)
      const { output } = upper.forward(below)
      const sum = rt.dtype === 'float32' ? Math.fround : (value: number) => value
      assert.equal(
        numbers(stack.forward(x).output),
        numbers(output).map((value, i) => sum(value + below.data[i]!)),
      )
    }
  })

  test('residual around a zero cell is the identity, forward and backward', () => {
    for (const make of [
      () => new RNN(rt, { inputSize: I, hiddenSize: 4, residual: true, nonlinearity: 'identity', skips: [2] }),
      () => new LSTM(rt, { inputSize: I, hiddenSize: 4, residual: true, projSize: 3 }),
    ]) {
      const module: Module = make()
      module.loadStateDict(mapValues(module.stateDict() as never, ({ shape, data }: { shape: number[]; data: Float64Array }) => ({ shape, data: data.map(() => 0) })) as never) // prettier-ignore
      const given = drawGiven(module, 5, 2, I)
      const { output, 'state.h': last, 'dState.h': dh } = run(module, given)
      const h0 = numbers(given.state['h']!)
      assert.equal(
        output,
        [1, 2, 3, 4, 5].flatMap(() => h0),
      )
      assert.equal(last, h0)
      const rows = [0, 1, 2, 3, 4].map((t) => numbers(given.dOutput).slice(t * h0.length, (t + 1) * h0.length))
      // h_4 and, as the last state's past, h_4 again: see the entries of past
      const past = given.dState['past'] ? numbers(given.dState['past']) : h0.map(() => 0)
      const sum = rows.reduce((a, b) => a.map((v, i) => v + b[i]!), numbers(given.dState['h']!).map((v, i) => v + past[i]!)) // prettier-ignore
      expectClose({ dh: dh! }, { dh: sum }, 8, rt.dtype)
    }
  })

  test('the step Jacobian of a residual net is I + that of the net without', () => {
    const [plain, residual] = [false, true].map((isResidual) => {
      const module = new GRU(rt, { inputSize: I, hiddenSize: 4, residual: isResidual })
      drawParameters(module, 5)
      const { x, state } = drawGiven(module, 1, 1, I)
      module.forward(x, { state })
      return [0, 1, 2, 3].flatMap((i) => {
        const h = rt.tensor(
          [0, 1, 2, 3].map((j) => Number(i === j)),
          [1, 1, 4],
        )
        return numbers((module.backward({ state: { h } }).state as Tensors)['h']!)
      })
    })
    const expected = plain!.map((value, i) => value + Number(i % 5 === 0))
    expectClose({ J: residual! }, { J: expected }, 4, rt.dtype)
  })
  test.run()
}
