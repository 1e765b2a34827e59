import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { philoxReference } from '../reference/philox.ts'
import { loadCore } from '../support/core.ts'

const SEED = [0x243f6a88, 0x85a308d3] as const
const STREAM = [7, 11] as const
const SIGMAS = 5 // a right generator is that far off once in 1.7 million seeds, and the seed is fixed

/** Random123's kat_vectors for philox4x32 with 10 rounds: counter, key, words. */
const KNOWN_ANSWERS = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
]

type Draw = {
  variant?: 'simd' | 'float64'
  low?: number
  high?: number
  seed?: readonly [number, number]
  stream?: readonly [number, number]
}

function corePhilox(counter: readonly number[], key: readonly number[]): number[] {
  const { exports, memory, heap } = loadCore('simd')
  exports.philox(...counter, ...key, heap)
  return [...new Uint32Array(memory.buffer, heap, 4)]
}

function uniform(count: number, { variant = 'simd', low = 0, high = 1, seed = SEED, stream = STREAM }: Draw = {}) {
  const { exports, memory, heap } = loadCore(variant)
  const start = Math.ceil(heap / 16) * 16
  const ArrayType = variant === 'simd' ? Float32Array : Float64Array
  const missing = start + count * ArrayType.BYTES_PER_ELEMENT - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / 65536))
  exports.fillUniform(count, low, high, ...seed, ...stream, start)
  return Array.from(new ArrayType(memory.buffer, start, count))
}

const words = suite('philox')

for (const { counter, key, words: expected } of KNOWN_ANSWERS)
  words(`known answer for counter ${counter.map((word) => word.toString(16))}`, () => {
    assert.equal(corePhilox(counter, key), expected)
    assert.equal(philoxReference(counter, key), expected)
  })

words('equals the reference where each word of counter and key is its own', () => {
  for (let i = 0; i < 6; i++) {
    const flags = Array.from({ length: 6 }, (_, j) => (i === j ? 0x89abcdef : j))
    assert.equal(corePhilox(flags.slice(0, 4), flags.slice(4)), philoxReference(flags.slice(0, 4), flags.slice(4)))
  }
})

const fill = suite('fillUniform')

fill('float32: element i is 24 bits of word i % 4 of block i / 4', () => {
  const expected = Array.from({ length: 11 }, (_, i) => {
    const block = philoxReference([Math.floor(i / 4), 0, ...STREAM], SEED)
    return (block[i % 4] >>> 8) / 2 ** 24
  })
  assert.equal(uniform(11), expected)
})

fill('float64: element i is 53 bits of two words of block i / 2', () => {
  const expected = Array.from({ length: 7 }, (_, i) => {
    const block = philoxReference([Math.floor(i / 2), 0, ...STREAM], SEED)
    return block[2 * (i % 2)] / 2 ** 32 + (block[2 * (i % 2) + 1] >>> 11) / 2 ** 53
  })
  assert.equal(uniform(7, { variant: 'float64' }), expected)
})

for (const variant of ['simd', 'float64'] as const) {
  fill(`${variant}: an element depends neither on the count nor on what was drawn before`, () => {
    const long = uniform(1000, { variant })
    for (const count of [1, 2, 3, 5, 31]) assert.equal(uniform(count, { variant }), long.slice(0, count))
  })

  fill(`${variant}: seed and stream, both words of each, change every element`, () => {
    const base = uniform(64, { variant })
    const others: Draw[] = [{ seed: [1, SEED[1]] }, { seed: [SEED[0], 1] }, { stream: [8, 11] }, { stream: [7, 12] }]
    for (const other of others) uniform(64, { variant, ...other }).forEach((value, i) => assert.is.not(value, base[i]))
  })

  fill(`${variant}: writes count elements and no more`, () => {
    const { memory, heap } = loadCore(variant)
    const start = Math.ceil(heap / 16) * 16
    new Uint8Array(memory.buffer, start, 256).fill(0xa5)
    const bytes = (variant === 'simd' ? 4 : 8) * uniform(5, { variant }).length
    const after = new Uint8Array(memory.buffer, start + bytes, 256 - bytes)
    assert.ok(after.every((byte) => byte === 0xa5))
  })
}

fill('lies in [low, high)', () => {
  for (const variant of ['simd', 'float64'] as const)
    for (const value of uniform(1 << 16, { variant, low: -0.25, high: 0.5 }))
      if (!(value >= -0.25 && value < 0.5)) assert.unreachable(`${value}`)
})

fill('mean and variance are those of the uniform distribution', () => {
  const n = 1 << 18
  const values = uniform(n)
  const mean = values.reduce((sum, x) => sum + x, 0) / n
  const variance = values.reduce((sum, x) => sum + (x - 0.5) ** 2, 0) / n
  assert.ok(Math.abs(mean - 1 / 2) < SIGMAS * Math.sqrt(1 / 12 / n), `mean ${mean}`)
  // (x - 1/2)^2 has the variance 1/80 - 1/144 = 1/180.
  assert.ok(Math.abs(variance - 1 / 12) < SIGMAS * Math.sqrt(1 / 180 / n), `variance ${variance}`)
})

fill('bins fill evenly, and so do pairs of neighbours', () => {
  const bins = 64
  const values = uniform(1 << 18)
  const single = chiSquared(
    bins,
    values.map((x) => Math.floor(x * bins)),
  )
  const pairs = chiSquared(
    bins,
    values.slice(1).map((x, i) => Math.floor(x * 8) * 8 + Math.floor(values[i] * 8)),
  )
  // chi-squared of k degrees of freedom has mean k and variance 2 k.
  for (const chi of [single, pairs])
    assert.ok(Math.abs(chi - (bins - 1)) < SIGMAS * Math.sqrt(2 * (bins - 1)), `chi-squared ${chi}`)
})

function chiSquared(bins: number, places: number[]): number {
  const counts = new Float64Array(bins)
  for (const place of places) counts[place]++
  const expected = places.length / bins
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

words.run()
fill.run()
