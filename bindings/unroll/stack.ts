/** The layers of an unrolled module, and how an array's steps and rows lie in memory. */
import { type Entry, fixedEntry } from '../program/entry.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Shape, type Tensor, sizeOf } from '../runtime/tensor.ts'
import type { Layer } from './layer.ts'
import type { StackPrograms } from './programs.ts'
import type { States } from './states.ts'

export interface Stack {
  readonly runtime: Runtime
  /** By depth, forward before reversed. */
  readonly layers: readonly Layer[]
  /** 2: each layer runs in both directions, side by side in its output. */
  readonly directions: 1 | 2
  readonly states: States
  readonly programs: StackPrograms
  /** The module's name, for messages. */
  readonly who: string
}

/** Sizes of a call, and the leading axes of input and output as the caller sees them. */
export interface CallShape {
  readonly steps: number
  readonly batch: number
  readonly leading: Shape
  /** The leading axes are [B, T] rather than [T, B]. */
  readonly batchFirst: boolean
}

/** Columns of the output of the layer at a depth, by default the module's; both directions together. */
export function outputColumns({ layers, directions }: Stack, depth = layers.at(-1)!.depth): number {
  return layers[depth * directions]!.graph.outputs[0]!.columns * directions
}

/** Bytes from a step to the next and from a row to the next. */
export interface Strides {
  readonly stepStride: number
  readonly rowStride: number
}

/** Strides of [T, B, columns], or of [B, T, columns] where the batch is first. */
export function stridesOf(stack: Stack, { steps, batch }: CallShape, columns: number, batchFirst: boolean): Strides {
  const row = columns * stack.runtime.elementBytes
  return batchFirst ? { stepStride: row, rowStride: steps * row } : { stepStride: batch * row, rowStride: row }
}

/** Do the caller's arrays lie otherwise than time first? With one step or one sample both orders are the same. */
export const isSwapped = ({ batchFirst, steps, batch }: CallShape): boolean => batchFirst && steps > 1 && batch > 1

/** The stages of forward: all layers chunk by chunk, or each direction of each layer by itself over all steps. */
export function stagesOf<Unit>(
  { layers, directions }: Stack,
  units: readonly Unit[],
): { reversed: boolean; units: Unit[] }[] {
  if (directions === 1) return [{ reversed: false, units: [...units] }]
  return layers.map(({ reversed }, i) => ({ reversed, units: [units[i]!] }))
}

/** The layers in the order in which backward runs them, with their places in `layers`. */
export function backwardOrder({ layers, directions }: Stack): number[] {
  const depths = layers.length / directions
  return Array.from({ length: depths }, (_, i) => depths - 1 - i).flatMap((depth) =>
    Array.from({ length: directions }, (_, direction) => depth * directions + direction),
  )
}

/** @internal Where a parameter or its gradient lies, whatever the step. */
export const parameterEntry = ({ address }: Tensor): Entry => fixedEntry(address)

export const bytesOf = ({ runtime }: Stack, shape: Shape): number => sizeOf(shape) * runtime.elementBytes
