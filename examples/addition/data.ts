export interface Sum {
  readonly a: number
  readonly b: number
}

/** Sums apart by unordered pair: if 12+7 is in one part, 7+12 is in none of the others. */
export interface Split {
  readonly train: readonly Sum[]
  readonly validation: readonly Sum[]
  readonly test: readonly Sum[]
}

const NUMBERS = 100 // 0 to 99
const HELD_OUT = 505 // pairs in validation and in test each: a tenth of the 5,050 there are

/** Splits all unordered pairs of numbers below 100 at random, then lists each pair in both orders. */
export function splitByPair(seed: number): Split {
  const pairs = Array.from({ length: NUMBERS }, (_, a) => Array.from({ length: a + 1 }, (_, b) => ({ a, b }))).flat()
  shuffle(pairs, uniform(seed))
  return {
    test: bothOrders(pairs.slice(0, HELD_OUT)),
    validation: bothOrders(pairs.slice(HELD_OUT, 2 * HELD_OUT)),
    train: bothOrders(pairs.slice(2 * HELD_OUT)),
  }
}

/** a+b and b+a; a+a once. */
function bothOrders(pairs: readonly Sum[]): Sum[] {
  return pairs.flatMap(({ a, b }) =>
    a === b
      ? [{ a, b }]
      : [
          { a, b },
          { a: b, b: a },
        ],
  )
}

/** Fisher and Yates's shuffle, in place. */
function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
}

/** Uniform numbers in [0, 1), from Weyl's sequence through a mixer. @see splitmix32, the 32-bit form of Steele et al. 2014 */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32
  }
}
