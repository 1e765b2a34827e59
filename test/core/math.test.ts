import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { REFERENCE, stepsApart, ulpError, type MathName } from '../reference/math.ts'
import { applyUnary } from '../support/core.ts'
import { generate } from '../support/generator.ts'

/** Greatest errors in ulp, by exhaustive sweep (sin and cos: of their fast interval), rounded up: docs/math.md. */
const GREATEST_ULP: Record<MathName, number> = {
  exp: 1,
  expm1: 1.5,
  log: 0.85,
  tanh: 2.5,
  sigmoid: 2.45,
  softplus: 2.3,
  sin: 2.35,
  cos: 2.35,
}

/** Greatest distances from the host's Math found, plus 1: its own error differs between engines. */
const FLOAT64_STEPS: Record<MathName, number> = {
  exp: 2,
  expm1: 3,
  log: 2,
  tanh: 4,
  sigmoid: 3,
  softplus: 3,
  sin: 2,
  cos: 3,
}

/** (func (param v128 v128 v128) (result v128) f32x4.relaxed_madd) as a module. */
const RELAXED_MADD = Buffer.from(
  '0061736d010000000108' + '0160037b7b7b017b' + '03020100' + '0a0d010b00200020012002fd85020b',
  'hex',
)

const NAMES = Object.keys(REFERENCE) as MathName[]
const PRIME_STEP = 997 // of the bit patterns: 8,400 mantissas under every exponent and sign
const BATCH = 1 << 16
const LEAST = 2 ** -149
const LEAST_NORMAL = 2 ** -126
const GREATEST = (2 - 2 ** -23) * 2 ** 127

const float32Variants = [
  { variant: 'simd', supported: true },
  { variant: 'relaxed', supported: WebAssembly.validate(RELAXED_MADD) },
] as const

type Variant = (typeof float32Variants)[number]['variant'] | 'float64'

/** Every 997th float32, in batches. */
function* everyExponent(): Generator<Float32Array> {
  const bits = new Uint32Array(BATCH)
  for (let first = 0; first < 2 ** 32; first += BATCH * PRIME_STEP) {
    for (let i = 0; i < BATCH; i++) bits[i] = first + i * PRIME_STEP
    yield new Float32Array(bits.buffer)
  }
}

function greatestError(variant: Variant, name: MathName): { error: number; x: number } {
  const reference = REFERENCE[name]
  let worst = { error: 0, x: 0 }
  for (const xs of everyExponent()) {
    const ys = applyUnary(variant, name, xs)
    for (let i = 0; i < BATCH; i++) {
      const error = ulpError(ys[i], reference(xs[i]))
      if (error > worst.error) worst = { error, x: xs[i] }
    }
  }
  return worst
}

function expectSame(actual: number, expected: number, label: string): void {
  assert.ok(Object.is(actual, expected), `${label} is ${actual}; expected ${expected}`)
}

function expectExactly(variant: Variant, name: MathName, table: [number, number][]): void {
  const xs = table.map(([x]) => x)
  const ys = applyUnary(variant, name, variant === 'float64' ? new Float64Array(xs) : new Float32Array(xs))
  table.forEach(([x, y], i) => expectSame(ys[i], y, `${name}(${x})`))
}

/** What holds in both precisions. */
// prettier-ignore
const SPECIAL: Record<MathName, [number, number][]> = {
  exp: [[0, 1], [-0, 1], [Infinity, Infinity], [-Infinity, 0], [1e30, Infinity], [-1e30, 0], [LEAST, 1]],
  expm1: [[0, 0], [-0, -0], [Infinity, Infinity], [-Infinity, -1], [1e30, Infinity], [-1e30, -1], [LEAST, LEAST]],
  log: [[0, -Infinity], [-0, -Infinity], [1, 0], [Infinity, Infinity], [-Infinity, NaN], [-1, NaN], [-LEAST, NaN]],
  tanh: [[0, 0], [-0, -0], [Infinity, 1], [-Infinity, -1], [1e30, 1], [-1e30, -1], [LEAST, LEAST], [-LEAST, -LEAST]],
  sigmoid: [[0, 0.5], [-0, 0.5], [Infinity, 1], [-Infinity, 0], [1e30, 1], [-1e30, 0], [LEAST, 0.5]],
  softplus: [[Infinity, Infinity], [-Infinity, 0], [-1e30, 0], [2 ** 20, 2 ** 20]],
  sin: [[0, 0], [-0, -0], [Infinity, NaN], [-Infinity, NaN], [LEAST, LEAST], [-LEAST, -LEAST]],
  cos: [[0, 1], [-0, 1], [Infinity, NaN], [-Infinity, NaN], [LEAST, 1], [-LEAST, 1]],
}

const ODD_NEAR_ZERO: [number, number][] = [3 * LEAST, LEAST_NORMAL - LEAST, -LEAST].map((x) => [x, x])

