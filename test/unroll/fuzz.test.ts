/** Random cells under random unrollings, beside samples run alone, windows run by hand, and differences. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Cell,
  type ForwardOptions,
  Recurrent,
  type Tensor,
  type Value,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import { add, concat, linear, mul, prev, scale, sigmoid, sin, slice, sub, tanh } from '../../bindings/ops.ts'
import { generate, generateIds } from '../support/generator.ts'
import { dot, drawParameters, norm, numbers } from '../support/nets.ts'
import { type Given, type Results, drawGiven, expectClose, mapValues, run } from '../support/unrolling.ts'

type Tensors = Record<string, Tensor>
interface Truncation {
  readonly window: number
  readonly stride: number
}

const N = 3 // columns of everything
const CELLS = 40
const runtime = await createRuntime({ dtype: 'float64', seed: 4 })

/** Integers in [0, n), one after the other. */
function dice(seed: number): (n: number) => number {
  const draws = generate(seed, 'dice', 2000)
  let next = 0
  return (n) => Math.floor(((draws[next++]! + 1) / 2) * n)
}

type Roll = ReturnType<typeof dice>

/** 3 to 8 operations on one or two states and an input, with delays up to 4; every state stays bounded. */
function randomCell(roll: Roll): Cell {
  const names = roll(2) === 0 ? ['a'] : ['a', 'b']
  const operations = Array.from({ length: 3 + roll(6) }, () => [roll(9), roll(99), roll(99), roll(99)] as const)
  const ends = [...names, 'output'].map(() => [roll(4), roll(99)] as const)
  return defineCell({
    state: Object.fromEntries(names.map((name) => [name, N])),
    input: { x: N },
    params: { U: [N, N], W: [N, N], gain: [N] },
    step: (values) => {
      const { x, U, W, gain } = values as Record<'x' | 'U' | 'W' | 'gain', Value>
      const pool: Value[] = [x, ...names.map((name) => values[name]!)]
      const pick = (i: number) => pool[i % pool.length]!
      for (const [kind, i, j, k] of operations) {
        const [p, q] = [pick(i), pick(j)]
        const state = values[names[k % names.length]!]!
        pool.push(
          [
            () => add(p, q),
            () => sub(p, q),
            () => mul(tanh(p), q),
            () => tanh(linear(p, k % 2 ? U : W, q)),
            () => linear(p, W),
            () => sigmoid(p),
            () => mul(sin(p), gain),
            () => add(scale(prev(state, 1 + (j % 4)), 0.5), p),
            () => concat(slice(p, 1, N), slice(q, 0, 1)),
          ][kind]!(),
        )
      }
      // a state may be a function of the newest value, of any, of an input alone, or an old state handed on
      const bounded = ([kind, i]: readonly [number, number], name: string) =>
        [
          () => tanh(pool.at(-1)!),
          () => sin(pick(i)),
          () => tanh(linear(x, U)),
          () => prev(values[name]!, 1 + (i % 3)),
        ][kind]!()
      const state = Object.fromEntries(names.map((name, i) => [name, bounded(ends[i]!, name)]))
      return { state, output: add(pick(ends.at(-1)![1]), pool.at(-1)!) }
    },
  })
}

/** Rows [from, to) of sample b of [T, B, N]; zeros before `live`. */
function rowsOf({ data, shape }: Tensor, b: number, from: number, to: number, live = from): Tensor {
  const [, B] = shape as [number, number]
  const row = (t: number) => Array.from({ length: N }, (_, i) => (t < live ? 0 : data[(t * B + b) * N + i]!))
  return runtime.tensor(Array.from({ length: to - from }, (_, t) => row(from + t)).flat(), [to - from, 1, N])
}

/** Sample b of states [B, N] and pasts [entries, B, N]. */
const stateOf = (states: Tensors, b: number): Tensors =>
  mapValues(states, (tensor) => {
    const B = tensor.shape.at(-2)!
    const values = numbers(tensor).filter((_, i) => Math.floor(i / N) % B === b)
    return runtime.tensor(values, tensor.shape.map((size, axis) => (axis === tensor.shape.length - 2 ? 1 : size))) // prettier-ignore
  })

