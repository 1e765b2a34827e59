import { Adam, clipGradNorm, type Module, type Runtime, type Tensor } from 'retrograd'
import type { OnProgress } from '../kit/progress.ts'
import { uniform } from '../kit/random.ts'
import type { Net } from './nets.ts'
import type { Batch, Problem } from './problem.ts'

const BATCH = 32
const MAX_NORM = 1
/** The last share of the steps, over which the learning rate falls to 0. */
const COOLDOWN = 0.25
/** Steps whose mean loss is one point of the curve. */
export const INTERVAL = 20
const TEST_SEQUENCES = 1000
/** Keeps the test's sequences apart from those of training. */
const TEST_SEED = 1_000_000

export interface TrainOptions {
  readonly steps: number
  readonly rate: number
  readonly seed: number
  /** Steps back that a gradient may go, in blocks of `stride` losses; all if left out. */
  readonly truncation?: { readonly window: number; readonly stride: number } | undefined
  /** Called once per INTERVAL. */
  readonly onProgress?: OnProgress
}

/** What the net does with sequences it has not met. */
export interface TestResult {
  readonly loss: number
  /** Share of answers that count as right. */
  readonly right: number
}

/**
 * Trains on new sequences at every step: no sequence comes twice, so the loss before each update is a test loss as well.
 *
 * @returns the mean loss of each INTERVAL of steps
 */
export async function train(rt: Runtime, net: Net, problem: Problem, options: TrainOptions): Promise<number[]> {
  const { steps, rate, seed, truncation, onProgress } = options
  const random = uniform(seed)
  const batch = problem.batch(rt, BATCH)
  const modules: Module[] = [net.recurrent, net.readout]
  const optimizer = new Adam(modules, { lr: rate })
  const curve: number[] = []

  for (let step = 1, total = 0; step <= steps; step++) {
    batch.fill(random)
    optimizer.lr = rate * Math.min(1, (steps + 1 - step) / (COOLDOWN * steps))
    for (const module of modules) module.zeroGrad()
    total += backward(net, problem, batch, truncation)
    clipGradNorm(modules, MAX_NORM)
    optimizer.step()
    if (step % INTERVAL > 0) continue
    const loss = total / INTERVAL
    curve.push(loss)
    onProgress?.({ loss }, INTERVAL)
    total = 0
    await new Promise(setImmediate) // the progress bar's timer has its turn
  }
  dispose(batch)
  return curve
}

/** Adds the gradients of one batch and returns its loss. */
function backward(net: Net, problem: Problem, batch: Batch, truncation: TrainOptions['truncation']): number {
  const hidden = net.recurrent.forward(batch.input, truncation ? { truncation } : {}).output
  const { value, grad } = problem.loss(net.readout.forward(hidden).output, batch.target, {})
  const { input } = net.readout.backward({ output: grad })
  net.recurrent.backward({ output: input as Tensor }, { inputGradient: false })
  return value
}

export function test(rt: Runtime, net: Net, problem: Problem, seed: number): TestResult {
  const batch = problem.batch(rt, TEST_SEQUENCES)
  batch.fill(uniform(TEST_SEED + seed))
  const hidden = net.recurrent.forward(batch.input, { tape: false }).output
  const { output } = net.readout.forward(hidden, { tape: false })
  const result = { loss: problem.loss(output, batch.target, {}).value, right: problem.right(output, batch.target) }
  dispose(batch)
  return result
}

function dispose({ input, target }: Batch): void {
  input.dispose()
  target.dispose()
}
