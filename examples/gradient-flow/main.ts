// Shows how far back through time gradients reach in nets of the same size, as heat maps, and unrolls one of them as a graph.
// node --import tsx examples/gradient-flow/main.ts [--quick]
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { GRU, createRuntime } from 'retrograd'
import { unrolledGraph } from 'retrograd/inspect'
import { type Cell, measure } from './measure.ts'
import { plotFlow, plotLags } from './plot.ts'

const { quick } = parseArgs({ options: { quick: { type: 'boolean', default: false } } }).values
const [steps, every] = quick ? [24, 6] : [96, 4]
mkdirSync('out', { recursive: true })

const { cells, parts, exponents } = await measure(steps, every)
writeFileSync('out/gradient-flow.svg', await plotFlow(cells, steps, every))
writeFileSync('out/gradient-by-lag.svg', await plotLags(parts))

const width = Math.max(...Object.keys(exponents).map((name) => name.length))
console.log(`${''.padEnd(width)}  share left after ${steps / 2} steps   greatest Lyapunov exponent`)
for (const [name, exponent] of Object.entries(exponents)) {
  const share = shareAfter(cells, name, steps / 2)
  console.log(`${name.padEnd(width)}  ${share.toExponential(1).padStart(24)}   ${exponent.toFixed(3).padStart(26)}`)
}

const rt = await createRuntime()
const skips = new GRU(rt, { inputSize: 1, hiddenSize: 1, skips: [3] })
writeFileSync('out/unrolled.svg', unrolledGraph(skips, undefined, { steps: 6, truncation: { window: 3 } }).svg)
console.log('\nout/gradient-flow.svg: the heat maps; out/gradient-by-lag.svg: what paths of each lag bring')
console.log('out/unrolled.svg: a GRU with a skip, cut by a window of 3')

/** The share of the last loss that reaches the state so many steps back. */
function shareAfter(all: readonly Cell[], net: string, lag: number): number {
  return all.find((cell) => cell.net === net && cell.loss === steps && cell.step === steps - lag)!.share
}
