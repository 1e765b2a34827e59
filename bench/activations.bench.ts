/** What does an elementary function cost per element, beside Math of the host? */
import { LINK } from '../bindings/program/format.ts'
import { arrays } from '../test/support/core.ts'
import { generate } from '../test/support/generator.ts'
import type { Context } from './support/context.ts'
import { measure, ratio } from './support/measure.ts'
import { expectClose } from './support/verify.ts'

/** Elements: a tile's worth many times over, within the first-level cache. */
const COUNT = 2048

/** Inputs lie in [-RANGE, RANGE). */
const RANGE = 8

/** Greatest error accepted, relative to values above 1 and absolute below: 8 ulp of float32. The tests are stricter. */
const TOLERANCE = 8 * 2 ** -23

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => Math.log1p(Math.exp(x))

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  exp: Math.exp, expm1: Math.expm1, log: Math.log, tanh: Math.tanh, sigmoid, softplus, sin: Math.sin, cos: Math.cos,
} // prettier-ignore

export function run({ core, effort, report }: Context): void {
  for (const [name, scalar] of Object.entries(FUNCTIONS)) {
    const [x, y] = arrays(core, COUNT, COUNT) as [
      { data: Float32Array; address: number },
      { data: Float32Array; address: number },
    ]
    x.data.set(generate(1, name, COUNT, RANGE))
    if (name === 'log') x.data.set(x.data.map(Math.abs))
    const code = LINK[name.toUpperCase() as keyof typeof LINK]
    const call = () => core.exports['applyUnary']!(code, COUNT, 0, x.address, y.address)
    call()
    const [input, output] = [x.data.slice(), y.data.slice()]
    const expected = [...input].map(scalar)
    const scaled = (values: ArrayLike<number>) =>
      Array.from(values, (value, i) => value / Math.max(1, Math.abs(expected[i]!)))
    expectClose(name, scaled(output), scaled(expected), TOLERANCE)
    const loop = () => {
      for (let i = 0; i < COUNT; i++) output[i] = scalar(input[i]!)
    }
    const timings = measure({ call, loop }, effort)
    const [{ seconds, spread }, times] = [timings.call, ratio(timings.loop, timings.call)]
    report.add({
      bench: 'activations',
      name,
      value: (seconds / COUNT) * 1e9,
      unit: 'ns',
      spread,
      beside: { 'x scalar': times },
    })
  }
}
