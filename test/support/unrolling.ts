/** A module unrolled over drawn data: all numbers that forward and backward give, and how to compare them. */
import * as assert from 'uvu/assert'
import {
  type BackwardOptions,
  type ForwardOptions,
  GRU,
  LSTM,
  type Module,
  RNN,
  RetrogradError,
  type Runtime,
  type Tensor,
} from '../../bindings/index.ts'
import { type NetOptions, type Problem, solve } from '../reference/shortcuts.ts'
import { drawTensor, norm, numbers, stateNumbers } from './nets.ts'
import { type DType, EPSILON } from './tolerance.ts'

type Tensors = Record<string, Tensor>
export type Results = Record<string, number[]>

/** What a call reads. */
export interface Given {
  readonly x: Tensor
  readonly state: Tensors
  readonly dOutput: Tensor
  readonly dState: Tensors
}

const CLASSES = { RNN, LSTM, GRU }

export function makeNet(runtime: Runtime, { kind, ...options }: NetOptions, more: object = {}): Module {
  return new CLASSES[kind](runtime, { ...options, ...more } as never)
}

/** @param past false: the first state stands for all before it */
export function drawGiven(module: Module, T: number, B: number, I: number, past = true): Given {
  const { runtime } = module
  const x = drawTensor(runtime, 1, 'x', module.batchFirst ? [B, T, I] : [T, B, I])
  const blank = module.initialState(B) as Tensors
  const states = (seed: number) => mapValues(blank, ({ shape }, name) => drawTensor(runtime, seed, name, shape))
  const { past: given, ...first } = states(2)
  const { shape } = module.forward(x, { tape: false }).output
  return {
    x,
    state: past && given ? { ...first, past: given } : first,
    dOutput: drawTensor(runtime, 3, 'd', shape),
    dState: states(4),
  }
}

/** Forward and backward: every result as plain numbers. */
export function run(
  module: Module,
  { x, state, dOutput, dState }: Given,
  options: ForwardOptions = {},
  backward: BackwardOptions = {},
): Results {
  module.zeroGrad()
  const result = module.forward(x, { tape: true, state, ...options })
  const forward = { output: numbers(result.output), ...prefixed('state', stateNumbers(result.state)) }
  const tape = result.tape && { tape: result.tape }
  return {
    ...forward,
    ...readBack(module, module.backward({ output: dOutput, state: dState }, { ...tape, ...backward })),
  }
}

/** What backward gave, and the gradients by parameters. */
export function readBack(module: Module, back: ReturnType<Module['backward']>): Results {
  return {
    ...(back.input && { dInput: numbers(back.input as Tensor) }),
    ...prefixed('dState', stateNumbers(back.state)),
    ...prefixed('grad', Object.fromEntries(module.parameters().map(({ name, grad }) => [name, numbers(grad)]))),
  }
}

/** The same call as a problem for the plain loops, time first. */
export function problemOf(module: Module, net: NetOptions, given: Given, T: number, B: number): Problem {
  const timeFirst = (tensor: Tensor) => (module.batchFirst ? numbers(swap(tensor)) : numbers(tensor))
  const parameters = module.parameters().map(({ name, value }) => [name, numbers(value)])
  const leaves = { x: timeFirst(given.x), ...mapValues(given.state, numbers), ...Object.fromEntries(parameters) }
  const seeds = { output: timeFirst(given.dOutput), ...mapValues(given.dState, numbers) }
  return { net, T, B, leaves, seeds }
}

/** What the plain loops give, as `run` names it. */
export function solved(module: Module, problem: Problem): Results {
  const { T, B } = problem
  const { values, gradients } = solve(problem)
  const turn = (rows: number[]) =>
    module.batchFirst ? numbers(swap(module.runtime.tensor(rows, [T, B, rows.length / (T * B)]))) : rows
  const { output, ...states } = values
  const { x, ...others } = gradients
  const isParameter = new Set(module.parameters().map(({ name }) => name))
  const only = (parameters: boolean) =>
    Object.fromEntries(Object.entries(others).filter(([name]) => isParameter.has(name) === parameters))
  return {
    output: turn(output!),
    ...prefixed('state', states),
    dInput: turn(x!),
    ...prefixed('dState', only(false)),
    ...prefixed('grad', only(true)),
  }
}

/** Roundings on the longest chain: through every step of every layer, an affine map and a few functions each. */
export const chainTerms = ({ inputSize, hiddenSize, numLayers, skips = [] }: NetOptions, T: number): number =>
  T * numLayers * (inputSize + (1 + skips.length) * hiddenSize + 8)

/** Throws unless every group of numbers agrees: a chain of `terms` roundings, relative to the group's length. */
export function expectClose(actual: Results, expected: Results, terms: number, dtype: string, label = ''): void {
  assert.equal(Object.keys(actual).sort(), Object.keys(expected).sort(), label)
  const tolerance = terms * EPSILON[dtype as DType]
  assert.ok(tolerance < 1e-3, `${label}: a tolerance of ${tolerance} would accept too much`)
  for (const [name, values] of Object.entries(expected)) {
    assert.is(actual[name]!.length, values.length, `${label}: ${name}`)
    const gap = norm(values.map((value, i) => value - actual[name]![i]!))
    assert.ok(gap <= tolerance * norm(values), `${label}: ${name} is off by ${gap} of ${norm(values)}`)
  }
}

/** Throws unless a call is refused with this error, and leaves results, tape and memory as they were. */
export function expectRefused(module: Module, given: Given, call: () => unknown, code: string, message: RegExp): void {
  const expected = run(module, given)
  const { output } = module.forward(given.x, { tape: true, state: given.state })
  const used = module.runtime.memoryUsed
  let error: unknown
  try {
    call()
  } catch (thrown) {
    error = thrown
  }
  assert.ok(error instanceof RetrogradError, `threw ${error}`)
  assert.is(error.code, code, error.message)
  assert.match(error.message, message)
  assert.is(module.runtime.memoryUsed - used, 0, 'bytes taken')
  assert.equal(numbers(output), expected['output'])
  module.zeroGrad()
  const back = readBack(module, module.backward({ output: given.dOutput, state: given.dState }))
  for (const [name, values] of Object.entries(back)) assert.equal(values, expected[name], name)
}

export function prefixed(prefix: string, values: Record<string, number[]>): Results {
  return Object.fromEntries(Object.entries(values).map(([name, each]) => [`${prefix}.${name}`, each]))
}

export function mapValues<A, B>(values: Record<string, A>, map: (value: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value, name)]))
}

/** [a, b, n] as [b, a, n]. */
export function swap(tensor: Tensor): Tensor {
  const [rows, columns, n] = tensor.shape as [number, number, number]
  const { data } = tensor
  const row = (r: number, c: number) => data.slice((r * columns + c) * n, (r * columns + c + 1) * n)
  const all = Array.from({ length: columns }, (_, c) => Array.from({ length: rows }, (__, r) => Array.from(row(r, c))))
  return tensor.runtime.tensor(all.flat(2), [columns, rows, n])
}
