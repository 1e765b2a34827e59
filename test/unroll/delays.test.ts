/** Cells that read their states further back: plain loops, their differences, and what names their pasts have. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Recurrent, type Tensor, createRuntime, defineCell } from '../../bindings/index.ts'
import { add, linear, mul, prev, scale, tanh } from '../../bindings/ops.ts'
import { generate } from '../support/generator.ts'
import { dot, drawParameters, norm, numbers, stateNumbers } from '../support/nets.ts'
import { drawGiven, expectClose, expectRefused, mapValues, run } from '../support/unrolling.ts'

const [T, B, N] = [6, 2, 2]
const sizes = { state: { a: N, b: N }, input: { x: N }, params: { W: [N, N] } }

/** Reads a three steps back, b one. */
const onOne = defineCell({
  ...sizes,
  step: ({ x, a, b, W }) => {
    const next = tanh(add(linear(a!, W!, x!), scale(prev(a!, 3), 0.5)))
    return { state: { a: next, b: mul(next, b!) }, output: add(next, b!) }
  },
})

/** … and b two and four steps back; the output reads what the recurrence does not. */
const onTwo = defineCell({
  ...sizes,
  step: ({ x, a, b, W }) => {
    const next = tanh(add(linear(a!, W!, x!), scale(prev(a!, 3), 0.5)))
    const slow = add(scale(prev(b!, 2), 0.3), mul(prev(a!, 2), b!))
    return { state: { a: next, b: slow }, output: add(next, prev(b!, 4)) }
  },
})

type Rows = Record<string, number[]>
/** A state's rows of one sample by steps back: 1 is the newest. */
type Back = (lag: number) => number[]

const PLAIN = {
  one: (next: number[], _a: Back, b: Back) => ({
    b: next.map((value, i) => value * b(1)[i]!),
    output: next.map((value, i) => value + b(1)[i]!),
  }),
  two: (next: number[], a: Back, b: Back) => ({
    b: next.map((_, i) => 0.3 * b(2)[i]! + a(2)[i]! * b(1)[i]!),
    output: next.map((value, i) => value + b(4)[i]!),
  }),
}

/** Output, final states and pasts, flat, for leaves of the same names. */
function plain(which: 'one' | 'two', leaves: Rows): Rows {
  const pasts = which === 'one' ? { a: 'past' } : { a: 'past_a', b: 'past_b' }
  const results: Rows = Object.fromEntries(
    ['output', 'a', 'b', ...Object.values(pasts)].map((name) => [name, [...(leaves[name] ?? new Array(T * B * N))]]),
  )
  const w = leaves['W']!
  for (let s = 0; s < B; s++) {
    const row = (name: string, lead: number) => leaves[name]!.slice((lead * B + s) * N, (lead * B + s + 1) * N)
    const put = (name: string, lead: number, values: number[]) => {
      for (const [i, value] of values.entries()) results[name]![(lead * B + s) * N + i] = value
    }
    const entries = (name: string | undefined) => (name === undefined ? 0 : leaves[name]!.length / (B * N))
    const historyOf = (state: 'a' | 'b') => {
      const past = (pasts as Record<string, string>)[state]
      return [row(state, 0), ...Array.from({ length: entries(past) }, (_, j) => row(past!, j))]
    }
    const history = { a: historyOf('a'), b: historyOf('b') } // newest first
    for (let t = 0; t < T; t++) {
      const a = (lag: number) => history.a[lag - 1]!
      const b = (lag: number) => history.b[lag - 1]!
      const next = row('x', t).map((x, i) => Math.tanh(x + w[N * i]! * a(1)[0]! + w[N * i + 1]! * a(1)[1]! + 0.5 * a(3)[i]!)) // prettier-ignore
      const { b: slow, output } = PLAIN[which](next, a, b)
      history.a.unshift(next)
      history.b.unshift(slow)
      put('output', t, output)
    }
    for (const state of ['a', 'b'] as const) {
      put(state, 0, history[state][0]!)
      const past = (pasts as Record<string, string>)[state]
      for (let j = 0; j < entries(past); j++) put(past!, j, history[state][j + 1]!)
    }
  }
  return results
}

const runtime = await createRuntime({ dtype: 'float64', seed: 2 })
const test = suite('cells that read further back')
const STEP = 1e-5

