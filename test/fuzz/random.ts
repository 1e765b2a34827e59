import { generate } from '../support/generator.ts'

const CHUNK = 4096

/** Numbers in [0, 1), a function of the seed. */
export function randomOf(seed: number): () => number {
  let chunk: Float64Array = new Float64Array(0)
  let index = 0
  let count = 0
  return () => {
    if (index === chunk.length) [chunk, index] = [generate(seed, `fuzz ${count++}`, CHUNK), 0]
    return (chunk[index++]! + 1) / 2
  }
}
