/** Gradients by instance, by time, by lag and by hops, and what truncation cuts, beside plain loops and one-step chains. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Module, Recurrent, type Runtime, type Tensor, createRuntime, defineCell } from '../../bindings/index.ts'
import {
  gradientByHops,
  gradientByLag,
  gradientFlow,
  instanceGradients,
  truncationBias,
} from '../../bindings/inspect.ts'
import { add, concat, linear, prev, rows, scale, tanh } from '../../bindings/ops.ts'
import type { NetOptions } from '../reference/shortcuts.ts'
import {
  B,
  I,
  type Shape,
  T,
  expectNear,
  gradientsOf,
  net,
  partsOf,
  prepare,
  seenByChain,
  seenByLoops,
  sumOf,
} from '../support/inspect.ts'
import { dot, drawParameters, drawTensor, norm, numbers } from '../support/nets.ts'
import { STRUCTURED } from '../support/structured.ts'
import { EPSILON } from '../support/tolerance.ts'
import { chainTerms, drawGiven, mapValues } from '../support/unrolling.ts'

const runtimes = await Promise.all(
  [{ dtype: 'float64' } as const, { variant: 'simd' } as const].map((options) =>
    createRuntime({ ...options, seed: 1 }),
  ),
)
const [runtime] = runtimes as [Runtime, Runtime]

type Tensors = Record<string, Tensor>

const NETS: [NetOptions, Shape][] = [
  [net('RNN'), {}],
  [net('RNN', { numLayers: 2, residual: true, layerResidual: true, nonlinearity: 'relu' }), { lengths: [6, 0, 3] }],
  [net('RNN', { numLayers: 2, skips: [2, 4] }), { past: true }],
  [net('LSTM', { numLayers: 2 }), { batchFirst: true }],
  [net('LSTM', { projSize: 2, skips: [3] }), { past: false, lengths: [2, 6, 5], batchFirst: true }],
  [net('GRU', { numLayers: 2, skips: [2] }), { lengths: [6, 4, 1], past: true }],
  [net('GRU', { resetAfter: false, residual: true }), {}],
]
const titleOf = ({ kind, inputSize: _i, hiddenSize: _h, ...more }: NetOptions, shape: Shape) =>
  `${kind} ${JSON.stringify({ ...more, ...shape })}`

const nameOfState = (name: string, { numLayers }: NetOptions) => (numLayers === 1 ? name.replace('_l0', '') : name)

for (const rt of runtimes) {
  const epsilon = EPSILON[rt.dtype]
  const test = suite(`looking at gradients beside plain loops (${rt.dtype})`)
  for (const [options, shape] of rt === runtime ? NETS : NETS.slice(2, 4)) {
    const lengths = shape.lengths && { lengths: shape.lengths }
    // roundings of a chain, which the scale of the whole gradient bounds (parts may cancel)
    const terms = 4 * chainTerms(options, T)

    test(`${titleOf(options, shape)}: instances, their norms and those by the states`, () => {
      const { module, given, look } = prepare(rt, options, shape)
      const expected = seenByLoops(module, options, given, shape.lengths)
      const whole = gradientsOf(module, given, lengths)
      const { gradients } = instanceGradients(module, given.x, { ...look, ...lengths })
      const flow = gradientFlow(module, given.x, { ...look, ...lengths })
      assert.equal(
        Object.keys(gradients),
        module.parameters().map(({ name }) => name),
      )
      assert.equal(Object.keys(flow.parameters), Object.keys(gradients))
      for (const [name, tensor] of Object.entries(gradients)) {
        const instances = partsOf(tensor)
        assert.equal(tensor.shape, [T, ...module.parameters().find((p) => p.name === name)!.value.shape])
        const size = norm(expected.instances[name]!.flat())
        expectNear(instances.flat(), expected.instances[name]!.flat(), terms, epsilon, name)
        expectNear(sumOf(instances), whole[name]!, terms, epsilon, `sum of ${name}`, size)
        expectNear(flow.parameters[name]!, expected.instances[name]!.map(norm), terms, epsilon, `flow of ${name}`)
        const alone = instanceGradients(module, given.x, { ...look, ...lengths, parameter: name })
        assert.equal(Object.keys(alone.gradients), [name])
        assert.equal(numbers(alone.gradients[name]!), numbers(tensor))
      }
      const states = Object.fromEntries(
        Object.entries(expected.states).map(([name, v]) => [nameOfState(name, options), v]),
      )
      assert.equal(Object.keys(flow.states).sort(), Object.keys(states).sort())
      for (const [name, norms] of Object.entries(states)) expectNear(flow.states[name]!, norms, terms, epsilon, name)
    })

    test(`${titleOf(options, shape)}: parts by lag and by hops are the coefficients of the gradient as a polynomial`, () => {
      const { module, given, look } = prepare(rt, options, shape)
      const whole = gradientsOf(module, given, lengths)
      for (const parameter of ['weight_hh_l0', 'bias_ih_l0']) {
        for (const [find, power] of [
          [gradientByLag, (lag: number) => lag],
          [gradientByHops, () => 1],
        ] as const) {
          const found = find(module, given.x, { ...look, ...lengths, parameter })
          const parts = partsOf(found.gradients)
          assert.is(parts.length, T, 'lags 0 … T - 1')
          const scale = found.norms.reduce((a, b) => a + b)
          // as many different z as there are parts: the polynomials are equal only if every coefficient is
          for (const z of [0, 1, -1, 0.5, -0.5, 1.25]) {
            const sum = sumOf(parts.map((values, d) => values.map((value) => value * z ** d)))
            const { gradients } = seenByLoops(module, options, given, shape.lengths, (lag) => z ** power(lag))
            // 1.25^5 < 4 raises both
            expectNear(sum, gradients[parameter]!, terms, epsilon, `${find.name} ${parameter} at ${z}`, 4 * scale)
          }
          for (const [d, values] of parts.entries()) {
            assert.ok(Math.abs(found.norms[d]! - norm(values)) <= terms * epsilon * norm(values))
            const cosine =
              norm(values) === 0 ? 0 : dot(values, whole[parameter]!) / norm(values) / norm(whole[parameter]!)
            assert.ok(Math.abs(found.cosines[d]! - cosine) <= terms * epsilon, `cosine ${d}`)
            assert.ok(Math.abs(found.cosines[d]!) <= 1 + 4 * epsilon)
          }
          const short = find(module, given.x, {
            ...look,
            ...lengths,
            parameter,
            ...(find === gradientByLag ? { maxLag: 2 } : { maxHops: 2 }),
          } as never)
          assert.equal(numbers(short.gradients), parts.slice(0, 3).flat(), 'the first parts, to the bit')
          if (!options.skips)
            assert.equal(
              parts.flat(),
              numbers(gradientByLag(module, given.x, { ...look, ...lengths, parameter }).gradients),
            )
        }
      }
    })

    test(`${titleOf(options, shape)}: truncation's bias is what it cuts`, () => {
      const { module, given, look } = prepare(rt, options, shape)
      const whole = gradientsOf(module, given, lengths)
      const lag = Object.fromEntries(
        module
          .parameters()
          .map(({ name: parameter }) => [
            parameter,
            partsOf(gradientByLag(module, given.x, { ...look, ...lengths, parameter }).gradients),
          ]),
      )
      for (const [window, stride] of [
        [1, 1],
        [2, 1],
        [3, 1],
        [2, 2],
        [4, 3],
        [6, 6],
      ] as const) {
        const cut = truncationBias(module, given.x, { ...look, ...lengths, window, stride })
        const truncated = gradientsOf(module, given, { ...lengths, truncation: { window, stride } })
        for (const [name, values] of Object.entries(whole)) {
          const bias = numbers(cut.gradients[name]!)
          const scale = lag[name]!.reduce((sum, each) => sum + norm(each), 0)
          expectNear(
            bias,
            truncated[name]!.map((value, i) => value - values[i]!),
            terms,
            epsilon,
            name,
            scale,
          )
          if (stride === 1) {
            const paths = lag[name]!.slice(window).reduce(
              (a, b) => a.map((value, i) => value - b[i]!),
              values.map(() => 0),
            )
            expectNear(bias, paths, terms, epsilon, `${name}: -Σ G_d, d >= ${window}`, scale)
          }
          if (window === T)
            assert.ok(
              bias.every((value) => value === 0),
              `${name}: nothing is cut`,
            )
          expectNear([cut.norms[name]!, cut.wholeNorms[name]!], [norm(bias), norm(values)], terms, epsilon, name)
        }
      }
    })
  }
  test.run()
}

const CELLS: Record<string, Module> = {
  ...mapValues(
    { 'orthogonal RNN': 0, 'AntisymmetricRNN, gated': 0, minGRU: 0, 'diagonal RNN': 0 } as never,
    (_: number, name) => new Recurrent(runtime, { cell: STRUCTURED[name]!, sizes: { I, H: 4 } }),
  ),
  'a parameter read whole and by rows': new Recurrent(runtime, {
    cell: defineCell({
      state: { h: 4 },
      input: { x: 4 },
      params: { W: [4, 4], b: [4] },
      step: ({ x, h, W, b }) => {
        const parts = concat(linear(h!, rows(W!, 0, 2)), linear(x!, rows(W!, 1, 3)))
        const next = tanh(add(parts, linear(h!, W!, b!)))
        return { state: { h: next }, output: next }
      },
    }),
  } as never),
  'two states, one a copy of what the other was': new Recurrent(runtime, {
    cell: defineCell({
      state: { h: 2, last: 2 },
      input: { x: I },
      params: { W: [2, I], U: [2, 2] },
      step: ({ x, h, last, W, U }) => {
        const next = tanh(linear(h!, U!, add(scale(last!, 0.5), linear(x!, W!))))
        return { state: { h: next, last: h! }, output: add(next, last!) }
      },
    }),
  }),
}

const cells = suite("looking at gradients of users' cells")
for (const [title, module] of Object.entries(CELLS)) {
  cells(`${title}: instances, flow and lags beside a chain of one-step calls`, () => {
    drawParameters(module, 3, 0.5)
    const columns = [...(module as Recurrent).stack.layers[0]!.sized.inputs.values()][0]!
    const given = drawGiven(module, T, B, columns)
    const { x, state, dOutput } = given
    const { instances, lags } = seenByChain(module, x, state, dOutput)
    const { gradients } = instanceGradients(module, x, { state, output: dOutput })
    const flow = gradientFlow(module, x, { state, output: dOutput })
    for (const { name } of module.parameters()) {
      const expected = instances.map((each) => each[name]!)
      const terms = 100 * T // a chain of T steps of at most 4-term products and a 4 x 4 solve
      expectNear(numbers(gradients[name]!), expected.flat(), terms, 2 ** -52, name)
      expectNear(flow.parameters[name]!, expected.map(norm), terms, 2 ** -52, `flow of ${name}`)
      const byLag = gradientByLag(module, x, { state, output: dOutput, parameter: name })
      const scale = lags.reduce((sum, each) => sum + norm(each[name]!), 0)
      expectNear(
        numbers(byLag.gradients),
        lags.flatMap((each) => each[name]!),
        terms,
        2 ** -52,
        `lags of ${name}`,
        scale,
      )
    }
  })
}

cells('a state that another was copied from: each has its own gradient', () => {
  const module = CELLS['two states, one a copy of what the other was']!
  const given = drawGiven(module, T, B, I)
  const { x, state, dOutput } = given
  const { states } = gradientFlow(module, x, { state, output: dOutput })
  // the gradient by a state at t is what a call that starts there sends back, and what the output at t adds to h alone
  for (let t = 1; t < T; t++) {
    const { state: at } = module.forward(runtime.tensor(numbers(x).slice(0, t * B * I), [t, B, I]), { state })
    const from = mapValues(at as Tensors, (tensor) => tensor.clone())
    module.forward(runtime.tensor(numbers(x).slice(t * B * I), [T - t, B, I]), { state: from, tape: true })
    const back = module.backward({ output: runtime.tensor(numbers(dOutput).slice(t * B * 2), [T - t, B, 2]) })
    const sent = mapValues(back.state as Tensors, numbers)
    const own = numbers(dOutput).slice((t - 1) * B * 2, t * B * 2)
    const expected = { h: norm(sent['h']!.map((value, i) => value + own[i]!)), last: norm(sent['last']!) }
    for (const [name, value] of Object.entries(expected))
      assert.ok(Math.abs(states[name]![t - 1]! - value) <= 100 * T * 2 ** -52 * value, `${name} at ${t}`)
  }
})

cells('one hop of a delayed read spans its lag', () => {
  const cell = defineCell({
    state: { h: 1 },
    input: { x: 1 },
    params: { w: [1] },
    step: ({ x, h, w }) => {
      const next = add(add(scale(prev(h!, 3), 0.5), x!), w!)
      return { state: { h: next }, output: next }
    },
  })
  const module = new Recurrent(runtime, { cell })
  const output = runtime.tensor([0, 0, 0, 0, 0, 0, 0, 1], [8, 1, 1])
  const options = { output, parameter: 'w' }
  const x = drawTensor(runtime, 1, 'x', [8, 1, 1])
  // h_8 = w + h_5 / 2 = …: steps 8, 5, 2
  assert.equal([...gradientByLag(module, x, options).norms], [1, 0, 0, 0.5, 0, 0, 0.25, 0])
  assert.equal([...gradientByHops(module, x, options).norms], [1, 0.5, 0.25, 0, 0, 0, 0, 0])
})
cells.run()