/** Where float32 alone ends, and its subnormals on the way in and out. */
// prettier-ignore
const FLOAT32_SPECIAL: Partial<Record<MathName, [number, number][]>> = {
  exp: [[89, Infinity], [-104, 0], [-103.5, LEAST], [GREATEST, Infinity], [-GREATEST, 0]],
  expm1: [[89, Infinity], [-18, -1], ...ODD_NEAR_ZERO],
  log: [LEAST, LEAST_NORMAL, GREATEST].map((x) => [x, Math.fround(Math.log(x))]),
  tanh: [[9.1, 1], [-9.1, -1], ...ODD_NEAR_ZERO],
  sigmoid: [[18, 1], [-104, 0], [-103.5, LEAST]],
  softplus: [[-104, 0], [-103.5, LEAST], [GREATEST, GREATEST]],
  sin: ODD_NEAR_ZERO,
}

const accuracy = suite('greatest error in float32')
const special = suite('special values')
const place = suite('place in the vector')
const range = suite('range')

for (const { variant, supported } of float32Variants) {
  const test = supported ? accuracy : accuracy.skip
  for (const name of NAMES)
    test(`${name}, ${variant}: at most ${GREATEST_ULP[name]} ulp over all exponents`, () => {
      const { error, x } = greatestError(variant, name)
      assert.ok(error <= GREATEST_ULP[name], `${name}(${x}) is off by ${error} ulp`)
      assert.ok(error > 0.4, 'a sweep of rounded results cannot be this exact')
    })
}

accuracy('sin and cos stay accurate on both sides of the fast interval and far beyond it', () => {
  const xs = Float32Array.from([3216, -3216, 3216.000244140625, 1e6, -1e15, 2 ** 89 * 1.37, GREATEST])
  for (const name of ['sin', 'cos'] as const)
    applyUnary('simd', name, xs).forEach((y, i) => {
      assert.ok(ulpError(y, REFERENCE[name](xs[i])) <= GREATEST_ULP[name], `${name}(${xs[i]}) is ${y}`)
    })
})

for (const { variant, supported } of [...float32Variants, { variant: 'float64', supported: true } as const]) {
  const test = supported ? special : special.skip
  for (const name of NAMES)
    test(`${name}, ${variant}: zeros, infinities, NaN, tails and subnormals`, () => {
      expectExactly(variant, name, [...SPECIAL[name], [NaN, NaN]])
      if (variant !== 'float64') expectExactly(variant, name, FLOAT32_SPECIAL[name] ?? [])
    })
}

for (const name of NAMES)
  place(`${name}: an element's bits depend on neither its lane nor its neighbours`, () => {
    const xs = Float32Array.from([0.3, -90, 5000, 1e-40, NaN, -Infinity, 12, -0.7, 1e20, 2, -2e-5, 88, 700])
    const whole = applyUnary('simd', name, xs)
    xs.forEach((x, i) => {
      const alone = applyUnary('simd', name, new Float32Array(4).fill(x))
      const behindThree = applyUnary('simd', name, Float32Array.of(1, 1e9, -3, x))
      expectSame(alone[0], whole[i], `${name}(${x}) in lane 0`)
      expectSame(behindThree[3], whole[i], `${name}(${x}) in lane 3`)
    })
  })

range('tanh, sin and cos lie in [-1, 1], sigmoid in [0, 1], exp and softplus are not negative', () => {
  const lowest = { tanh: -1, sin: -1, cos: -1, sigmoid: 0, exp: 0, softplus: 0 }
  const highest = { tanh: 1, sin: 1, cos: 1, sigmoid: 1, exp: Infinity, softplus: Infinity }
  for (const name of Object.keys(lowest) as (keyof typeof lowest)[])
    for (const xs of everyExponent())
      for (const y of applyUnary('simd', name, xs))
        if (y < lowest[name] || y > highest[name]) assert.unreachable(`${name} reaches ${y}`)
})

range('tanh and sin are odd, cos is even, to the bit', () => {
  const xs = Float32Array.from(generate(7, 'odd', 4096, 40))
  const negated = xs.map((x) => -x)
  for (const name of ['tanh', 'sin', 'cos'] as const) {
    const sign = name === 'cos' ? 1 : -1
    const ys = applyUnary('simd', name, xs)
    applyUnary('simd', name, negated).forEach((y, i) => expectSame(y, sign * ys[i], `${name}(${-xs[i]})`))
  }
})

const float64 = suite('float64')

for (const name of NAMES)
  float64(`${name}: within ${FLOAT64_STEPS[name]} float64 steps of the host's Math`, () => {
    for (const scale of [1e-6, 1, 40, 720, 1e9]) {
      const xs = generate(3, `${name} ${scale}`, 4096, scale).map((x) => (name === 'log' ? Math.abs(x) : x))
      applyUnary('float64', name, xs).forEach((y, i) => {
        const steps = stepsApart(y, REFERENCE[name](xs[i]))
        assert.ok(steps <= FLOAT64_STEPS[name], `${name}(${xs[i]}) is ${y}, ${steps} steps off`)
      })
    }
  })

for (const each of [accuracy, special, place, range, float64]) each.run()
