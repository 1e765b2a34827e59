/** How near do the matrix products come to the arithmetic ceiling, square and at the shapes of real models? */
import { type Context, ceilingCase } from './support/context.ts'
import { type Timing, measure, ratio } from './support/measure.ts'
import { prepare } from './support/products.ts'
import { product } from './support/scalar.ts'
import { type Product, RNN_PRODUCTS, SQUARES, flopsOf } from './support/shapes.ts'
import { verifyProduct } from './support/verify.ts'

const TARGET = 0.85

/** The scalar loop's speed hardly depends on the shape. */
const SCALAR = { form: 'packed', use: 'scalar', rows: 32, columns: 512, depth: 128 } as const

/** One row is bound by reading the weights: see gemv.bench.ts. Of the squares, the target names 512. */
const hasTarget = ({ use, rows, columns }: Product): boolean => rows > 1 && (use !== 'square' || columns === 512)

export function run(context: Context): void {
  const scalar = scalarRate(context)
  for (const shape of [...SQUARES, ...RNN_PRODUCTS]) {
    const { a, b, c, run: call } = prepare(context.core, shape)
    call()
    verifyProduct(shape, a, b, c)
    const ceiling = ceilingCase(context)
    const timings = measure({ ceiling: ceiling.run, product: call }, context.effort)
    const share = ceilingShare(timings, flopsOf(shape) / ceiling.flops)
    const rate = flopsOf(shape) / timings.product.seconds / 1e9
    const beside = { 'of ceiling': share, 'x scalar': rate / scalar }
    const target = { reached: share, bound: TARGET, sense: 'at least' } as const
    const rest = hasTarget(shape) ? { beside, target } : { beside }
    context.report.addRate('gemm', label(shape), timings.product, flopsOf(shape), 'GFLOP/s', rest)
  }
}

function ceilingShare({ ceiling, product: timed }: { ceiling: Timing; product: Timing }, work: number): number {
  return work / ratio(timed, ceiling)
}

function label({ form, rows, columns, depth, use }: Product): string {
  return `${use} ${form === 'tn' ? 'AᵀB ' : ''}${rows}x${columns}x${depth}`
}

function scalarRate({ core, effort, report }: Context): number {
  const { rows, columns, depth } = SCALAR
  const { a, b, c } = prepare(core, SCALAR)
  const arrays = [a.slice(), b.slice(), c.slice()] as const
  product(rows, columns, depth, ...arrays)
  verifyProduct(SCALAR, ...arrays)
  const { scalar } = measure({ scalar: () => product(rows, columns, depth, ...arrays) }, effort)
  report.addRate('gemm', 'scalar JavaScript 32x512x128', scalar, flopsOf(SCALAR), 'GFLOP/s')
  return flopsOf(SCALAR) / scalar.seconds / 1e9
}
