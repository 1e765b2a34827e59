// Trains plain and gated recurrent nets on problems of long memory, beside the loss of who remembers nothing.
// node --import tsx examples/long-memory/main.ts [--quick] [--only adding|copying|truncation]
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { createRuntime } from 'retrograd'
import { adding, type Contestant, type Experiment, longCopy, shortCopy, truncation } from './experiments.ts'
import { createNet } from './nets.ts'
import { plotCurves } from './plot.ts'
import { formatTable, type Run } from './report.ts'
import { INTERVAL, test, train } from './training.ts'

const QUICK_STEPS = 2 * INTERVAL
const { quick, only } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
}).values
// Seeds 1 and 2 were used up in the search for the settings.
const seeds = quick ? [3] : [3, 4, 5]
/** Each figure shows its experiments one below the other. */
const all = [
  { name: 'adding', title: 'The adding problem', experiments: [adding] },
  { name: 'copying', title: 'Copy memory', experiments: [shortCopy, longCopy] },
  { name: 'truncation', title: 'Copy memory with gradients cut short', experiments: [truncation] },
]
const figures = all.filter(({ name }) => only === undefined || name === only)
if (figures.length === 0) throw new Error(`--only ${only}: expected ${all.map(({ name }) => name).join(', ')}`)
mkdirSync('out', { recursive: true })

const started = performance.now()
const tables: string[] = []
for (const { name, title, experiments } of figures) {
  const panels: { experiment: Experiment; runs: Run[] }[] = []
  for (const experiment of experiments) panels.push({ experiment, runs: await runAll(experiment) })
  tables.push(...panels.map(({ experiment, runs }) => formatTable(experiment, runs)))
  writeFileSync(`out/long-memory-${name}.svg`, await plotCurves(title, panels))
}

console.log(`\nOn 1,000 new sequences\n\n${tables.join('\n\n')}`)
console.log(`\n${((performance.now() - started) / 60_000).toFixed(1)} min in all`)
console.log(`wrote ${figures.map(({ name }) => `out/long-memory-${name}.svg`).join(', ')}`)

async function runAll(experiment: Experiment): Promise<Run[]> {
  const runs: Run[] = []
  console.log(`\n${experiment.title} (baseline ${experiment.problem.baseline.toFixed(4)})`)
  for (const contestant of experiment.contestants)
    for (const seed of seeds) runs.push(await run(experiment, contestant, seed))
  return runs
}

/** Trains one net behind a progress bar and tests it. */
async function run({ problem, hidden, ...experiment }: Experiment, contestant: Contestant, seed: number): Promise<Run> {
  const { name, layer, rate, truncation } = contestant
  const rt = await createRuntime({ seed })
  const net = createNet(rt, layer, problem, hidden)
  const steps = quick ? QUICK_STEPS : experiment.steps

  const started = performance.now()
  const bar = startBar(`${name}, seed ${seed}`, steps)
  const onInterval = (loss: number) => bar.increment(INTERVAL, { loss: loss.toFixed(4) })
  const curve = await train(rt, net, problem, { steps, rate, seed, truncation, onInterval })
  bar.stop()
  const seconds = (performance.now() - started) / 1000

  const result = { name, seed, curve, test: test(rt, net, problem, seed), seconds }
  rt.dispose()
  return result
}

function startBar(name: string, steps: number): SingleBar {
  const format = `${name.padEnd(22)} {bar} {percentage}% | loss {loss} | {duration} s`
  const bar = new SingleBar({ format, barsize: 28, noTTYOutput: true, notTTYSchedule: 5000 })
  bar.start(steps, 0, { loss: '–' })
  return bar
}
