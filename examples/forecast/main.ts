// Forecasts tomorrow's births in the United States with a small GRU, beside the baselines it must beat.
// node --import tsx examples/forecast/main.ts [--quick]
import { createRuntime, type Runtime, type Sequential } from 'retrograd'
import { writeSafetensors } from 'retrograd/io'
import { isQuick } from '../kit/command.ts'
import { save } from '../kit/output.ts'
import { withBar } from '../kit/progress.ts'
import { naive, score } from './baselines.ts'
import { climatology } from './climatology.ts'
import { readBirths, splitByYear } from './data.ts'
import { buildFeatures } from './features.ts'
import { createGru, createLinear, forecast, STEPS_PER_EPOCH, train, type Problem } from './model.ts'
import { plotForecast } from './plot.ts'
import { type Entry, tableOf } from './report.ts'

const PLOT_DAYS = 48
const quick = isQuick()
const seeds = quick ? [1] : [1, 2, 3]
const epochs = quick ? 3 : 30

const series = readBirths()
const split = splitByYear(series)
const problem: Problem = { series, split, features: buildFeatures(series, split.train) }
const { test } = split

const started = performance.now()
const linears: Float64Array[] = []
const grus: Float64Array[] = []
for (const seed of seeds) {
  const rt = await createRuntime({ seed })
  linears.push(await run(rt, createLinear(rt), `linear model, seed ${seed}`, seed))
  const gru = createGru(rt)
  grus.push(await run(rt, gru, `GRU, seed ${seed}`, seed))
  if (seed === seeds[0]) saveModel(rt, gru)
  rt.dispose()
}
const seconds = (performance.now() - started) / 1000

console.log(`\nOne day ahead, on the ${test.end - test.start} days of 2013 and 2014 (the test part)`)
const entries: [string, Float64Array[]][] = [
  ['last value', [naive(series, 1)]],
  ['seasonal naive, 7 days', [naive(series, 7)]],
  ['seasonal naive, 364 days', [naive(series, 364)]],
  ['climatology', [climatology(series, split)]],
  ['linear model, same inputs', linears],
  ['GRU', grus],
]
const toEntry = ([name, forecasts]: [string, Float64Array[]]): Entry => ({
  name,
  scores: forecasts.map((births) => score(series, births, test)),
})
console.log(tableOf(entries.map(toEntry)))
console.log(`mean ± standard deviation over ${seeds.length} seed(s); trained in ${seconds.toFixed(1)} s`)

const recent = { start: test.end - PLOT_DAYS, end: test.end }
const forecasts = { 'GRU, one day ahead': grus[0]!, 'seasonal naive (a week ago)': naive(series, 7) }
save('forecast.svg', await plotForecast(series, recent, forecasts))
console.log('wrote out/model.safetensors and out/forecast.svg (both of the first seed)')

/** Trains a model behind a progress bar and forecasts the test part. */
async function run(rt: Runtime, model: Sequential, name: string, seed: number): Promise<Float64Array> {
  await withBar(name, epochs * STEPS_PER_EPOCH, (onProgress) => train(rt, model, problem, { epochs, seed, onProgress }))
  return forecast(rt, model, problem.features, test)
}

/** Saves the weights under PyTorch's names, with what a user of the file needs to know. */
function saveModel(rt: Runtime, model: Sequential): void {
  const metadata = {
    task: 'US daily births, one day ahead: change against a week ago',
    variant: rt.variant,
    scales: JSON.stringify(problem.features.scales),
  }
  save('model.safetensors', writeSafetensors(model.stateDict(), metadata))
}
