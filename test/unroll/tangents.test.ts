/** The tangent of a step is a step program: it runs through time as forward does, whatever the stack and the order of its arrays. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ForwardResult, type Tensor, createRuntime } from '../../bindings/index.ts'
import { part } from '../support/inspect.ts'
import { norm, numbers } from '../support/nets.ts'
import { CASES, type Prepared, prepare } from '../support/tangent-cases.ts'
import { type Direction, type Tensors, drawDirection, forwardAt, movedBy, pull, push } from '../support/tangents.ts'
import { type DType, EPSILON } from '../support/tolerance.ts'
import { type Results, mapValues } from '../support/unrolling.ts'

const runtime = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

const flat = (results: Results): number[] => Object.values(results).flat()
const minus = (a: number[], b: number[]): number[] => a.map((value, i) => value - b[i]!)

interface Difference {
  readonly values: number[]
  readonly tolerance: number
}

/**
 * Forward's derivative along a direction by five-point differences with steps of 2^-7 and 2^-6. Their error goes with the fourth power
 * of the step: the finer one's is about a 15th of what the two are apart. Values that are `terms` operations deep, relative to their
 * length, bring in (8 + 8 + 1 + 1) / 12 of their rounding by the step.
 */
function differences({ module, point, lengths, terms }: Prepared, direction: Direction): Difference {
  const STEP = 2 ** -7
  const at = (steps: number) =>
    movedBy(module, point, direction, steps * STEP, (moved) => flat(forwardAt(module, moved, lengths)))
  const [one, two, four] = [1, 2, 4].map((steps) => minus(at(steps), at(-steps))) as [number[], number[], number[]]
  const fine = one.map((value, i) => (8 * value - two[i]!) / (12 * STEP))
  const coarse = two.map((value, i) => (8 * value - four[i]!) / (24 * STEP))
  const rounding = (1.5 * terms * EPSILON.float64 * norm(at(0))) / STEP
  return { values: fine, tolerance: norm(minus(fine, coarse)) + rounding }
}

function expectDifference(actual: Results, { values, tolerance }: Difference, label: string): void {
  const [gap, length] = [norm(minus(flat(actual), values)), norm(values)]
  assert.ok(tolerance <= 1e-6 * length, `${label}: a tolerance of ${tolerance} of ${length} would accept too much`)
  assert.ok(gap <= tolerance, `${label}: off by ${gap} of ${length}, tolerance ${tolerance}`)
}

const STILL: Direction = { inputs: {}, state: {}, parameters: {} }

/** A direction, and each of its parts alone. */
function waysOf(direction: Direction): Record<string, Direction> {
  const { inputs, state, parameters } = direction
  const first = Object.fromEntries(Object.entries(parameters).slice(0, 1))
  return {
    all: direction,
    input: { ...STILL, inputs },
    ...(Object.keys(state).length > 0 && { state: { ...STILL, state } }),
    parameters: { ...STILL, parameters },
    'one parameter': { ...STILL, parameters: first },
  }
}

const forward = suite("tangents in time: values are forward's to the bit, tangents its differences")
for (const [title, each] of Object.entries(CASES)) {
  forward(title, () => {
    const prepared = prepare(each, runtime)
    const { module, point, direction, lengths } = prepared
    const expected = forwardAt(module, point, lengths)
    for (const [label, way] of Object.entries(waysOf(direction))) {
      const { values, tangents } = push(module, point, way, lengths)
      assert.equal(values, expected, label)
      expectDifference(tangents, differences(prepared, way), label)
    }
  })
}
forward.run()

