/** What parameters are before anyone sets them. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, LSTM, Linear, createRuntime } from '../../bindings/index.ts'
import { numbers } from '../support/nets.ts'

const rt = await createRuntime({ seed: 1 })

const initial = suite('initial values')
initial("are PyTorch's: uniform within ±1/√H, biases too", () => {
  for (const Kind of [LSTM, GRU]) {
    const bound = Math.fround(1 / Math.sqrt(50))
    for (const { value } of new Kind(rt, { inputSize: 20, hiddenSize: 50 }).parameters()) {
      const data = numbers(value)
      assert.ok(data.every((x) => Math.abs(x) <= bound))
      // the greatest of n uniform draws falls below 1 - 20/n with probability e^-20
      assert.ok(Math.max(...data.map(Math.abs)) > bound * (1 - 20 / data.length))
      const variance = data.reduce((sum, x) => sum + x * x, 0) / data.length
      // the relative standard error of a uniform's variance is √(4/5n): within 6 of those
      assert.ok(Math.abs(variance / (bound ** 2 / 3) - 1) < 6 * Math.sqrt(0.8 / data.length))
    }
  }
  const linear = new Linear(rt, { inFeatures: 16, outFeatures: 30 })
  assert.ok(linear.parameters().every(({ value }) => numbers(value).every((x) => Math.abs(x) <= 0.25)))
})
initial('depend on seed, module and parameter', async () => {
  const draw = async (seed: number) => {
    const runtime = await createRuntime({ seed })
    const make = () => new GRU(runtime, { inputSize: 3, hiddenSize: 3 })
    return [make(), make()].flatMap((net) => net.parameters().map(({ value }) => numbers(value).slice(0, 3)))
  }
  const [first, again, other] = [await draw(1), await draw(1), await draw(2)]
  assert.equal(again, first)
  assert.is(new Set([...first, ...other].map(String)).size, 16)
})
initial.run()
