/** One workload beside the time that its products alone take, measured in turn. */
import type { Context } from './context.ts'
import { measure, ratio } from './measure.ts'
import { workloadProducts } from './products.ts'
import type { Figure } from './report.ts'
import { product } from './scalar.ts'
import type { Workload } from './shapes.ts'

export interface WorkloadOptions {
  readonly bench: string
  readonly call: () => unknown
  /** The same in scalar JavaScript; without it, the time that its products would take in a scalar loop. */
  readonly scalar?: () => unknown
  /** Greatest ratio to the products' time. */
  readonly target?: number
}

const SCALAR = { rows: 32, columns: 512, depth: 128 }
const SCALAR_FLOPS = 2 * SCALAR.rows * SCALAR.columns * SCALAR.depth

export function timeWorkload({ core, effort, report }: Context, workload: Workload, options: WorkloadOptions): void {
  const { bench, call, target } = options
  const products = workloadProducts(core, workload)
  const scalar = options.scalar ?? scalarProduct
  const timings = measure({ call, products: products.run, scalar }, effort)
  const times = ratio(timings.call, timings.products)
  const scalarTimes = ratio(timings.scalar, timings.call) * (options.scalar ? 1 : products.flops / SCALAR_FLOPS)
  const beside = {
    'x its products': times,
    'products ms': timings.products.seconds * 1e3,
    [options.scalar ? 'x scalar' : 'x scalar products']: scalarTimes,
  }
  const rest: Partial<Figure> = target ? { target: { reached: times, bound: target, sense: 'at most' } } : {}
  report.addTime(bench, workload.name, timings.call, { beside, ...rest })
}

const [a, b, c] = [
  new Float32Array(SCALAR.rows * SCALAR.depth).fill(0.5),
  new Float32Array(SCALAR.depth * SCALAR.columns).fill(0.5),
  new Float32Array(SCALAR.rows * SCALAR.columns),
] as const

function scalarProduct(): void {
  product(SCALAR.rows, SCALAR.columns, SCALAR.depth, a, b, c)
}
