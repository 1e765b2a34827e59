/** How a tensor looks where it is printed. */
import type { Tensor } from './tensor.ts'

/** Values that are shown; of more, the first ones. */
const SHOWN = 8
/** Digits that tell float32 values apart at a glance. */
const DIGITS = 5

/** `Tensor [2, 3] float32 [1, 2.5, -0.33333, …]`, in one line: shape, type, and the first values in row-major order. */
export function tensorText(tensor: Tensor): string {
  const { shape, kind, runtime, disposed, size, address } = tensor
  const head = `Tensor [${shape.join(', ')}] ${kind === 'int32' ? kind : runtime.dtype}`
  if (disposed) return `${head} (disposed)`
  const first = Array.from(runtime.arrayAt(address, Math.min(size, SHOWN), kind), (v) =>
    String(Number(v.toPrecision(DIGITS))),
  )
  return `${head} [${[...first, ...(size > SHOWN ? ['…'] : [])].join(', ')}]`
}
