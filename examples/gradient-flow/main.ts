// Shows how far back through time gradients reach in nets of the same size, as heat maps, and unrolls one of them as a graph.
// node --import tsx examples/gradient-flow/main.ts [--quick]
import { GRU, createRuntime } from 'retrograd'
import { unrolledGraph } from 'retrograd/inspect'
import { isQuick } from '../kit/command.ts'
import { save } from '../kit/output.ts'
import { formatTable } from '../kit/table.ts'
import { type Cell, measure } from './measure.ts'
import { plotFlow, plotLags } from './plot.ts'

const [steps, every] = isQuick() ? [24, 6] : [96, 4]

const { cells, parts, exponents } = await measure(steps, every)
save('gradient-flow.svg', await plotFlow(cells, steps, every))
save('gradient-by-lag.svg', await plotLags(parts))

const rows = Object.entries(exponents).map(([name, exponent]) => [
  name,
  shareAfter(cells, name, steps / 2).toExponential(1),
  exponent.toFixed(3),
])
console.log(formatTable(['', `share left after ${steps / 2} steps`, 'greatest Lyapunov exponent'], rows))

const rt = await createRuntime()
const skips = new GRU(rt, { inputSize: 1, hiddenSize: 1, skips: [3] })
save('unrolled.svg', unrolledGraph(skips, undefined, { steps: 6, truncation: { window: 3 } }).svg)
console.log('\nout/gradient-flow.svg: the heat maps; out/gradient-by-lag.svg: what paths of each lag bring')
console.log('out/unrolled.svg: a GRU with a skip, cut by a window of 3')

/** The share of the last loss that reaches the state so many steps back. */
function shareAfter(all: readonly Cell[], net: string, lag: number): number {
  return all.find((cell) => cell.net === net && cell.loss === steps && cell.step === steps - lag)!.share
}
