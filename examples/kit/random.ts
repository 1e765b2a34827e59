/** Draws that are the same on every machine. */

/** Uniform numbers in [0, 1), from Weyl's sequence through a mixer. @see splitmix32, the 32-bit form of Steele et al. 2014 */
export function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let bits = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
    return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32
  }
}

/** The items in a random order, by Fisher and Yates. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = uniform(seed)
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}
