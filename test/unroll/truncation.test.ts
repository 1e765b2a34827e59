/** TBPTT(k1, k2) is what DESIGN.md section 5 says, by plain loops that cut every block's window off by hand. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Tensor, createRuntime } from '../../bindings/index.ts'
import type { NetOptions } from '../reference/shortcuts.ts'
import { drawParameters, norm, numbers } from '../support/nets.ts'
import { I, net } from '../support/shortcuts.ts'
import {
  type Results,
  chainTerms,
  drawGiven,
  expectClose,
  expectRefused,
  makeNet,
  problemOf,
  run,
  solved,
} from '../support/unrolling.ts'

interface Case {
  readonly net: NetOptions
  readonly T: number
  readonly B: number
  readonly truncation: { window: number; stride: number }
  readonly lengths?: readonly number[]
  readonly batchFirst?: boolean
  readonly past?: boolean
}

const CUTS = [
  { stride: 1, window: 1 }, // nothing but each step's own
  { stride: 1, window: 3 },
  { stride: 1, window: 9 }, // a window longer than the sequence
  { stride: 2, window: 2 },
  { stride: 3, window: 3 }, // ragged: 7 = 3 + 3 + 1
  { stride: 2, window: 5 },
  { stride: 3, window: 4 },
  { stride: 5, window: 6 },
  { stride: 7, window: 7 },
  { stride: 9, window: 20 },
]

const SHAPES: Pick<Case, 'T' | 'B' | 'lengths' | 'batchFirst'>[] = [
  { T: 7, B: 3 },
  { T: 7, B: 3, batchFirst: true },
  { T: 7, B: 4, lengths: [5, 0, 7, 1] },
  { T: 8, B: 3, lengths: [3, 6, 4], batchFirst: true }, // nobody reaches T
]

const NETS: (Pick<Case, 'net'> & { past?: boolean })[] = [
  { net: net('RNN') },
  { net: net('RNN', { skips: [2, 5] }), past: true },
  { net: net('RNN', { skips: [3], residual: true, layerResidual: true }), past: false },
  { net: net('LSTM') },
  { net: net('LSTM', { projSize: 2, skips: [4] }), past: false },
  { net: net('LSTM', { projSize: 2, residual: true, skips: [9], numLayers: 1 }), past: true }, // beyond the sequence
  { net: net('GRU') },
  { net: net('GRU', { resetAfter: false, skips: [2] }), past: true },
]

/** Every cut with every net, the shapes in turn. */
const SMALL: Case[] = CUTS.flatMap((truncation, i) =>
  NETS.map((each, k): Case => ({ ...each, ...SHAPES[(i + k) % SHAPES.length]!, truncation })),
)

/** A chunk is 256 rows: 51 steps of 5 samples, 2 of 100, 1 of 300. */
const ACROSS_CHUNKS: Case[] = [
  { net: net('RNN', { hiddenSize: 3 }), T: 130, B: 5, truncation: { stride: 7, window: 60 } },
  { net: net('GRU', { hiddenSize: 2 }), T: 130, B: 5, truncation: { stride: 51, window: 51 } },
  { net: net('LSTM', { hiddenSize: 2, numLayers: 1 }), T: 110, B: 5, truncation: { stride: 40, window: 55 }, lengths: [110, 60, 0, 51, 52] },
  { net: net('RNN', { hiddenSize: 2, skips: [4] }), T: 9, B: 100, truncation: { stride: 1, window: 3 }, past: true },
  { net: net('LSTM', { hiddenSize: 2 }), T: 4, B: 300, truncation: { stride: 1, window: 2 }, batchFirst: true },
  { net: net('GRU', { hiddenSize: 2 }), T: 5, B: 300, truncation: { stride: 3, window: 4 } },
] // prettier-ignore

const titleOf = ({ net: { kind, inputSize: _i, hiddenSize: _h, ...more }, T, B, truncation, ...rest }: Case) =>
  `${kind} ${JSON.stringify({ ...more, T, B, ...truncation, ...rest })}`

const optionsOf = ({ lengths, truncation }: Pick<Case, 'lengths' | 'truncation'>) => ({
  truncation,
  ...(lengths && { lengths: [...lengths] }),
})

