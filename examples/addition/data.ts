import { shuffled } from '../kit/random.ts'

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
  const all = Array.from({ length: NUMBERS }, (_, a) => Array.from({ length: a + 1 }, (_, b) => ({ a, b }))).flat()
  const pairs = shuffled(all, seed)
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
