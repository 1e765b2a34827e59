/** How near does one row by a matrix come to the speed at which its weights can be read from where they lie? */
import type { Context } from './support/context.ts'
import { measure, ratio } from './support/measure.ts'
import { prepare } from './support/products.ts'
import { product } from './support/scalar.ts'
import { ROW_PRODUCTS } from './support/shapes.ts'
import { verifyProduct } from './support/verify.ts'

export function run({ core, effort, kernels, report }: Context): void {
  for (const shape of ROW_PRODUCTS) {
    const { columns, depth, use } = shape
    const { a, b, c, run: call } = prepare(core, shape)
    call()
    verifyProduct(shape, a, b, c)
    const scalar = [a.slice(), b.slice(), c.slice()] as const
    const bytes = columns * depth * core.elementBytes
    const timings = measure(
      {
        call,
        read: () => kernels.read(bytes, 1),
        l2: () => kernels.read(512 << 10, 1),
        scalar: () => product(1, columns, depth, ...scalar),
      },
      effort,
    )
    report.addTime('gemv', `${use} ${columns}x${depth}`, timings.call, {
      beside: {
        'GB/s': bytes / timings.call.seconds / 1e9,
        'of reading as many bytes': 1 / ratio(timings.call, timings.read),
        'of L2': bytes / (512 << 10) / ratio(timings.call, timings.l2),
        'x scalar': ratio(timings.scalar, timings.call),
      },
    })
  }
}