const runtimes = await Promise.all(
  [{ dtype: 'float64' } as const, { variant: 'simd' } as const].map((options) =>
    createRuntime({ ...options, seed: 1 }),
  ),
)
const [runtime] = runtimes as [(typeof runtimes)[number]]

function prepare(rt: typeof runtime, { net: options, T, B, batchFirst, past }: Omit<Case, 'truncation'>) {
  const module = makeNet(rt, options, { batchFirst: batchFirst ?? false })
  drawParameters(module, 5)
  return { module, given: drawGiven(module, T, B, I, past) }
}

for (const rt of runtimes) {
  const test = suite(`truncation equals plain loops (${rt.dtype})`)
  const chosen = rt === runtime ? [...SMALL, ...ACROSS_CHUNKS] : SMALL.filter((_, i) => i % 5 === 0)
  for (const each of chosen) {
    test(titleOf(each), () => {
      const { module, given } = prepare(rt, each)
      const actual = run(module, given, optionsOf(each))
      const problem = { ...problemOf(module, each.net, given, each.T, each.B), ...optionsOf(each) }
      expectClose(actual, solved(module, problem), chainTerms(each.net, each.T), rt.dtype)
      module.dispose()
    })
  }
  test.run()
}

const property = suite('truncation')
for (const rt of runtimes) {
  for (const [i, { net: options, past }] of NETS.entries()) {
    const shape = { net: options, ...SHAPES[i % SHAPES.length]!, ...(past !== undefined && { past }) }
    const title = `${options.kind} ${i}, ${rt.dtype}`

    property(`${title}: a stride of T or more is full BPTT, to the bit`, () => {
      for (const each of [shape, { ...shape, T: 130, B: 5, lengths: [130, 0, 51, 52, 120] }]) {
        const { module, given } = prepare(rt, each)
        const { T, lengths } = each
        const whole = run(module, given, lengths && { lengths: [...lengths] })
        for (const stride of [T, T + 3]) {
          for (const window of [stride, 3 * stride])
            assert.equal(
              run(module, given, optionsOf({ truncation: { stride, window }, ...(lengths && { lengths }) })),
              whole,
            )
        }
        assert.equal(
          run(module, given, { truncation: { window: T }, ...(lengths && { lengths: [...lengths] }) }),
          whole,
        )
        module.dispose()
      }
    })

    property(`${title}: windows that reach the first step from every block are full BPTT, within rounding`, () => {
      const { module, given } = prepare(rt, shape)
      const { T, lengths } = shape
      const whole = run(module, given, lengths && { lengths: [...lengths] })
      for (const stride of [1, 2, 3]) {
        const window = stride * Math.ceil(T / stride)
        const actual = run(module, given, optionsOf({ truncation: { stride, window }, ...(lengths && { lengths }) }))
        for (const name of Object.keys(whole).filter((key) => /^(output|state)/.test(key)))
          assert.equal(actual[name], whole[name], 'forward is not truncated')
        expectClose(actual, whole, chainTerms(options, T), rt.dtype)
      }
    })
  }
}

property('a loss reaches the steps of its window and no other', () => {
  const T = 9
  const { module, given } = prepare(runtime, { net: net('LSTM'), T, B: 1 })
  for (const { stride, window } of CUTS) {
    for (let t = 1; t <= T; t++) {
      const dOutput = runtime.tensor(new Float64Array(T * 4), [T, 1, 4])
      dOutput.data.fill(1, (t - 1) * 4, t * 4)
      const { dInput, 'dState.h': dState } = run(module, { ...given, dOutput, dState: zeroed(given.dState) }, { truncation: { stride, window } }) // prettier-ignore
      const end = stride * Math.ceil(t / stride)
      for (let s = 1; s <= T; s++) {
        const reached = norm(dInput!.slice((s - 1) * I, s * I)) > 0
        assert.is(reached, s <= t && s > end - window, `k1 ${stride}, k2 ${window}: loss ${t}, step ${s}`)
      }
      assert.is(norm(dState!) > 0, end - window <= 0, `k1 ${stride}, k2 ${window}: loss ${t}, initial state`)
    }
  }
})

