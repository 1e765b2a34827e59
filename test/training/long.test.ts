import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Adam, GRU, Linear, Sequential, createRuntime, mseLoss } from '../../bindings/index.ts'
import { drawTensor } from '../support/nets.ts'

/** `npm run test:long` takes 100,000 steps. */
const STEPS = Number(process.env['LONG_STEPS'] ?? 5000)
const SAMPLES = 10

const test = suite('a long training')
test(`of ${STEPS} steps keeps memory constant and learns`, async () => {
  const rt = await createRuntime({ seed: 1 })
  const net = new Sequential(rt, [
    new GRU(rt, { inputSize: 1, hiddenSize: 4 }),
    new Linear(rt, { inFeatures: 4, outFeatures: 1 }),
  ])
  const optimizer = new Adam(net)
  const [x, y] = [drawTensor(rt, 1, 'x', [8, 2, 1]), drawTensor(rt, 2, 'y', [8, 2, 1])]
  const step = () => {
    const { value, grad } = mseLoss(net.forward(x).output, y)
    net.zeroGrad()
    net.backward({ output: grad }, { inputGradient: false })
    optimizer.step()
    return value
  }
  const first = step()
  const used = rt.memoryUsed
  const resident: number[] = []
  let last = first
  for (let i = 1; i < STEPS; i++) {
    last = step()
    if (i % Math.ceil(STEPS / SAMPLES) === 0) resident.push(process.memoryUsage().rss)
    if (rt.memoryUsed !== used) assert.unreachable(`step ${i}: ${rt.memoryUsed} bytes rather than ${used}`)
  }
  assert.ok(last < first / 4, `${first} → ${last}`)
  // garbage comes and goes; a leak of 100 bytes a step would be 10 MB in the long run
  const grown = resident.at(-1)! - resident[Math.floor(SAMPLES / 2)]!
  assert.ok(grown < 32 * 2 ** 20, `${grown} bytes more than halfway`)
})
test.run()
