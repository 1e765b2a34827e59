import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, type Module, RNN, type Runtime, type Tensor } from '../../bindings/index.ts'
import { type RecurrentCase, type Value, decode, expectValues, readFixture } from '../fixtures/read.ts'
import { type Named, recurrentReference } from '../reference/recurrent.ts'
import { generate, projection } from '../support/generator.ts'
import { claim, createHosts } from '../support/hosts.ts'
import { dot, drawParameters, drawTensor, norm, numbers, stateNumbers } from '../support/nets.ts'
import { runRecurrent, shapesOf, size } from '../support/recurrent.ts'
import { maxAbs } from '../support/tolerance.ts'

const { cases } = readFixture('directions')
const hosts = await createHosts()

/** What a case's generator gives, by name: what it reads, and `d.output` and `d.state.*` of its functional. */
function drawn(c: RecurrentCase): Named {
  const shapes = shapesOf(c)
  const known = new Map<string, Float64Array>()
  const draw = (name: string) => {
    const [, cotangent, place] = name.match(/^(d\.)?(.*)$/) as unknown as [string, string?, string?]
    if (place === 'input') return generate(c.seed, name, size(shapes.input))
    if (place === 'output') return generate(c.seed, name, size(shapes.output))
    const state = place?.startsWith('state.') && shapes.state[place.slice('state.'.length)]
    if (state) return generate(c.seed, name, size(state), cotangent || c.state ? 1 : 0)
    return generate(c.seed, name, parameterSize(c, name), c.parameterScale)
  }
  return (name) => {
    const values = known.get(name) ?? draw(name)
    known.set(name, values)
    return values
  }
}

/** The gradient by a parameter has the parameter's size, and the fixture records that of every one. */
const parameterSize = (c: RecurrentCase, name: string): number => sizeOf(c.values[`grad.${name}`]!)
const sizeOf = ({ data, projectedFrom }: Value) => projectedFrom ?? decode(data).length

/** The functional whose gradients the fixture holds, one value of the case being replaced. */
function loss(c: RecurrentCase, named: Named, name: string, values: ArrayLike<number>): number {
  const results = recurrentReference(c, (each) => (each === name ? values : named(each)))
  return Object.entries(results).reduce((sum, [result, each]) => sum + dot(named(`d.${result}`), each), 0)
}

const STEP = 1e-3
/**
 * Five-point differences along a unit vector are off by STEP^4 / 30 times the fifth derivative (measured below 1e-9 of the
 * gradients here), and by 2^-52 |loss| / STEP < 1e-11 of rounding, where the greatest gradient is at least 1e-3.
 */
const TOLERANCE = 1e-7
const SMALLEST = 1e-3 // scripts/fixtures/record.py
const LONGEST = 13 // of the cases whose differences are taken: the plain loops are slow

/** Throws unless the difference of the plain loops' functional along a projection, which mixes all elements, is PyTorch's. */
function expectDifference(c: RecurrentCase, named: Named, name: string, value: Value): void {
  const [stored, count, start] = [decode(value.data), sizeOf(value), named(name)]
  const direction = projection(0, count).slice(0, count)
  const expected = value.projectedFrom ? stored[0]! : dot(direction, stored)
  const length = norm(direction)
  const at = (steps: number) => {
    const moved = direction.map((each, i) => start[i]! + (steps * STEP * each) / length)
    return loss(c, named, name, moved)
  }
  const numeric = (length * (8 * (at(1) - at(-1)) - (at(2) - at(-2)))) / (12 * STEP)
  const most = TOLERANCE * Math.max(SMALLEST, maxAbs(stored))
  assert.ok(Math.abs(numeric - expected) <= most, `${name}: PyTorch ${expected}, differences ${numeric}`)
}

const reference = suite('the fixtures hold what DESIGN.md says, by plain loops and their differences')
for (const c of cases) {
  reference(c.title, () => {
    const named = drawn(c)
    const values = Object.fromEntries(Object.entries(c.values).filter(([name]) => !name.startsWith('grad.')))
    expectValues('float64', { ...c, values }, recurrentReference(c, named))
    if (c.options.nonlinearity === 'relu') return // a step of 1e-3 crosses its kinks
    if (c.T > LONGEST) return
    for (const [name, value] of Object.entries(c.values))
      if (name.startsWith('grad.')) expectDifference(c, named, name.slice('grad.'.length), value)
  })
}
reference.run()

for (const host of hosts) {
  claim("two directions, lengths and projections give PyTorch's outputs, states and gradients", host, cases, (rt, c) =>
    expectValues(host.dtype, c, runRecurrent(rt, c)),
  )
}

const [T, B, I, H] = [7, 3, 3, 5]
const KINDS: [string, (rt: Runtime, options: object) => Module, number][] = [
  ['RNN', (rt, options) => new RNN(rt, { inputSize: I, hiddenSize: H, ...options }), H],
  ['LSTM', (rt, options) => new LSTM(rt, { inputSize: I, hiddenSize: H, ...options }), H],
  [
    'LSTM projected',
    (rt, options) => new LSTM(rt, { inputSize: I, hiddenSize: H, projSize: 2, ...options } as never),
    2,
  ],
  ['GRU', (rt, options) => new GRU(rt, { inputSize: I, hiddenSize: H, ...options }), H],
]

/** Blocks of `columns` numbers in reverse order. */
const reversed = (values: number[], columns: number) =>
  Array.from({ length: values.length / columns }, (_, row) => values.slice(row * columns, (row + 1) * columns))
    .reverse()
    .flat()

