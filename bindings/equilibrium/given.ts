/** What the caller of a fixed point's search gives, checked against the cell: inputs and the shape they have, and states. */
import type { NamedStates, State } from '../module/state.ts'
import type { SizedCell } from '../program/trace.ts'
import { expectOptions, expectShape, expectTensor, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { SolveShape } from './call.ts'
import type { EquilibriumGraphs } from './graphs.ts'

export interface Asked {
  readonly isStep: boolean
  readonly hasLengths: boolean
  /** Does the module stand among those that take [B, T, F]? */
  readonly followsBatch: boolean
}

/** The shape of a search for these inputs, [B, I] or, but for a single step, [T, B, I]; refused where they do not go together. */
export function expectSolveShape(
  who: string,
  sized: SizedCell,
  inputs: readonly Tensor[],
  { isStep, hasLengths, followsBatch }: Asked,
): SolveShape {
  const leading = inputs[0]!.shape.slice(0, -1)
  const sizes = [...sized.inputs]
  for (const [i, [name, columns]] of sizes.entries()) {
    const label = sizes.length === 1 ? 'input' : `input '${name}'`
    const axes = i > 0 ? leading : leading.length === 2 && !isStep ? ['T', 'B'] : ['B']
    expectShape(who, label, inputs[i]!.shape, [...axes, columns], sizes.length === 1 ? `inputSize is ${columns}` : '')
  }
  if (leading.length === 2 && followsBatch)
    fail('unsupported', `${who}: the Sequential is batchFirst; a DEQ over time takes [T, B, F]`)
  const [steps, batch] = leading.length === 2 ? [leading[0]!, leading[1]!] : [1, leading[0]!]
  if (steps < 1 || batch < 1) fail('shape', `${who}: input is empty; expected at least one step and one sample`)
  return { steps, batch, leading, hasLengths }
}

/** @param batch any, where it is not known yet */
export function expectPoints(
  who: string,
  { parts }: Pick<EquilibriumGraphs, 'parts'>,
  state: State | undefined,
  batch: number | undefined,
  runtime: Runtime,
): NamedStates | undefined {
  if (state === undefined) return undefined
  const names = parts.map(({ name }) => name)
  expectOptions(`${who}: state`, state, names)
  const tensors = state as Record<string, Tensor>
  for (const { name, columns } of parts) {
    const tensor = expectTensor(who, `state.${name}`, tensors[name], runtime)
    expectShape(who, `state.${name}`, tensor.shape, [batch ?? 'B', columns])
  }
  return tensors
}
