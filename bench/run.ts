/**
 * npm run bench -- [--quick] [--variant auto|simd|relaxed] [names…]
 * Prints each figure beside the ceiling or the baseline that it belongs to, and keeps them in out/bench.
 */
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import * as activations from './activations.bench.ts'
import * as ceiling from './ceiling.ts'
import * as gemm from './gemm.bench.ts'
import * as gemv from './gemv.bench.ts'
import * as inspect from './inspect.bench.ts'
import * as lstm from './lstm.bench.ts'
import * as sizes from './sizes.bench.ts'
import * as start from './start.bench.ts'
import { type Context, makeContext } from './support/context.ts'
import { environment } from './support/report.ts'
import * as workloads from './workloads.bench.ts'

const BENCHES: Record<string, { run(context: Context): void | Promise<void> }> = {
  ceiling, gemm, gemv, activations, lstm, workloads, inspect, start, sizes,
} // prettier-ignore

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, variant: { type: 'string', default: 'auto' } },
  allowPositionals: true,
})
const unknown = positionals.find((name) => !Object.hasOwn(BENCHES, name))
if (unknown !== undefined)
  throw new Error(`no bench is called ${unknown}; there are ${Object.keys(BENCHES).join(', ')}`)

const context = await makeContext(values.variant, values.quick)
const about = environment(context.variant, values.quick)
for (const [name, value] of Object.entries(about)) console.log(`${name.padEnd(8)} ${value}`)
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) await BENCHES[name]!.run(context)
context.report.summary()
console.log(`\nload at the end ${loadavg()[0]!.toFixed(1)}: above ${cpus().length} the figures are disturbed`)
console.log(`kept in ${context.report.save(about)}`)
