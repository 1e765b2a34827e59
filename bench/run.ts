/**
 * npm run bench -- [--quick] [--variant auto|simd|relaxed] [names…]
 * Prints each figure beside the ceiling or the baseline that it belongs to, and keeps them in out/bench.
 */
import { parseArgs } from 'node:util'
import * as activations from './activations.bench.ts'
import * as ceiling from './ceiling.ts'
import * as gemm from './gemm.bench.ts'
import * as gemv from './gemv.bench.ts'
import * as inspect from './inspect.bench.ts'
import * as lstm from './lstm.bench.ts'
import * as sizes from './sizes.bench.ts'
import * as start from './start.bench.ts'
import { chosen } from './support/command.ts'
import { type Context, makeContext } from './support/context.ts'
import { announce, keep } from './support/environment.ts'
import * as workloads from './workloads.bench.ts'

const BENCHES: Record<string, { run(context: Context): void | Promise<void> }> = {
  ceiling, gemm, gemv, activations, lstm, workloads, inspect, start, sizes,
} // prettier-ignore

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, variant: { type: 'string', default: 'auto' } },
  allowPositionals: true,
})
const names = chosen('bench', positionals, Object.keys(BENCHES))
const context = await makeContext(values.variant, values.quick)
const about = announce(context.variant, values.quick)
for (const name of names) await BENCHES[name]!.run(context)
context.report.summary()
const engine = about.engine.split(' ')[0]!.replace('/', '')
keep(`${about.commit}-${context.variant}-${engine}`, about, { figures: context.report.figures })
