// A classifier without layers beside nets of the same cell unrolled to so many: accuracy, time, and memory by depth.
import {
  Adam,
  CosineAnnealingLR,
  createRuntime,
  crossEntropyLoss,
  DEQ,
  type DEQOptions,
  evaluate,
  fit,
  Linear,
  type Runtime,
  Sequential,
  type Tensor,
} from 'retrograd'
import { CLASSES, type Digit, PIXELS, readDigits, scaledPixels, type Split, splitAtRandom } from '../digits/data.ts'
import { drawLines } from '../kit/lines.ts'
import { withBar } from '../kit/progress.ts'
import { formatTable, mean, percent } from '../kit/table.ts'
import { check } from './check.ts'
import { figureOf, type Run } from './classifier-figure.ts'
import { BATCH, HIDDEN, implicit, memoryByDepth, unrolled } from './memory.ts'

const DEPTHS = [1, 2, 4, 8, 16, 32]
const SEEDS = [3, 4, 5]
const [EPOCHS, RATE, MAX_NORM] = [12, 0.003, 1]
/** Bounds ‖W‖, so that F contracts: a fixed point exists, plain iteration finds it, and every further layer comes closer to it. */
const SPECTRAL_NORM = 0.95
const QUICK = { keptOf: 10, epochs: 2, depths: [1, 4], memory: [1, 4, 16, 64] }
/** Greatest difference in test accuracy between the implicit net and the deepest one: the two compute nearly the same. */
const SAME_ACCURACY = 0.01

interface Contestant {
  readonly name: string
  readonly depth: number | undefined
  readonly options: Pick<DEQOptions, 'solver' | 'adjoint'>
}

export async function classifier(quick: boolean): Promise<string> {
  const memory = await memoryByDepth(quick ? QUICK.memory : [1, 2, 4, 8, 16, 32, 64, 128, 256])
  const digits = readDigits().filter((_, n) => !quick || n % QUICK.keptOf === 0)
  const contestants: Contestant[] = [
    ...(quick ? QUICK.depths : DEPTHS).map((depth) => ({
      name: `${depth} ${depth === 1 ? 'layer' : 'layers'}`,
      depth,
      options: unrolled(depth),
    })),
    { name: 'implicit', depth: undefined, options: implicit(1e-4) },
  ]
  const runs: Run[] = []
  for (const seed of quick ? SEEDS.slice(0, 1) : SEEDS) {
    const split = splitAtRandom(digits, seed)
    for (const contestant of contestants) runs.push(await run(contestant, split, seed, quick ? QUICK.epochs : EPOCHS))
  }
  report(contestants, runs, digits.length)
  return drawLines(figureOf(memory, runs))
}

/** Trains one net and tests it. */
async function run({ name, depth, options }: Contestant, split: Split, seed: number, epochs: number): Promise<Run> {
  const rt = await createRuntime({ seed })
  const deq = new DEQ(rt, { inputSize: PIXELS, hiddenSize: HIDDEN, spectralNorm: SPECTRAL_NORM, ...options })
  const model = new Sequential(rt, [deq, new Linear(rt, { inFeatures: HIDDEN, outFeatures: CLASSES })])
  const times = await train(model, split, { title: `${name}, seed ${seed}`, seed, epochs })
  const test = encode(rt, split.test)
  model.eval()
  const { metrics } = await evaluate(model, test, { loss: crossEntropyLoss, metrics: ['accuracy'] })
  const { info } = deq.forward(test.input)
  const result = {
    name,
    depth,
    accuracy: metrics!.accuracy!,
    millisecondsPerStep: tenth(times),
    iterations: mean([...info.iterations]),
    radius: deq.spectralRadius(),
  }
  rt.dispose()
  return result
}

/** Trains behind a progress bar; returns the milliseconds that each step took. */
async function train(
  model: Sequential,
  split: Split,
  { title, seed, epochs }: { title: string; seed: number; epochs: number },
): Promise<number[]> {
  const optimizer = new Adam(model, { lr: RATE })
  const times = [performance.now()]
  await withBar(title, epochs * Math.ceil(split.train.length / BATCH), (onProgress) =>
    fit(model, encode(model.runtime, split.train), {
      loss: crossEntropyLoss,
      optimizer,
      schedule: new CosineAnnealingLR(optimizer, { tMax: epochs }),
      epochs,
      batchSize: BATCH,
      clip: { norm: MAX_NORM },
      seed,
      onProgress: (progress) => {
        times.push(performance.now())
        onProgress(progress)
      },
    }),
  )
  return times.slice(1).map((time, i) => time - times[i]!)
}

const tenth = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 10)]!

/** Pixels, scaled, as [N, PIXELS] and labels [N]. */
function encode(rt: Runtime, digits: readonly Digit[]): { input: Tensor; target: Tensor } {
  const N = digits.length
  const labels = digits.map(({ label }) => label)
  return { input: rt.tensor(scaledPixels(digits), [N, PIXELS]), target: rt.indices(labels, [N]) }
}

function report(contestants: readonly Contestant[], runs: readonly Run[], digits: number): void {
  const rows = contestants.map(({ name }) => {
    const own = runs.filter((run) => run.name === name)
    return [
      name,
      own.map(({ accuracy }) => percent(accuracy)).join('  '),
      mean(own.map(({ millisecondsPerStep }) => millisecondsPerStep)).toFixed(2),
      mean(own.map(({ iterations }) => iterations)).toFixed(1),
      Math.max(...own.map(({ radius }) => radius)).toFixed(2),
    ]
  })
  console.log(`\nOn the test part, a fifth of ${digits} digits; one accuracy per seed`)
  console.log(formatTable(['', 'accuracy', 'ms per training step', 'iterations when tested', 'greatest ρ(J)'], rows))
  const deepest = runs.filter(({ depth }) => depth === DEPTHS.at(-1))
  for (const [i, { accuracy }] of runs.filter(({ depth }) => depth === undefined).entries()) {
    if (deepest.length === 0) break
    const claim = `the implicit net reads as well as ${deepest[i]!.name}, to ${100 * SAME_ACCURACY} points`
    check(Math.abs(accuracy - deepest[i]!.accuracy) <= SAME_ACCURACY, claim)
  }
}
