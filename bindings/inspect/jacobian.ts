import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import type { State } from '../module/state.ts'
import { expectOptions, expectPositive, fail } from '../runtime/check.ts'
import type { Tensor } from '../runtime/tensor.ts'
import { expectCausal, expectUnrolled } from './options.ts'
import { pullBack } from './products.ts'
import { disposeTensors, normAt } from './tensors.ts'
import { Trajectory } from './trajectory.ts'
import { type Part, lengthOf, partsOf, unitVectors } from './vectors.ts'

export interface JacobianOptions {
  /** The state before the first step; zeros if left out. */
  state?: State
}

export interface StepJacobian {
  /** ∂h_t/∂h_{t-1}: [B, N, N], rows by what is differentiated; all states, layer by layer, in their order. The caller's. */
  readonly matrix: Tensor
  /** Its parts [B, n, n] by names of states (of several layers `h_l0`, …): blocks[to][from]. */
  readonly blocks: Record<string, Record<string, Tensor>>
}

/** The Jacobian of step `step` (from 1) by the state before it; reads further back are held fixed. Causal modules, without dropout. */
export function stepJacobian(module: Module, input: Input, options: JacobianOptions & { step: number }): StepJacobian {
  const who = 'stepJacobian'
  expectOptions(who, options, ['state', 'step'])
  const step = expectPositive(who, 'step', options.step)
  const { matrix, parts } = productOf(who, module, input, options.state, step - 1, step)
  const blocks = Object.fromEntries(
    parts.map((to) => [to.name, Object.fromEntries(parts.map((from) => [from.name, blockOf(matrix, to, from)]))]),
  )
  return { matrix, blocks }
}

/**
 * ∂h_to/∂h_from, h_0 being the initial state: the product of the step Jacobians between, where the cell reads one step back; reads of
 * steps before `from` are held fixed. Causal modules, without dropout.
 *
 * @returns matrix [B, N, N] of the caller's, and its Frobenius norm for each sample
 */
export function jacobianProduct(
  module: Module,
  input: Input,
  options: JacobianOptions & { from: number; to: number },
): { matrix: Tensor; norm: Float64Array } {
  const who = 'jacobianProduct'
  expectOptions(who, options, ['state', 'from', 'to'])
  const { from, to, state } = options
  if (!Number.isSafeInteger(from) || from < 0) fail('range', `${who}: from is ${from}; expected a whole number >= 0`)
  if (!Number.isSafeInteger(to) || to <= from)
    fail('range', `${who}: to is ${to}; expected a whole number > from (${from})`)
  const { matrix } = productOf(who, module, input, state, from, to)
  const { runtime } = module
  const size = matrix.size / matrix.shape[0]!
  const norm = Float64Array.from({ length: matrix.shape[0]! }, (_, b) =>
    normAt(runtime, size, matrix.address + b * size * runtime.elementBytes),
  )
  return { matrix, norm }
}

function productOf(
  who: string,
  given: Module,
  input: Input,
  state: State | undefined,
  from: number,
  to: number,
): { matrix: Tensor; parts: Part[] } {
  const module = expectUnrolled(who, given)
  expectCausal(who, module)
  const { steps } = module.expectInput(who, input).shape
  if (to > steps) fail('range', `${who}: step ${to} is asked for; the input has ${steps}`)
  const parts = partsOf(module, false)
  return new Trajectory(who, module, input, state).look((trajectory) => {
    const before = trajectory.stateAt(from)
    const N = lengthOf(parts)
    const matrix = unitVectors(module.runtime, trajectory.batch, N, N)
    pullBack(who, module, trajectory, { from, to, before }, parts, matrix)
    disposeTensors(before)
    return { matrix, parts }
  })
}

function blockOf(matrix: Tensor, to: Part, from: Part): Tensor {
  const { core, elementBytes } = matrix.runtime
  const [batch, N] = matrix.shape as [number, number]
  const block = matrix.runtime.emptyTensor([batch, to.columns, from.columns])
  const bytes = from.columns * elementBytes
  for (let b = 0; b < batch; b++) {
    const source = matrix.address + ((b * N + to.offset) * N + from.offset) * elementBytes
    core.copyRows(to.columns, bytes, source, N * elementBytes, block.address + b * to.columns * bytes, bytes)
  }
  return block
}