for (const [which, cell, names] of [
  ['one', onOne, ['a', 'b', 'past']],
  ['two', onTwo, ['a', 'b', 'past_a', 'past_b']],
] as const) {
  const prepare = () => {
    const module = new Recurrent(runtime, { cell })
    drawParameters(module, 3)
    return { module, given: drawGiven(module, T, B, N) }
  }

  test(`prev(h, s) on ${which}: plain loops and their differences`, () => {
    const { module, given } = prepare()
    assert.equal(Object.keys(given.state), [...names])
    const results = run(module, given)
    const leaves: Rows = { x: numbers(given.x), W: numbers(module.parameters()[0]!.value), ...mapValues(given.state, numbers) } // prettier-ignore
    const expected = plain(which, leaves)
    for (const name of ['output', ...names])
      expectClose({ [name]: results[name === 'output' ? name : `state.${name}`]! }, { [name]: expected[name]! }, 8 * T, 'float64') // prettier-ignore
    const seeds: Rows = { output: numbers(given.dOutput), ...mapValues(given.dState, numbers) }
    const loss = (name: string, values: number[]) => {
      const moved = plain(which, { ...leaves, [name]: values })
      return Object.entries(seeds).reduce((sum, [key, seed]) => sum + dot(seed, moved[key]!), 0)
    }
    for (const [name, values] of Object.entries(leaves)) {
      const gradient = results[name === 'x' ? 'dInput' : name === 'W' ? 'grad.W' : `dState.${name}`]!
      const direction = generate(4, name, values.length)
      const at = (step: number) => loss(name, values.map((value, i) => value + step * direction[i]!)) // prettier-ignore
      const numeric = (at(STEP) - at(-STEP)) / (2 * STEP)
      // STEP² of the third derivative and 2^-52 |loss| / STEP of rounding are each below 1e-8 of the gradient here
      assert.ok(Math.abs(numeric - dot(direction, gradient)) <= 1e-7 * norm(gradient) * norm(direction), name)
    }
  })

  test(`prev(h, s) on ${which}: steps and a split sequence give forward's bits`, () => {
    const { module, given } = prepare()
    const whole = run(module, given)
    const rows = (from: number, to: number) => given.x.data.slice(from * B * N, to * B * N)
    const state = mapValues(given.state, (tensor) => tensor.clone())
    const outputs = Array.from({ length: T }, (_, t) =>
      numbers(module.step(runtime.tensor(rows(t, t + 1), [B, N]), state).output),
    )
    assert.equal(outputs.flat(), whole['output'])
    for (const name of names) assert.equal(numbers(state[name]!), whole[`state.${name}`], name)
    for (const k of [1, 2, 5]) {
      const head = module.forward(runtime.tensor(rows(0, k), [k, B, N]), { state: given.state })
      const first = numbers(head.output)
      const tail = module.forward(runtime.tensor(rows(k, T), [T - k, B, N]), { state: head.state! })
      assert.equal([...first, ...numbers(tail.output)], whole['output'])
      for (const [name, values] of Object.entries(stateNumbers(tail.state)))
        assert.equal(values, whole[`state.${name}`])
    }
  })

  test(`prev(h, s) on ${which}: without pasts the first states stand for them`, () => {
    const { module, given } = prepare()
    const { a, b } = given.state as Record<string, Tensor>
    const spelled = mapValues(given.state, (tensor, name) => {
      const first = name === 'past_b' || name === 'b' ? b! : a!
      return runtime.tensor(Array.from({ length: tensor.size / first.size }, () => numbers(first)).flat(), tensor.shape)
    })
    const implied = run(module, { ...given, state: { a: a!, b: b! } })
    const explicit = run(module, { ...given, state: spelled })
    for (const [name, values] of Object.entries(implied)) {
      if (!name.startsWith('dState')) assert.equal(values, explicit[name], name)
    }
    for (const first of ['a', 'b'] as const) {
      const past = explicit[`dState.past_${first}`] ?? (first === 'a' ? explicit['dState.past']! : [])
      const sum = explicit[`dState.${first}`]!.map((value, i) =>
        past.filter((_, k) => k % (B * N) === i).reduce((total, each) => total + each, value),
      )
      expectClose({ [first]: implied[`dState.${first}`]! }, { [first]: sum }, 8, 'float64')
    }
    // one of two pasts may be given
    if (which === 'two') {
      const half = run(module, { ...given, state: { a: a!, b: b!, past_b: spelled['past_b']! } })
      assert.equal(half['output'], implied['output'])
      assert.equal(Object.keys(half).filter((name) => name.startsWith('dState')), ['dState.a', 'dState.b', 'dState.past_b']) // prettier-ignore
      assert.equal(half['dState.a'], implied['dState.a'])
      assert.equal(half['dState.past_b'], explicit['dState.past_b'])
    }
  })
}

test('a past of the wrong shape is refused by name', () => {
  const module = new Recurrent(runtime, { cell: onTwo })
  const given = drawGiven(module, T, B, N)
  const { past_a: _past, ...others } = given.state as Record<string, Tensor>
  const call = () => module.forward(given.x, { state: { ...others, past_a: others['past_b']! } })
  expectRefused(
    module,
    given,
    call,
    'shape',
    /^Recurrent\.forward: state\.past_a is \[3, 2, 2\]; expected \[2, 2, 2\]$/,
  )
  const step = runtime.tensor([0, 0, 0, 0], [B, N])
  expectRefused(module, given, () => module.step(step, { ...others }), 'type', /state\.past_a is missing/)
})
test.run()
