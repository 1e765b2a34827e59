/** How long `fit` may hold the event loop. */
const YIELD_AFTER_MS = 50

/** Measures the rate of steps, and lets the event loop run now and then. */
export class Clock {
  readonly #start = performance.now()
  #last = performance.now()

  rate(steps: number): number {
    return (1000 * steps) / Math.max(performance.now() - this.#start, 1e-3)
  }

  async breathe(): Promise<void> {
    if (performance.now() - this.#last < YIELD_AFTER_MS) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    this.#last = performance.now()
  }
}
