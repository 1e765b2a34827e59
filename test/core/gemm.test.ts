import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { blockedGemmReference, gemmReference } from '../reference/gemm.ts'
import { type CoreVariant, arrays, loadCore } from '../support/core.ts'
import { generate } from '../support/generator.ts'

/** Rows 1 to 13 take every tile height and mix; columns and depths straddle panels (8, 4) and blocks (256, 128). */
const SHAPES: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 16, 7],
  [1, 37, 5],
  [1, 60, 9],
  [2, 17, 300],
  [3, 8, 3],
  [4, 9, 260],
  [5, 33, 17],
  [6, 8, 8],
  [7, 12, 4],
  [8, 16, 16],
  [9, 24, 2],
  [10, 40, 9],
  [11, 5, 1],
  [12, 3, 129],
  [13, 130, 257],
  [31, 264, 20],
  [64, 24, 30],
  [33, 300, 40],
]
const GUARD = 12345
const FORMS = ['x Wᵀ', 'dY W', 'Aᵀ B'] as const

function product(variant: CoreVariant, form: (typeof FORMS)[number], rows: number, columns: number, depth: number) {
  const core = loadCore(variant)
  const { packTransposed, packPlain, gemmPacked, gemmTn, packedElements, gemmTnScratch } = core.exports
  const scratch = Math.max(packedElements!(columns, depth), gemmTnScratch!(columns))
  const [a, b, c, panels] = arrays(core, rows * depth, columns * depth, rows * columns + 8, scratch)
  a!.data.set(generate(1, 'a', rows * depth))
  b!.data.set(generate(2, 'b', columns * depth))
  c!.data.fill(GUARD)
  c!.data.set(generate(3, 'c', rows * columns))
  const [start, guard] = [c!.data.slice(0, rows * columns), () => c!.data.subarray(rows * columns)]
  if (form === 'Aᵀ B')
    gemmTn!(depth, rows, columns, a!.address, rows, b!.address, columns, c!.address, columns, panels!.address)
  else {
    if (form === 'x Wᵀ') packTransposed!(columns, depth, b!.address, depth, panels!.address)
    else packPlain!(columns, depth, b!.address, columns, panels!.address)
    gemmPacked!(rows, columns, depth, a!.address, depth, panels!.address, c!.address, columns, c!.address, columns)
  }
  assert.ok(
    guard().every((word) => word === GUARD),
    'nothing beside C is written',
  )
  return { a: a!.data, b: b!.data, start, result: c!.data.slice(0, rows * columns) }
}

for (const variant of ['simd', 'debug', 'float64'] as const) {
  for (const form of FORMS) {
    const test = suite(`C += ${form} gives the bits of the sum in order (${variant})`)
    for (const [rows, columns, depth] of SHAPES) {
      test(`${rows} x ${columns}, ${depth} terms`, () => {
        const { a, b, start, result } = product(variant, form, rows, columns, depth)
        const round = variant === 'float64' ? (x: number) => x : Math.fround
        const at = {
          a: (i: number, k: number) => (form === 'Aᵀ B' ? a[k * rows + i]! : a[i * depth + k]!),
          b: (k: number, j: number) => (form === 'x Wᵀ' ? b[j * depth + k]! : b[k * columns + j]!),
        }
        const sizes = [rows, columns, depth, at.a, at.b, start, round] as const
        // sums over rows are made in blocks of as many as the packed rows hold: 1 KB
        const block = variant === 'float64' ? 128 : 256
        const expected = form === 'Aᵀ B' ? blockedGemmReference(...sizes, block) : gemmReference(...sizes)
        assert.equal(Array.from(result), expected)
      })
    }
    test.run()
  }
}

const alone = suite('a row alone gives the bits it gives among others')
for (const variant of ['simd', 'float64'] as const) {
  alone(variant, () => {
    const core = loadCore(variant)
    const [depth, columns, most] = [129, 44, 13]
    const [x, w, panels, c] = arrays(
      core,
      most * depth,
      columns * depth,
      core.exports['packedElements']!(columns, depth),
      most * columns,
    )
    x!.data.set(generate(4, 'x', most * depth))
    w!.data.set(generate(5, 'w', columns * depth))
    core.exports['packTransposed']!(columns, depth, w!.address, depth, panels!.address)
    const lastRow = (rows: number) => {
      c!.data.fill(0)
      const first = (most - rows) * depth * core.elementBytes
      const a = x!.address + first
      const { address } = c!
      core.exports['gemmPacked']!(rows, columns, depth, a, depth, panels!.address, address, columns, address, columns)
      return Array.from(c!.data.subarray((rows - 1) * columns, rows * columns))
    }
    const expected = lastRow(1)
    for (let rows = 2; rows <= most; rows++) assert.equal(lastRow(rows), expected, `${rows} rows`)
  })
}
alone.run()
