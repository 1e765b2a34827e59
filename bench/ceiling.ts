/** What can this machine do at all? Arithmetic with registers only, and reading from each cache, in WebAssembly. */
import { type Context, ceilingCase } from './support/context.ts'
import { compileKernels } from './support/kernels.ts'
import { measure } from './support/measure.ts'
import { hostRelaxes } from './support/variant.ts'

/** One buffer that fits each level of usual machines: 32 KB of L1, 1 MB of L2, 16 MB of L3; and one that fits none. */
const BUFFERS: readonly (readonly [string, number])[] = [
  ['read from L1 (24 KB)', 24 << 10],
  ['read from L2 (512 KB)', 512 << 10],
  ['read from L3 (8 MB)', 8 << 20],
  ['read from memory (30 MB)', 30 << 20],
]

const LOOPS = { simd: 'mul + add', relaxed: 'relaxed_madd' }

/** Bytes of a call: enough for the call itself not to count. */
const READ_BYTES = 30 << 20

export async function run({ effort, kernels, report }: Context): Promise<void> {
  for (const variant of hostRelaxes() ? (['simd', 'relaxed'] as const) : (['simd'] as const)) {
    const loop = ceilingCase({ kernels: await compileKernels(variant) })
    const { ceiling } = measure({ ceiling: loop.run }, effort)
    report.addRate('ceiling', `${LOOPS[variant]} in registers`, ceiling, loop.flops, 'GFLOP/s')
  }
  for (const [buffer, bytes] of BUFFERS) {
    const passes = Math.max(1, Math.floor(READ_BYTES / bytes))
    const { read } = measure({ read: () => kernels.read(bytes, passes) }, effort)
    report.addRate('ceiling', buffer, read, bytes * passes, 'GB/s')
  }
}
