/** Residual steps, layer residuals and skips beside plain loops, and what of them is refused. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, type State, type Tensor, createRuntime } from '../../bindings/index.ts'
import { type NetOptions, type Problem, solve } from '../reference/shortcuts.ts'
import { generate } from '../support/generator.ts'
import { dot, drawTensor, norm, numbers, stateNumbers } from '../support/nets.ts'
import { I, NETS, net, prepare } from '../support/shortcuts.ts'
import {
  chainTerms,
  expectClose,
  expectRefused,
  makeNet,
  mapValues,
  problemOf,
  run,
  solved,
} from '../support/unrolling.ts'

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
