/** What an AbortSignal does to whoever waits. */

/** An AbortSignal, or what is like one. */
export interface AbortSignalLike {
  readonly aborted: boolean
  addEventListener?(type: 'abort', listener: () => void): void
  removeEventListener?(type: 'abort', listener: () => void): void
}

const ABORTED = Symbol('aborted')

export class Abort {
  readonly #signal: AbortSignalLike | undefined
  /** One for all waits: a promise that is raced against again and again would hold all who did. */
  #wake: (() => void) | undefined
  readonly #listener = (): void => this.#wake?.()

  constructor(signal?: AbortSignalLike) {
    this.#signal = signal
    signal?.addEventListener?.('abort', this.#listener)
  }

  get isCalled(): boolean {
    return this.#signal?.aborted === true
  }

  /** Waits for what is pending, but no longer than until the signal; one wait at a time. @returns whether it was worth it */
  async wait<Value>(pending: PromiseLike<Value> | Value): Promise<{ value: Value } | undefined> {
    if (!this.#signal) return { value: await pending }
    const settled = await new Promise<Value | typeof ABORTED>((resolve, reject) => {
      this.#wake = () => resolve(ABORTED)
      Promise.resolve(pending).then(resolve, reject)
      if (this.isCalled) this.#wake()
    })
    this.#wake = undefined
    return settled === ABORTED ? undefined : { value: settled }
  }

  /** What an iterable gives until the signal; it is told that no more is wanted, and not waited for then. */
  async *through<Item>(items: Iterable<Item> | AsyncIterable<Item>): AsyncGenerator<Item> {
    const iterator = iteratorOf(items)
    // an iterator that throws has ended by itself
    let isOver = true
    try {
      for (;;) {
        const next = await this.wait(iterator.next())
        isOver = next?.value.done === true
        if (!next || isOver) return
        const item = await this.wait(next.value.value as Item | PromiseLike<Item>)
        if (!item) return
        yield item.value
        isOver = true
      }
    } finally {
      if (!isOver) await this.wait(giveUp(iterator))
    }
  }

  dispose(): void {
    this.#signal?.removeEventListener?.('abort', this.#listener)
  }
}

type AnyIterator<Item> = Iterator<Item> | AsyncIterator<Item>

function iteratorOf<Item>(items: Iterable<Item> | AsyncIterable<Item>): AnyIterator<Item> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
}

/** What goes wrong in leaving is no longer of interest. */
async function giveUp(iterator: AnyIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.()
  } catch {}
}
