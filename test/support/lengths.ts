/** What a call with lengths reads and gives, taken apart by sample. */
import type { Module, Runtime, Tensor } from '../../bindings/index.ts'
import { drawTensor, numbers, stateNumbers } from './nets.ts'
import { mapValues } from './unrolling.ts'

/** Input columns. */
export const I = 3

/** What a call reads, time first: numbers by [step][sample], states by [chain][sample]. */
export interface Given {
  readonly x: Tensor
  readonly state: Record<string, Tensor>
  readonly dOutput: Tensor
  readonly dState: Record<string, Tensor>
}

/** All that forward and backward give. */
export interface Results {
  readonly output: number[]
  readonly state: Record<string, number[]>
  readonly dInput: number[]
  readonly dState: Record<string, number[]>
  readonly parameters: Record<string, number[]>
}

export function draw(runtime: Runtime, net: Module, T: number, B: number): Given {
  const states = (seed: number) =>
    mapValues(net.initialState(B) as Record<string, Tensor>, ({ shape }, name) =>
      drawTensor(runtime, seed, name, shape),
    )
  const state = states(2)
  const columns = state['h']!.shape[2]! * (state['h']!.shape[0]! / 2) // two layers
  return {
    x: drawTensor(runtime, 1, 'x', [T, B, I]),
    state,
    dOutput: drawTensor(runtime, 3, 'd', [T, B, columns]),
    dState: states(4),
  }
}

export const having = (lengths: readonly number[] | undefined) => (lengths ? { lengths: [...lengths] } : {})

export function run(net: Module, { x, state, dOutput, dState }: Given, lengths?: readonly number[]): Results {
  net.zeroGrad()
  const result = net.forward(x, { tape: true, state, ...having(lengths) })
  const [output, final] = [numbers(result.output), stateNumbers(result.state)]
  const back = net.backward({ output: dOutput, state: dState })
  return {
    output,
    state: final,
    dInput: numbers(back.input as Tensor),
    dState: stateNumbers(back.state),
    parameters: Object.fromEntries(net.parameters().map(({ name, grad }) => [name, numbers(grad)])),
  }
}

/** Samples `chosen` of rows [n, B, columns], of the first `steps` of them. */
export function choose(
  values: ArrayLike<number>,
  B: number,
  columns: number,
  chosen: readonly number[],
  steps?: number,
) {
  const rows = steps ?? values.length / (B * columns)
  return Array.from({ length: rows }, (_, t) =>
    chosen.flatMap((b) => Array.from({ length: columns }, (_, i) => values[(t * B + b) * columns + i]!)),
  ).flat()
}

export const chooseTensor = (tensor: Tensor, chosen: readonly number[], steps = tensor.shape[0]!) => {
  const [, B, columns] = tensor.shape as [number, number, number]
  return tensor.runtime.tensor(choose(tensor.data, B, columns, chosen, steps), [steps, chosen.length, columns])
}

/** The samples `chosen` of everything, of their first `steps` steps. */
export const chooseGiven = (
  { x, state, dOutput, dState }: Given,
  chosen: readonly number[],
  steps?: number,
): Given => ({
  x: chooseTensor(x, chosen, steps),
  state: mapValues(state, (tensor) => chooseTensor(tensor, chosen)),
  dOutput: chooseTensor(dOutput, chosen, steps),
  dState: mapValues(dState, (tensor) => chooseTensor(tensor, chosen)),
})

/** What is told apart by sample, of the samples `chosen`. */
export function chooseResults({ output, state, dInput, dState }: Results, given: Given, chosen: readonly number[]) {
  const B = given.x.shape[1]!
  const states = (values: Record<string, number[]>) =>
    mapValues(values, (each, name) => choose(each, B, given.state[name]!.shape[2]!, chosen))
  return {
    output: choose(output, B, given.dOutput.shape[2]!, chosen),
    state: states(state),
    dInput: choose(dInput, B, I, chosen),
    dState: states(dState),
  }
}

export const padded = (values: number[], size: number) => [
  ...values,
  ...new Array<number>(size - values.length).fill(0),
]

/** `fill` wherever a sample has ended. */
export function spoil(tensor: Tensor, lengths: readonly number[], fill: number): Tensor {
  const [T, B, columns] = tensor.shape as [number, number, number]
  const copy = tensor.runtime.tensor(tensor.data, [T, B, columns])
  const { data } = copy
  for (const [b, length] of lengths.entries())
    for (let t = length; t < T; t++) data.fill(fill, (t * B + b) * columns, (t * B + b + 1) * columns)
  return copy
}

/** [T, B, n] as [B, T, n], or back. */
export function swap(tensor: Tensor): Tensor {
  const [rows, columns, n] = tensor.shape as [number, number, number]
  return tensor.runtime.tensor(swapNumbers(numbers(tensor), rows, columns, n), [columns, rows, n])
}

export const swapNumbers = (values: number[], rows: number, columns: number, n: number) =>
  Array.from({ length: columns }, (_, c) => c).flatMap((c) => choose(values, columns, n, [c], rows))

export const zeros = (tensor: Tensor) => tensor.runtime.tensor(new Float64Array(tensor.size), tensor.shape)