/** Columns [from, to) of rows of `columns` numbers. */
const columnsOf = (values: number[], columns: number, from: number, to: number) =>
  values.filter((_, i) => i % columns >= from && i % columns < to)

for (const { rt, label } of hosts.filter((host) => host.rt)) {
  const runtime = rt as Runtime
  const two = suite(`two directions (${label})`)
  for (const [kind, make, P] of KINDS) {
    two(`${kind}: the halves of the output are two chains, the second on the input from its end, to the bit`, () => {
      const both = make(runtime, { bidirectional: true })
      drawParameters(both, 1)
      const x = drawTensor(runtime, 2, 'x', [T, B, I])
      const { output, state } = both.forward(x)
      const [whole, states] = [numbers(output), stateNumbers(state)]
      for (const [direction, suffix] of ['', '_reverse'].entries()) {
        const alone = make(runtime, {})
        alone.loadStateDict(
          Object.fromEntries(
            Object.keys(alone.stateDict()).map((name) => [name, both.stateDict()[`${name}${suffix}`]!]),
          ),
        )
        const turn = (values: number[], columns: number) => (direction === 1 ? reversed(values, B * columns) : values)
        const result = alone.forward(runtime.tensor(turn(numbers(x), I), [T, B, I]))
        const half = columnsOf(whole, 2 * P, direction * P, (direction + 1) * P)
        assert.equal(half, turn(numbers(result.output), P))
        for (const [name, values] of Object.entries(stateNumbers(result.state)))
          assert.equal(states[name]!.slice(direction * values.length, (direction + 1) * values.length), values, name)
      }
    })

    two(`${kind}: forward halves see inputs up to their step alone, reverse halves from their step on alone`, () => {
      const net = make(runtime, { bidirectional: true })
      drawParameters(net, 3)
      const x = drawTensor(runtime, 4, 'x', [T, B, I])
      const lengths = [T, 4, 1]
      for (const given of [undefined, lengths]) {
        net.forward(x, { tape: true, ...(given && { lengths: given }) })
        for (const direction of [0, 1]) {
          for (let t = 0; t < T; t++) {
            const dOutput = runtime.tensor(new Float64Array(T * B * 2 * P), [T, B, 2 * P])
            dOutput.data.fill(0)
            const draw = generate(5, `d ${t}`, B * P)
            for (let i = 0; i < B * P; i++)
              dOutput.data[(t * B + Math.floor(i / P)) * 2 * P + direction * P + (i % P)] = draw[i]!
            const dInput = (net.backward({ output: dOutput }).input as Tensor).data
            for (let s = 0; s < T; s++) {
              for (let b = 0; b < B; b++) {
                const length = given?.[b] ?? T
                const isSeen = t < length && s < length && (direction === 0 ? s <= t : s >= t)
                const row = dInput.slice((s * B + b) * I, (s * B + b + 1) * I)
                assert.is(maxAbs(row) > 0, isSeen, `direction ${direction}, step ${t} by input ${s} of sample ${b}`)
                assert.not(row.some(Number.isNaN), 'no NaN')
              }
            }
          }
        }
      }
    })

    two(`${kind}: bidirectional: false and projSize: 0 are what leaving them out is`, () => {
      const x = drawTensor(runtime, 6, 'x', [T, B, I])
      const results = [{}, { bidirectional: false, ...(kind === 'LSTM' && { projSize: 0 }) }].map((options) => {
        const net = make(runtime, options)
        drawParameters(net, 7)
        return [numbers(net.forward(x).output), Object.keys(net.stateDict())]
      })
      assert.equal(results[1], results[0])
    })

    two(`${kind}: parameters bear PyTorch's names and shapes`, () => {
      const net = make(runtime, { bidirectional: true, numLayers: 2 })
      const rows = { RNN: 1, LSTM: 4, 'LSTM projected': 4, GRU: 3 }[kind]! * H
      const expected = [I, 2 * P].flatMap((columns, layer) =>
        ['', '_reverse'].flatMap((suffix): [string, number[]][] => [
          [`weight_ih_l${layer}${suffix}`, [rows, columns]],
          [`weight_hh_l${layer}${suffix}`, [rows, P]],
          [`bias_ih_l${layer}${suffix}`, [rows]],
          [`bias_hh_l${layer}${suffix}`, [rows]],
          ...(P < H ? [[`weight_hr_l${layer}${suffix}`, [P, H]] as [string, number[]]] : []),
        ]),
      )
      const actual = Object.entries(net.stateDict()).map(([name, { shape }]) => [name, [...shape]])
      assert.equal(actual.sort(), expected.sort())
      const shapes = Object.entries(net.initialState(B) as Record<string, Tensor>).map(([name, { shape }]) => [
        name,
        [...shape],
      ])
      assert.equal(
        shapes,
        kind.startsWith('LSTM')
          ? [
              ['h', [4, B, P]],
              ['c', [4, B, H]],
            ]
          : [['h', [4, B, H]]],
      )
    })
  }
  two('step is refused: the reverse direction needs the end', () => {
    for (const [kind, make] of KINDS) {
      const net = make(runtime, { bidirectional: true })
      assert.throws(
        () => net.step(drawTensor(runtime, 8, 'x', [B, I]), net.initialState(B)!),
        (error: { code: string; message: string }) => error.code === 'unsupported' && error.message.includes('.step'),
        kind,
      )
    }
  })
  two.run()
}
