/** Whole states as vectors: all layers' states side by side, several vectors for each sample. */
import type { NamedStates } from '../module/state.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tensor } from '../runtime/tensor.ts'
import type { Unrolled } from '../unroll/unrolled.ts'
import { layerName } from './names.ts'

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
      return { name: layerName(name, layer, layers.length), tensor: name, block, columns }
    }),
  )
  for (const past of pasts ? states.pasts : []) {
    const state = layers[0]!.graph.states.find(({ name }) => past === `past_${name}`)
    const { name, columns } = state ?? layers[0]!.graph.states.find(({ reads }) => reads.size > 1)!
    const entries = states.shape(past, 1)[0]!
    for (let entry = 0; entry < entries; entry++) {
      for (const [index, layer] of layers.entries()) {
        const label = `${layerName(name, layer, layers.length)} - ${entry + 1}`
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

/** [B, count, N]: the first `count` unit vectors, for each sample. */
export function unitVectors(runtime: Runtime, batch: number, count: number, N: number): Tensor {
  const vectors = runtime.emptyTensor([batch, count, N])
  const { data } = vectors
  for (let i = 0; i < batch * count; i++) data[i * N + (i % count)] = 1
  return vectors
}
