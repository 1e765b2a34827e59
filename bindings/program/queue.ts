/** Whole numbers that come in any order and go in rising order. */
export class Queue {
  readonly #heap: number[] = []

  push(value: number): void {
    const heap = this.#heap
    let at = heap.push(value) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (heap[above]! <= value) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = value
  }

  pop(): number | undefined {
    const heap = this.#heap
    const [first, last] = [heap[0], heap.pop()]
    if (heap.length > 0) this.#sink(last!)
    return first
  }

  /** Places a value from the top, which is free, downward. */
  #sink(value: number): void {
    const heap = this.#heap
    let at = 0
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && heap[below + 1]! < heap[below]!) below++
      if (heap[below]! >= value) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = value
  }
}
