/** Whole states as vectors: all layers' states side by side, several vectors for each sample. */
import type { NamedStates } from '../module/state.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { stateName } from './flow.ts'

/** Columns of a vector, and the block [B, columns] of a state's tensor that they are. */
export interface Part {
  /** As users know it: `h`, or of several layers `h_l0`; of a past `h_l0 - 1`. */
  readonly name: string
  readonly tensor: string
  readonly block: number
  readonly columns: number
  readonly offset: number
}

/** @param pasts take the states before the last ones too: the whole state of a cell that reads further back */
export function partsOf({ stack }: Unrolled, pasts: boolean): Part[] {
  const { layers, states } = stack
  const parts: Omit<Part, 'offset'>[] = layers.flatMap((layer, block) =>
    layer.graph.states.map(({ name, columns }) => {
      return { name: stateName(name, layer, layers.length), tensor: name, block, columns }
    }),
  )
  for (const past of pasts ? states.pasts : []) {
    const state = layers[0]!.graph.states.find(({ name }) => past === `past_${name}`)
    const { name, columns } = state ?? layers[0]!.graph.states.find(({ reads }) => reads.size > 1)!
    const entries = states.shape(past, 1)[0]!
    for (let entry = 0; entry < entries; entry++) {
      for (const [index, layer] of layers.entries()) {
        const label = `${stateName(name, layer, layers.length)} - ${entry + 1}`
        parts.push({ name: label, tensor: past, block: entry * layers.length + index, columns })
      }
    }
  }
  let end = 0
  return parts.map((part) => ({ ...part, offset: (end += part.columns) - part.columns }))
}

export const lengthOf = (parts: readonly Part[]): number => parts.reduce((sum, { columns }) => sum + columns, 0)

/** Between vectors [B, count, N] and states whose batch is [count, B]: vector i of sample b is row i·B + b. */
export function exchange(
  runtime: Runtime,
  parts: readonly Part[],
  sizes: { batch: number; count: number },
  vectors: number,
  states: NamedStates,
  direction: 'gather' | 'spread',
): void {
  const { core, elementBytes } = runtime
  const { batch, count } = sizes
  const N = lengthOf(parts)
  for (const { tensor, block, columns, offset } of parts) {
    const bytes = columns * elementBytes
    for (let i = 0; i < count; i++) {
      const row = states[tensor]!.address + (block * count + i) * batch * bytes
      const place = vectors + (i * N + offset) * elementBytes
      const stride = count * N * elementBytes
      if (direction === 'gather') core.copyRows(batch, bytes, row, bytes, place, stride)
      else core.copyRows(batch, bytes, place, stride, row, bytes)
    }
  }
}

/** Each sample `count` times, as rows i·B + b; `axis` is the batch's. */
export function repeatSamples(tensor: Tensor, axis: number, count: number): Tensor {
  const { runtime, shape } = tensor
  const batch = shape[axis]!
  const result = runtime.emptyTensor(shape.with(axis, count * batch))
  const indices = runtime.indices(Int32Array.from({ length: count * batch }, (_, row) => row % batch))
  const outer = shape.slice(0, axis).reduce((product, size) => product * size, 1)
  const bytes = (tensor.size / outer / batch) * runtime.elementBytes
  runtime.core.gatherRows(outer, batch, count * batch, bytes, bytes, indices.address, tensor.address, result.address)
  indices.dispose()
  return result
}
