// Teaches recurrent nets to read handwritten digits, a row or a pixel at a time, and tests them on digits they never met.
// node --import tsx examples/digits/main.ts [--quick]
import { createRuntime } from 'retrograd'
import { writeSafetensors } from 'retrograd/io'
import { isQuick } from '../kit/command.ts'
import { save } from '../kit/output.ts'
import { withBar } from '../kit/progress.ts'
import { readDigits, type Split, splitAtRandom } from './data.ts'
import { accuracy, createReader, stepsPerEpoch, train } from './model.ts'
import { drawDigits } from './picture.ts'
import { plotCurves } from './plot.ts'
import { byPixel, byRow, type Experiment } from './readings.ts'
import { type Part, type Run, tableOf } from './report.ts'

const QUICK = { epochs: 2, keptOf: 20 } // every 20th digit
const SAVED = { experiment: byRow, name: 'LSTM' }
const quick = isQuick()

const started = performance.now()
const digits = readDigits().filter((_, n) => !quick || n % QUICK.keptOf === 0)
const parts: Part[] = []
for (const experiment of [byRow, byPixel]) parts.push({ experiment, runs: await runAll(experiment) })

console.log(`\nOn the test part, a fifth of ${digits.length} digits`)
console.log(tableOf(parts))
console.log(`${((performance.now() - started) / 60_000).toFixed(1)} min in all`)

save('digits.svg', await plotCurves(parts))
save('digits-read.svg', await drawDigits(digits))
console.log('wrote out/digits.safetensors (LSTM by row, first seed), out/digits.svg and out/digits-read.svg')

async function runAll(experiment: Experiment): Promise<Run[]> {
  const runs: Run[] = []
  const seeds = quick ? experiment.seeds.slice(0, 1) : experiment.seeds
  for (const seed of seeds) {
    const split = splitAtRandom(digits, seed)
    for (const contestant of experiment.contestants) runs.push(await run(experiment, contestant, split, seed))
  }
  return runs
}

/** Trains one net behind a progress bar and tests it. */
async function run(
  { reading, hidden, ...experiment }: Experiment,
  { name, layer, rate }: Experiment['contestants'][number],
  split: Split,
  seed: number,
): Promise<Run> {
  const rt = await createRuntime({ seed })
  const model = createReader(rt, layer, reading, hidden)
  const epochs = quick ? QUICK.epochs : experiment.epochs

  const title = `${reading.name}, ${name}, seed ${seed}`
  const { result: history, seconds } = await withBar(title, epochs * stepsPerEpoch(split), (onProgress) =>
    train(model, reading, split, { epochs, rate, seed, onProgress }),
  )

  if (reading === SAVED.experiment.reading && name === SAVED.name && seed === SAVED.experiment.seeds[0]) {
    const metadata = { task: 'digits of 14 x 14 pixels in [0, 1], a row at a time', variant: rt.variant }
    save('digits.safetensors', writeSafetensors(model.stateDict(), metadata))
  }
  const result = { name, seed, history, test: accuracy(model, reading, split.test), seconds }
  rt.dispose()
  return result
}