const zeroed = (tensors: Record<string, Tensor>) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, size }]) => [name, runtime.tensor(new Float64Array(size), shape)]),
  )

property('one module, many cuts: none knows of the one before', () => {
  const shape = { net: net('GRU'), T: 7, B: 3, lengths: [7, 2, 5] }
  const { module, given } = prepare(runtime, shape)
  for (const options of [{}, ...CUTS.map((truncation) => ({ truncation })), {}, { truncation: CUTS[1]! }]) {
    const fresh = prepare(runtime, shape)
    assert.equal(run(module, given, options), run(fresh.module, fresh.given, options))
  }
})

property('without the gradient by the input, and with frozen parameters, the others are the same', () => {
  const { module, given } = prepare(runtime, { net: net('LSTM'), T: 7, B: 3 })
  const options = { truncation: { stride: 2, window: 3 } }
  const whole = run(module, given, options)
  module.freeze(['weight_hh_l0'])
  const { 'grad.weight_hh_l0': frozen, ...others } = run(module, given, options, { inputGradient: false })
  const { dInput: _dInput, 'grad.weight_hh_l0': _frozen, ...expected } = whole
  assert.equal(others, expected)
  assert.ok(frozen!.every((value) => value === 0))
})

property('gradients by the output alone and by the state alone add up', () => {
  const { module, given } = prepare(runtime, { net: net('LSTM', { skips: [3] }), T: 7, B: 3, batchFirst: true })
  const options = { tape: true, state: given.state, truncation: { stride: 3, window: 4 }, lengths: [7, 3, 4] }
  const part = (gradients: object): Results => {
    module.zeroGrad()
    module.forward(given.x, options)
    const back = module.backward(gradients)
    return { dInput: numbers(back.input as Tensor), weight: numbers(module.parameters()[1]!.grad) }
  }
  const [output, state, both] = [{ output: given.dOutput }, { state: given.dState }, { output: given.dOutput, state: given.dState }].map(part) as [Results, Results, Results] // prettier-ignore
  const sum = Object.fromEntries(
    Object.entries(output).map(([name, values]) => [name, values.map((value, i) => value + state[name]![i]!)]),
  )
  expectClose(both, sum, chainTerms(net('LSTM', { skips: [3] }), 7), 'float64')
})

const REFUSED: [unknown, string, RegExp][] = [
  [{ window: 0 }, 'option', /truncation\.window is 0; expected a whole number >= 1/],
  [{ window: 2.5 }, 'option', /truncation\.window is 2\.5; expected a whole number >= 1/],
  [{ window: 3, stride: 0 }, 'option', /truncation\.stride is 0; expected a whole number >= 1/],
  [{ window: 3, stride: -1 }, 'option', /truncation\.stride is -1; expected a whole number >= 1/],
  [{ window: 2, stride: 3 }, 'option', /truncation\.stride is 3 and window 2; expected stride <= window/],
  [{ stride: 3 }, 'option', /truncation\.window is undefined/],
  [{ window: 3, length: 1 }, 'option', /unknown option 'length'; known are window, stride/],
  [3, 'type', /truncation: options is 3; expected an object/],
]
for (const [truncation, code, message] of REFUSED) {
  property(`${JSON.stringify(truncation)} is refused, and nothing is changed`, () => {
    const { module, given } = prepare(runtime, { net: net('LSTM'), T: 4, B: 2 })
    expectRefused(module, given, () => module.forward(given.x, { truncation } as never), code, message)
  })
}

property('truncation of two directions, and beside checkpoints, is refused', () => {
  const { given, module } = prepare(runtime, { net: net('LSTM'), T: 4, B: 2 })
  const both = makeNet(runtime, net('LSTM'), { bidirectional: true })
  const cut = { truncation: { window: 2 } }
  expectRefused(
    both,
    drawGiven(both, 4, 2, I),
    () => both.forward(given.x, cut),
    'unsupported',
    /^LSTM\.forward: .*bidirectional/,
  )
  const twice = () => module.forward(given.x, { ...cut, checkpoint: 'sqrt' })
  expectRefused(module, given, twice, 'option', /truncation and checkpoint are both given/)
})

property.run()
