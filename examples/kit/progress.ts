/** Progress bars. */
import { SingleBar } from 'cli-progress'

/** `fit`'s `onProgress`, called at every step; who trains by hand may also tell of several steps at once. */
export type OnProgress = (progress: { readonly loss: number; readonly stepsPerSecond?: number }, steps?: number) => void

/**
 * Trains behind a progress bar.
 *
 * @param steps of the whole training
 * @returns what the training gives, and the seconds that it took
 */
export async function withBar<T>(name: string, steps: number, train: (onProgress: OnProgress) => Promise<T>) {
  const format = `${name.padEnd(26)} {bar} {percentage}% | loss {loss} | {speed} steps/s`
  const bar = new SingleBar({ format, barsize: 28, noTTYOutput: true, notTTYSchedule: 5000 })
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  let taken = 0
  bar.start(steps, 0, { loss: '–', speed: '–' })
  const onProgress: OnProgress = ({ loss, stepsPerSecond }, more = 1) => {
    taken += more
    bar.update(taken, { loss: loss.toFixed(4), speed: (stepsPerSecond ?? taken / elapsed()).toFixed(0) })
  }
  try {
    return { result: await train(onProgress), seconds: elapsed() }
  } finally {
    bar.stop()
  }
}
