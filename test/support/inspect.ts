/** What the instruments of retrograd/inspect should see, by plain loops and by chains of a module's own one-step calls. */
import * as assert from 'uvu/assert'
import { type Module, RetrogradError, type Runtime, type Tensor } from '../../bindings/index.ts'
import { type NetOptions, Probe, solve } from '../reference/shortcuts.ts'
import { drawParameters, norm, numbers } from './nets.ts'
import { type Given, type Results, drawGiven, makeNet, mapValues, problemOf } from './unrolling.ts'

type Tensors = Record<string, Tensor>
export type Shape = { lengths?: number[]; batchFirst?: boolean; past?: boolean }

/** Input columns, steps and samples. */
export const [I, T, B] = [3, 6, 3]

export const net = (kind: NetOptions['kind'], more: Partial<NetOptions> = {}): NetOptions => ({
  kind,
  inputSize: I,
  hiddenSize: 4,
  numLayers: 1,
  ...more,
})

export function prepare(rt: Runtime, options: NetOptions, { batchFirst = false, past }: Shape, more: object = {}) {
  const module = makeNet(rt, options, { batchFirst, ...more })
  drawParameters(module, 5, 0.5)
  const given = drawGiven(module, T, B, I, past)
  return { module, given, look: { output: given.dOutput, state: given.state } }
}

/** The gradients that the module's own backward gives, by the output alone. */
export function gradientsOf(
  module: Module,
  { x, state, dOutput }: Pick<Given, 'x' | 'state' | 'dOutput'>,
  options: object = {},
): Results {
  module.zeroGrad()
  module.forward(x, { state, tape: true, ...options })
  module.backward({ output: dOutput })
  const gradients = Object.fromEntries(module.parameters().map(({ name, grad }) => [name, numbers(grad)]))
  module.zeroGrad()
  return gradients
}

export const partsOf = (tensor: Tensor): number[][] =>
  Array.from({ length: tensor.shape[0]! }, (_, i) => part(tensor, i))
export const sumOf = (parts: number[][]): number[] => parts.reduce((a, b) => a.map((value, i) => value + b[i]!))

export interface Seen {
  /** ∇W^(t), flat, by parameter and step. */
  readonly instances: Record<string, number[][]>
  /** ‖∂L/∂h_t‖ by layer's state and step. */
  readonly states: Record<string, number[]>
  readonly gradients: Results
}

/** By plain loops; the loss is a function of the output alone. */
export function seenByLoops(
  module: Module,
  options: NetOptions,
  given: Given,
  lengths?: readonly number[],
  factor?: (lag: number) => number,
): Seen {
  const probe = new Probe(factor)
  const problem = problemOf(module, options, { ...given, dState: {} }, T, B)
  const { gradients, all } = solve({ ...problem, ...(lengths && { lengths }), probe })
  const steps = Array.from({ length: T }, (_, t) => t)
  const sizes = Object.fromEntries(module.parameters().map(({ name, value }) => [name, value.size]))
  return {
    gradients,
    instances: mapValues(probe.copies as never, (copies: number[][][], name) =>
      steps.map((t) => {
        const sum = new Array<number>(sizes[name]!).fill(0)
        for (const sample of copies[t] ?? []) for (const [i, place] of sample.entries()) sum[i]! += all![place]!
        return sum
      }),
    ),
    states: mapValues(probe.states as never, (places: number[][][]) =>
      steps.map((t) => norm((places[t] ?? []).flat().map((place) => all![place]!))),
    ),
  }
}

export const part = (tensor: Tensor, index: number): number[] => {
  const size = tensor.size / tensor.shape[0]!
  return Array.from(tensor.data.subarray(index * size, (index + 1) * size))
}

/** The forward of a chain of one-step calls: the state before each step. */
function statesBefore(module: Module, rows: (t: number) => Tensor, first: Tensors): Tensors[] {
  const states = [first]
  for (let t = 0; t < T - 1; t++) {
    const { state } = module.forward(rows(t), { state: states[t] })
    states.push(mapValues(state as Tensors, (tensor) => tensor.clone()))
  }
  return states
}

/** Instances by a chain of one-step calls, time first, and each lag's part of the gradient where no read is further back. */
export function seenByChain(
  module: Module,
  x: Tensor,
  state: Tensors,
  dOutput: Tensor,
): { instances: Results[]; lags: Results[] } {
  const { runtime } = module
  const row = (tensor: Tensor, t: number) => runtime.tensor(part(tensor, t), [1, ...tensor.shape.slice(1)])
  const states = statesBefore(module, (t) => row(x, t), state)
  const back = (t: number, gradients: { output?: Tensor; state?: Tensors }) => {
    module.zeroGrad()
    module.forward(row(x, t), { state: states[t], tape: true })
    const { state: sent } = module.backward(gradients)
    const own = Object.fromEntries(module.parameters().map(({ name, grad }) => [name, numbers(grad)]))
    return { sent: mapValues(sent as Tensors, (tensor) => tensor.clone()), own }
  }
  const instances: Results[] = []
  const lags: Results[] = []
  let carried: Tensors | undefined
  for (let t = T - 1; t >= 0; t--) {
    const { sent, own } = back(t, { output: row(dOutput, t), ...(carried && { state: carried }) })
    instances[t] = own
    carried = sent
    let alone: Tensors | undefined
    for (let s = t; s >= 0; s--) {
      const step = back(s, alone ? { state: alone } : { output: row(dOutput, t) })
      lags[t - s] = addUp(lags[t - s], step.own)
      alone = step.sent
    }
  }
  module.zeroGrad()
  return { instances, lags }
}

export function addUp(a: Results | undefined, b: Results): Results {
  return a === undefined ? b : mapValues(b as never, (values: number[], name) => values.map((v, i) => v + a[name]![i]!))
}

export const valueOf = (module: Module, name: string) => module.parameters().find((p) => p.name === name)!.value
/** Sample `sample` of [B, rows, columns]. */
export const matrixOf = (tensor: Tensor, sample: number): number[][] => {
  const [rows, columns] = tensor.shape.slice(1) as [number, number]
  return Array.from({ length: rows }, (_, i) => part(tensor, sample).slice(i * columns, (i + 1) * columns))
}
export const product = (a: number[][], b: number[][]) =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)))
export const diagonal = (values: number[]) => values.map((value, i) => values.map((_, j) => (i === j ? value : 0)))

/** Throws unless the numbers agree: `terms` roundings relative to `scale`, by default the length of what is expected. */
export function expectNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  terms: number,
  epsilon: number,
  label: string,
  scale = norm(expected),
): void {
  assert.is(actual.length, expected.length, label)
  const gap = norm(Array.from(expected, (value, i) => value - actual[i]!))
  assert.ok(terms * epsilon < 1e-3, `${label}: a tolerance of ${terms * epsilon} would accept too much`)
  assert.ok(gap <= terms * epsilon * scale, `${label}: off by ${gap} of ${scale}`)
}

/** Throws unless a call is refused with this error, and leaves the module's tape and the memory as they were. */
export function expectRefusal(module: Module, x: Tensor, call: () => unknown, code: string, message: RegExp): void {
  const { output } = module.forward(x, { tape: true })
  const [values, used] = [numbers(output), module.runtime.memoryUsed]
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
  assert.equal(numbers(output), values)
  module.backward({ output }) // the tape is still there
}
