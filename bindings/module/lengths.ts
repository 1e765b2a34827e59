import { describeValue, fail } from '../runtime/check.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { Tensor } from '../runtime/tensor.ts'

/** Steps of each sample: B whole numbers from 0 to T, as an array or from `rt.indices`. */
export type Lengths = ArrayLike<number> | Tensor

/** The numbers of `lengths`, refused unless there are `batch` of them in [0, steps]; undefined where none are given. */
export function expectLengths(
  who: string,
  lengths: Lengths | undefined,
  { steps, batch }: { steps: number; batch: number },
  name = 'lengths',
): Int32Array | undefined {
  if (lengths === undefined) return undefined
  const list = lengths instanceof Tensor ? (lengths.data as ArrayLike<number>) : lengths
  const isList = Array.isArray(list) || (ArrayBuffer.isView(list) && !(list instanceof DataView))
  if (!isList) fail('type', `${who}: ${name} is ${describeValue(lengths)}; expected ${batch} whole numbers`)
  if (list.length !== batch)
    fail('shape', `${who}: ${name} holds ${list.length} numbers; expected one for each of ${batch} samples`)
  for (let i = 0; i < batch; i++) {
    const length = list[i]
    if (Number.isInteger(length) && length! >= 0 && length! <= steps) continue
    fail('range', `${who}: ${name}[${i}] is ${describeValue(length)}; expected a whole number from 0 to T = ${steps}`)
  }
  return Int32Array.from(list)
}

/** Writes lengths into the core's memory. */
export function writeLengths(runtime: Runtime, address: number, lengths: Int32Array): void {
  runtime.heap.words.set(lengths, address >>> 2)
}

/** Lengths that a module has checked already. */
export function lengthsOf({ lengths }: { readonly lengths?: Lengths | undefined }): Int32Array | undefined {
  if (lengths === undefined) return undefined
  return Int32Array.from(lengths instanceof Tensor ? (lengths.data as ArrayLike<number>) : lengths)
}
