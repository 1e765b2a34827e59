/** Residual steps, layer residuals and skips beside plain loops, and `past`. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  GRU,
  LSTM,
  type Module,
  RNN,
  type Runtime,
  type State,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import { type NetOptions, type Problem, solve } from '../reference/shortcuts.ts'
import { generate } from '../support/generator.ts'
import { dot, drawParameters, drawTensor, norm, numbers, stateNumbers } from '../support/nets.ts'
import {
  chainTerms,
  drawGiven,
  expectClose,
  expectRefused,
  makeNet,
  mapValues,
  problemOf,
  run,
  solved,
} from '../support/unrolling.ts'

type Tensors = Record<string, Tensor>
const I = 3

const net = (kind: NetOptions['kind'], more: Partial<NetOptions> = {}): NetOptions => ({
  kind,
  inputSize: I,
  hiddenSize: 4,
  numLayers: 2,
  ...more,
})

const both = { residual: true, layerResidual: true }
const NETS: NetOptions[] = [
  net('RNN', { residual: true, nonlinearity: 'relu' }),
  net('RNN', { skips: [2], nonlinearity: 'identity' }),
  net('RNN', { ...both, skips: [5, 2, 3], numLayers: 3 }),
  net('LSTM', { layerResidual: true }),
  net('LSTM', { skips: [2, 4] }),
  net('LSTM', { ...both, projSize: 2 }),
  net('LSTM', { ...both, projSize: 3, skips: [9] }),
  net('GRU', { residual: true }),
  net('GRU', { ...both, skips: [3] }),
  net('GRU', { resetAfter: false, layerResidual: true, skips: [2, 6] }),
]
const SHAPES: { T: number; B: number; lengths?: number[]; batchFirst?: boolean; past?: boolean }[] = [
  { T: 7, B: 3, past: true },
  { T: 7, B: 3, past: false, batchFirst: true },
  { T: 7, B: 4, lengths: [5, 0, 7, 1], past: true, batchFirst: true },
  { T: 1, B: 2, past: false },
  { T: 4, B: 3, lengths: [2, 3, 0], past: false },
]

const titleOf = ({ kind, inputSize: _i, hiddenSize: _h, ...more }: NetOptions) => `${kind} ${JSON.stringify(more)}`

const runtimes = await Promise.all(
  [{ dtype: 'float64' } as const, { variant: 'simd' } as const].map((options) =>
    createRuntime({ ...options, seed: 1 }),
  ),
)
const float64 = runtimes[0]!

function prepare(
  rt: Runtime,
  options: NetOptions,
  T: number,
  B: number,
  more: { batchFirst?: boolean; past?: boolean } = {},
) {
  const module = makeNet(rt, options, { batchFirst: more.batchFirst ?? false })
  drawParameters(module, 5, 0.4)
  return { module, given: drawGiven(module, T, B, I, more.past) }
}

const reference = suite('the plain loops of shortcuts agree with their central differences')
const STEP = 1e-5
for (const options of NETS) {
  reference(titleOf(options), () => {
    const { module, given } = prepare(float64, options, 6, 2, { past: true })
    const problem = problemOf(module, options, given, 6, 2)
    const { gradients } = solve(problem)
    for (const [name, gradient] of Object.entries(gradients)) {
      const direction = generate(9, name, gradient.length)
      const at = (step: number) =>
        loss(
          problem,
          name,
          Array.from(problem.leaves[name]!, (v, i) => v + step * direction[i]!),
        )
      const numeric = (at(STEP) - at(-STEP)) / (2 * STEP)
      // STEP² of the third derivative, and 2^-52 |loss| / STEP of rounding, are each below 1e-8 of the gradient here
      assert.ok(Math.abs(numeric - dot(direction, gradient)) <= 1e-7 * norm(gradient) * norm(direction), name)
      assert.ok(norm(gradient) > 1e-3, name)
    }
  })
}
reference.run()

function loss(problem: Problem, name: string, values: number[]): number {
  const { values: results } = solve({ ...problem, leaves: { ...problem.leaves, [name]: values } })
  return Object.entries(results).reduce((sum, [result, each]) => sum + dot(problem.seeds[result]!, each), 0)
}

for (const rt of runtimes) {
  const test = suite(`shortcuts (${rt.dtype})`)
  for (const [i, options] of NETS.entries()) {
    const shapes = [
      ...SHAPES,
      ...(i % 3 === 0 ? [{ T: 60, B: 5, lengths: [60, 51, 52, 0, 7], past: i % 2 === 0 }] : []),
    ]
    test(`${titleOf(options)} equals plain loops`, () => {
      for (const { T, B, lengths, ...more } of shapes) {
        const { module, given } = prepare(rt, options, T, B, more)
        const actual = run(module, given, lengths && { lengths })
        const expected = solved(module, { ...problemOf(module, options, given, T, B), lengths })
        expectClose(actual, expected, 2 * chainTerms(options, T), rt.dtype, JSON.stringify({ T, B, lengths, ...more }))
        module.dispose()
      }
    })

    test(`${titleOf(options)}: a split sequence, and steps, give what the whole gives, to the bit`, () => {
      const [T, B] = [7, 3]
      const { module, given } = prepare(rt, options, T, B, { past: true })
      const whole = run(module, given)
      const rows = ({ data, shape }: Tensor, from: number, to: number) =>
        rt.tensor(data.slice(from * B * shape[2]!, to * B * shape[2]!), [to - from, B, shape[2]!])
      for (const cuts of [
        [0, 3, 7],
        [0, 1, 2, 3, 4, 5, 6, 7], // shorter than the lags
      ]) {
        const parts = cuts.slice(1).map((to, i) => [cuts[i]!, to] as const)
        let state: State | undefined = given.state
        const forwards = parts.map(([from, to]) => {
          const forward = module.forward(rows(given.x, from, to), { keep: true, state })
          state = forward.state
          return forward
        })
        assert.equal(
          forwards.flatMap(({ output }) => numbers(output)),
          whole['output'],
        )
        for (const [name, values] of Object.entries(stateNumbers(state)))
          assert.equal(values, whole[`state.${name}`], name)
        let dState: State | undefined = given.dState
        const dInputs = parts.toReversed().map(([from, to], i) => {
          const { tape } = forwards.at(-1 - i)!
          const back = module.backward({ output: rows(given.dOutput, from, to), state: dState }, { tape })
          dState = back.state
          return numbers(back.input as Tensor)
        })
        assert.equal(dInputs.toReversed().flat(), whole['dInput'])
        for (const [name, values] of Object.entries(stateNumbers(dState)))
          assert.equal(values, whole[`dState.${name}`], name)
      }

      const state = mapValues(given.state, (tensor) => tensor.clone())
      const outputs = Array.from({ length: T }, (_, t) =>
        numbers(module.step(rt.tensor(rows(given.x, t, t + 1).data, [B, I]), state).output),
      )
      assert.equal(outputs.flat(), whole['output'])
      for (const [name, values] of Object.entries(stateNumbers(state)))
        assert.equal(values, whole[`state.${name}`], name)
    })
  }

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

const refused = suite('shortcuts refused')
for (const [skips, message] of [
  [[1], /^LSTM: skips\[0\] is 1; expected a whole number >= 2$/],
  [[2, 0], /^LSTM: skips\[1\] is 0; expected a whole number >= 2$/],
  [[2, -3], /skips\[1\] is -3/],
  [[2.5], /skips\[0\] is 2\.5; expected a whole number >= 2/],
  [['2'], /skips\[0\] is '2'; expected a whole number >= 2/],
  [[3, 4, 3], /^LSTM: skips holds 3 twice$/],
  [2, /skips is 2; expected a list of whole numbers >= 2/],
] as [unknown, RegExp][]) {
  refused(`skips: ${JSON.stringify(skips)}`, () => {
    const { module, given } = prepare(float64, net('LSTM'), 4, 2)
    const make = () => new LSTM(float64, { inputSize: I, hiddenSize: 4, skips: skips as number[] })
    expectRefused(module, given, make, 'option', message)
  })
}

for (const name of ['residual', 'layerResidual']) {
  refused(`${name}: 1`, () => {
    const { module, given } = prepare(float64, net('LSTM'), 4, 2)
    const make = () => new GRU(float64, { inputSize: I, hiddenSize: 4, [name]: 1 })
    expectRefused(module, given, make, 'option', new RegExp(`^GRU: ${name} is 1; expected true or false$`))
  })
}

refused('states and pasts that do not fit, in forward, step and backward', () => {
  const { module, given } = prepare(float64, net('LSTM', { skips: [2, 4], projSize: 3 }), 4, 2)
  const { h, c, past } = given.state as { h: Tensor; c: Tensor; past: Tensor }
  const bad = (shape: number[]) => drawTensor(float64, 1, 'bad', shape)
  const [short, wide, flat] = [bad([2, 2, 2, 3]), bad([3, 2, 2, 4]), bad([2, 2, 3])]
  const step = bad([2, I])
  const plain = makeNet(float64, net('LSTM'))
  for (const [call, code, message] of [
    [() => module.forward(given.x, { state: { h, c, past: short } }), 'shape', /^LSTM\.forward: state\.past is \[2, 2, 2, 3\]; expected \[3, 2, 2, 3\]$/], // prettier-ignore
    [() => module.forward(given.x, { state: { h, c, past: wide } }), 'shape', /state\.past is \[3, 2, 2, 4\]/],
    [() => module.forward(given.x, { state: { h, c, past: flat } }), 'shape', /state\.past is \[2, 2, 3\]/],
    [
      () => module.forward(given.x, { state: { h: c, c, past } }),
      'shape',
      /state\.h is \[2, 2, 4\]; expected \[2, 2, 3\]/,
    ],
    [() => module.forward(given.x, { state: { c, past } } as never), 'type', /state\.h is undefined/],
    [() => module.forward(given.x, { state: { h, c, pasts: past } }), 'option', /unknown option 'pasts'; known are h, c, past/], // prettier-ignore
    [
      () => module.step(step, { h, c }),
      'type',
      /^LSTM\.step: state\.past is missing; make one with initialState\(2\)$/,
    ],
    [() => module.step(step, { h, c, past: short }), 'shape', /^LSTM\.step: state\.past is/],
    [() => module.backward({ state: { h, c, past: short } }), 'shape', /^LSTM\.backward: state\.past is/],
    [() => plain.forward(given.x, { state: { h, c, past } }), 'option', /unknown option 'past'; known are h, c/],
  ] as [() => unknown, string, RegExp][]) {
    expectRefused(module, given, call, code, message)
  }
})
refused.run()