/** By hand: each sample alone, each block's window by itself from the state recorded at its start. */
function byHand(
  module: Recurrent,
  given: Given,
  lengths: readonly number[],
  truncation: Truncation | undefined,
): Results {
  const [T, B] = given.x.shape as [number, number]
  const total: Results = {}
  const sum = (name: string, at: (i: number) => number, size: number, values: readonly number[]) => {
    total[name] ??= new Array<number>(size).fill(0)
    for (const [i, value] of values.entries()) total[name]![at(i)]! += value
  }
  const ofSample = (b: number, size: number) => (i: number) => {
    const entries = size / (B * N)
    return entries === 1 ? b * N + i : (Math.floor(i / N) * B + b) * N + (i % N)
  }
  const whole = (i: number) => i
  for (const [name, { size }] of Object.entries(given.state)) sum(`dState.${name}`, whole, size, [])
  for (const { name, value } of module.parameters()) sum(`grad.${name}`, whole, value.size, [])
  for (const name of ['output', 'dInput']) sum(name, whole, T * B * N, [])
  for (const [b, length] of lengths.entries()) {
    const dState = stateOf(given.dState, b)
    const starts: Tensors[] = [stateOf(given.state, b)]
    for (let t = 0; t < length; t++) {
      const { output, state } = module.forward(rowsOf(given.x, b, t, t + 1), { tape: false, state: starts[t] })
      sum('output', (i) => (t * B + b) * N + i, T * B * N, numbers(output))
      starts.push(mapValues(state as Tensors, (tensor) => tensor.clone()))
    }
    for (const [name, last] of Object.entries(starts.at(-1)!))
      sum(`state.${name}`, ofSample(b, last.size * B), last.size * B, numbers(last))
    if (length === 0) {
      for (const [name, seed] of Object.entries(dState))
        sum(`dState.${name}`, ofSample(b, seed.size * B), seed.size * B, numbers(seed))
      continue
    }
    const { window, stride } = truncation ?? { window: length, stride: length }
    for (let end = stride; end < length + stride; end += stride) {
      const [from, to] = [Math.max(0, end - window), Math.min(end, length)]
      const block = {
        x: rowsOf(given.x, b, from, to),
        state: starts[from]!,
        dOutput: rowsOf(given.dOutput, b, from, to, end - stride),
        dState:
          to === length
            ? dState
            : mapValues(dState, ({ shape, size }) => runtime.tensor(new Float64Array(size), shape)),
      }
      for (const [name, values] of Object.entries(run(module, block))) {
        if (name === 'dInput') sum(name, (i) => ((from + Math.floor(i / N)) * B + b) * N + (i % N), T * B * N, values)
        if (name.startsWith('grad')) sum(name, whole, values.length, values)
        if (name.startsWith('dState') && from === 0)
          sum(name, ofSample(b, values.length * B), values.length * B, values)
      }
    }
  }
  return total
}

/** The derivative along a direction of every leaf at once. */
function expectDifferences(module: Recurrent, given: Given, lengths: number[], results: Results): void {
  const leaves: Record<string, Tensor> = {
    dInput: given.x,
    ...Object.fromEntries(Object.entries(given.state).map(([name, tensor]) => [`dState.${name}`, tensor])),
    ...Object.fromEntries(module.parameters().map(({ name, value }) => [`grad.${name}`, value])),
  }
  const starts = mapValues(leaves, numbers)
  const loss = (step: number) => {
    for (const [name, tensor] of Object.entries(leaves)) {
      const direction = generate(6, name, tensor.size)
      tensor.data.set(starts[name]!.map((value, i) => value + step * direction[i]!))
    }
    const { output, state } = module.forward(given.x, { tape: false, state: given.state, lengths })
    const final = state as Tensors
    return Object.entries(given.dState).reduce((sum, [name, seed]) => sum + dot(seed.data, final[name]!.data), dot(given.dOutput.data, output.data)) // prettier-ignore
  }
  const step = 1e-4
  const numeric = (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step)
  loss(0)
  const parts = Object.entries(leaves).map(([name, { size }]) => dot(generate(6, name, size), results[name]!))
  const exact = parts.reduce((sum, part) => sum + part, 0)
  // step^4 / 30 of the fifth derivative and 2^-52 |loss| / step of rounding; measured below 1e-9 of the parts' length
  assert.ok(Math.abs(exact - numeric) <= 1e-7 * norm(parts), `differences ${numeric}, gradient ${exact}`)
}

const test = suite('random cells under random unrollings')
for (let seed = 0; seed < CELLS; seed++) {
  test(`seed ${seed}`, () => {
    const roll = dice(100 + seed)
    const module = new Recurrent(runtime, { cell: randomCell(roll) })
    drawParameters(module, seed, 0.5)
    // a few samples over a few steps, or chunks of two steps
    const [T, B] = roll(4) === 0 ? [5, 120] : [2 + roll(9), 1 + roll(4)]
    const given = drawGiven(module, T, B, N)
    const lengths = Array.from(generateIds(seed, 'lengths', B, T + 1))
    const stride = 1 + roll(T)
    const truncation = { stride, window: stride + roll(T) }

    const whole = run(module, given, { lengths })
    expectClose(whole, byHand(module, given, lengths, undefined), 64 * T, 'float64', 'lengths')
    expectDifferences(module, given, lengths, whole)
    const ways: ForwardOptions[] = [{ checkpoint: 'sqrt' }, { checkpoint: 1 + roll(4) }, { keep: true }, { keep: true, checkpoint: 2 }] // prettier-ignore
    for (const way of ways) assert.equal(run(module, given, { lengths, ...way }), whole, JSON.stringify(way))
    assert.equal(run(module, given, { lengths, truncation: { window: T } }), whole, 'one block')

    for (const each of [lengths, lengths.map(() => T)]) {
      const full = each === lengths ? { lengths } : {}
      const cut = run(module, given, { ...full, truncation })
      const label = `${JSON.stringify(truncation)}, lengths ${each}`
      expectClose(cut, byHand(module, given, each, truncation), 64 * T, 'float64', label)
      assert.equal(run(module, given, { ...full, truncation, keep: true }), cut, 'kept')
    }
    module.dispose()
  })
}
test.run()