/** The products whose sums are <dy, J d> and <Jᵀ dy, d>, for dy = J d. */
function bothSides({ module, point, direction, lengths }: Prepared): [number[], number[]] {
  const { tangents } = push(module, point, direction, lengths)
  const gradients = pull(module, point, tangents, lengths)
  const groups = ['inputs', 'state', 'parameters'] as const
  const right = groups.flatMap((group) =>
    Object.entries(direction[group]).flatMap(([name, { data }]) => {
      return Array.from(data, (value, i) => value * gradients[group][name]!.data[i]!)
    }),
  )
  return [flat(tangents).map((value) => value * value), right]
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Values `terms` operations deep on both ways; gradients by parameters are sums over the rows besides. */
function expectAdjoint(prepared: Prepared, dtype: DType): void {
  const [left, right] = bothSides(prepared)
  const [first] = Object.values(prepared.point.inputs)
  const rows = first!.size / first!.shape.at(-1)!
  const tolerance = (prepared.terms + rows) * EPSILON[dtype] * sum([...left, ...right].map(Math.abs))
  assert.ok(tolerance < 1e-2 * sum(left), `a tolerance of ${tolerance} of ${sum(left)} would accept too much`)
  assert.ok(Math.abs(sum(left) - sum(right)) <= tolerance, `${sum(left)}, ${sum(right)}, tolerance ${tolerance}`)
}

const adjoints = suite('tangents in time: <dy, J d> is <Jᵀ dy, d>')
for (const [title, each] of Object.entries(CASES)) {
  adjoints(title, () => expectAdjoint(prepare(each, runtime), 'float64'))
  // over more steps float32 leaves too few digits to compare
  if (each.T === undefined) adjoints(`${title}, float32`, () => expectAdjoint(prepare(each, single), 'float32'))
}
adjoints.run()

const properties = suite('tangents in time: properties')

properties('a sequence step by step, states and directions handed on, gives the bits of the whole', () => {
  const T = 6
  const { module, point, direction } = prepare(CASES['LSTM with skips, two layers']!, runtime)
  const whole = push(module, point, direction)
  const rowsAt = (tensors: Tensors, t: number) =>
    mapValues(tensors, (tensor) => runtime.tensor(part(tensor, t), [1, ...tensor.shape.slice(1)]))
  let [state, along] = [point.state, direction.state]
  const steps = Array.from({ length: T }, (_, t) => {
    const step = push(
      module,
      { inputs: rowsAt(point.inputs, t), state },
      { ...direction, inputs: rowsAt(direction.inputs, t), state: along },
    )
    const handOn = (results: Results) =>
      mapValues(point.state, ({ shape }, name) => runtime.tensor(results[`state.${name}`]!, shape))
    ;[state, along] = [handOn(step.values), handOn(step.tangents)]
    return step
  })
  for (const kind of ['values', 'tangents'] as const) {
    assert.equal(
      steps.flatMap((step) => step[kind]['output']!),
      whole[kind]['output'],
    )
    assert.equal({ ...steps.at(-1)![kind], output: [] }, { ...whole[kind], output: [] })
  }
})

properties(
  'a run leaves a recorded forward as it was and takes no memory; a direction is packed anew each time',
  () => {
    const { module, point, direction, lengths } = prepare(
      CASES['two directions, two layers, skips, lengths, batch first']!,
      runtime,
    )
    const way = { keep: true, state: point.state, lengths }
    const backwardOf = ({ output, tape }: ForwardResult) => {
      module.zeroGrad()
      const { input, state } = module.backward({ output }, { tape })
      const gradients = module.parameters().map(({ grad }) => grad)
      return [input as Tensor, ...Object.values(state as Tensors), ...gradients].map(numbers)
    }
    const before = push(module, point, direction, lengths)
    const recorded = module.forward(point.inputs['x']!, way)
    const [output, gradients] = [numbers(recorded.output), backwardOf(recorded)]
    const other = drawDirection(module, point, 7)
    const used = runtime.memoryUsed
    assert.not.equal(push(module, point, other, lengths).tangents, before.tangents)
    assert.equal(push(module, point, direction, lengths), before)
    assert.is(runtime.memoryUsed, used)
    assert.equal([numbers(recorded.output), backwardOf(recorded)], [output, gradients])
  },
)
properties.run()
