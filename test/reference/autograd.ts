/** Reverse-mode differentiation of plain float64 scalars: every operation leaves its value and its derivatives. */

/** A number on the tape, by its place. */
export type Scalar = number

export class ScalarTape {
  readonly values: number[] = []
  readonly #left: number[] = []
  readonly #right: number[] = []
  readonly #dLeft: number[] = []
  readonly #dRight: number[] = []

  /** A leaf: a number that nothing was computed from. */
  leaf(value: number): Scalar {
    return this.#push(value, 0, 0, 0, 0)
  }

  /** The same number, without its history. */
  detach(a: Scalar): Scalar {
    return this.leaf(this.values[a]!)
  }

  add(a: Scalar, b: Scalar): Scalar {
    return this.#push(this.values[a]! + this.values[b]!, a, 1, b, 1)
  }

  mul(a: Scalar, b: Scalar): Scalar {
    return this.#push(this.values[a]! * this.values[b]!, a, this.values[b]!, b, this.values[a]!)
  }

  /** A function of one number, given its value and its derivative there. */
  apply(a: Scalar, value: number, derivative: number): Scalar {
    return this.#push(value, a, derivative, a, 0)
  }

  oneMinus(a: Scalar): Scalar {
    return this.apply(a, 1 - this.values[a]!, -1)
  }

  tanh(a: Scalar): Scalar {
    const y = Math.tanh(this.values[a]!)
    return this.apply(a, y, 1 - y * y)
  }

  sigmoid(a: Scalar): Scalar {
    const y = 1 / (1 + Math.exp(-this.values[a]!))
    return this.apply(a, y, y * (1 - y))
  }

  relu(a: Scalar): Scalar {
    return this.apply(a, Math.max(this.values[a]!, 0), Number(this.values[a]! > 0))
  }

  /** Gradients of Σ seed · value by every number on the tape. */
  backward(seeds: Iterable<readonly [Scalar, number]>): Float64Array {
    const gradients = new Float64Array(this.values.length)
    for (const [place, seed] of seeds) gradients[place]! += seed
    for (let i = gradients.length - 1; i >= 0; i--) {
      const gradient = gradients[i]!
      if (gradient === 0) continue
      gradients[this.#left[i]!]! += gradient * this.#dLeft[i]!
      gradients[this.#right[i]!]! += gradient * this.#dRight[i]!
    }
    return gradients
  }

  #push(value: number, left: Scalar, dLeft: number, right: Scalar, dRight: number): Scalar {
    this.#left.push(left)
    this.#right.push(right)
    this.#dLeft.push(dLeft)
    this.#dRight.push(dRight)
    return this.values.push(value) - 1
  }
}
