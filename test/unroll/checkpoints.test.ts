/** Checkpoints rather than the whole tape: the same bits, less memory. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  GRU,
  LSTM,
  type Module,
  RNN,
  type RetrogradError,
  type Runtime,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import { dot, drawParameters, drawTensor, numbers } from '../support/nets.ts'
import { type Results, drawGiven, expectRefused, mapValues, readBack, run } from '../support/unrolling.ts'

const I = 3
const CHECKPOINTS = ['sqrt', 1, 2, 3, 1000] as const

/** A chunk is 256 rows: 51 steps of 5 samples, 2 of 100, 1 of 300. */
const SHAPES: { T: number; B: number; lengths?: number[] }[] = [
  { T: 130, B: 5 },
  { T: 130, B: 5, lengths: [130, 0, 51, 52, 103] },
  { T: 7, B: 100 },
  { T: 5, B: 300, lengths: Array.from({ length: 300 }, (_, i) => i % 6) },
]

type Make = (rt: Runtime, options: object) => Module
const size = { inputSize: I, hiddenSize: 4, numLayers: 2 }
const KINDS: [string, Make][] = [
  ['RNN, skips', (rt, options) => new RNN(rt, { ...size, skips: [2, 9], ...options })],
  ['LSTM', (rt, options) => new LSTM(rt, { ...size, ...options })],
  ['LSTM, projected, residual', (rt, options) => new LSTM(rt, { ...size, projSize: 2, residual: true, skips: [3], ...options })],
  ['GRU', (rt, options) => new GRU(rt, { ...size, ...options })],
  ['GRU unfused, one layer', (rt, options) => new GRU(rt, { ...size, numLayers: 1, fused: false, ...options })],
  ['LSTM, three layers, dropout', (rt, options) => new LSTM(rt, { ...size, numLayers: 3, dropout: 0.4, ...options })],
] // prettier-ignore
const LAYOUTS = [{}, { bidirectional: true, batchFirst: true }, { batchFirst: true }, { bidirectional: true }]

const runtimes = await Promise.all(
  [{ dtype: 'float64' } as const, { variant: 'simd' } as const].map((options) =>
    createRuntime({ ...options, seed: 1 }),
  ),
)
const float64 = runtimes[0]!

for (const rt of runtimes) {
  const test = suite(`checkpoints in time (${rt.dtype})`)
  for (const [k, [kind, make]] of KINDS.entries()) {
    for (const [l, layout] of LAYOUTS.entries()) {
      const shapes = SHAPES.filter((_, i) => (i + k + l) % 2 === 0)
      test(`${kind} ${JSON.stringify(layout)}: the whole tape's bits`, () => {
        for (const { T, B, lengths } of shapes) {
          const module = make(rt, layout)
          drawParameters(module, 5)
          const given = drawGiven(module, T, B, I, k % 2 === 0)
          const draws = module.callCount // every run is the same call to dropout
          const again = (checkpoint?: (typeof CHECKPOINTS)[number] | { bytes: number }): Results => {
            module.callCount = draws
            return run(module, given, { ...(lengths && { lengths }), ...(checkpoint && { checkpoint }) })
          }
          const whole = again()
          assert.ok(Object.values(whole).every((values) => values.every(Number.isFinite)))
          for (const checkpoint of [...CHECKPOINTS, { bytes: 1e9 }]) {
            const actual = again(checkpoint)
            assert.equal(Object.keys(actual), Object.keys(whole))
            for (const [name, values] of Object.entries(whole))
              assert.equal(actual[name], values, `${name} with ${JSON.stringify(checkpoint)}, T ${T}, B ${B}`)
          }
          module.dispose()
        }
      })
    }
  }
  test.run()
}

const property = suite('checkpoints in time')
property('the first states may be disposed of, or be results of the module, before backward', () => {
  for (const options of [{}, { bidirectional: true }, { skips: [3] }]) {
    const prepare = () => {
      const module = new LSTM(float64, { ...size, ...options })
      drawParameters(module, 5)
      return { module, given: drawGiven(module, 6, 100, I) }
    }
    const { module, given } = prepare()
    const expected = run(module, given)
    const state = mapValues(given.state, (tensor) => tensor.clone())
    module.forward(given.x, { tape: true, state, checkpoint: 'sqrt' })
    for (const tensor of Object.values(state)) tensor.data.fill(7)
    for (const tensor of Object.values(state)) tensor.dispose()
    module.zeroGrad()
    const back = readBack(module, module.backward({ output: given.dOutput, state: given.dState }))
    for (const [name, values] of Object.entries(back)) assert.equal(values, expected[name], name)

    const first = prepare()
    const ways = [{}, { checkpoint: 'sqrt' as const }].map((way): Results => {
      const begun = first.module.forward(first.given.x, { tape: true, state: first.given.state, ...way })
      return run(first.module, { ...first.given, state: begun.state as Record<string, Tensor> }, way)
    })
    assert.equal(ways[1], ways[0])
  }
})

property('backward may be repeated, and its state gradient handed back in', () => {
  const module = new GRU(float64, size)
  drawParameters(module, 5)
  const { x, state, dOutput, dState } = drawGiven(module, 130, 5, I)
  const twice = [{}, { checkpoint: 2 }].map((way) => {
    module.zeroGrad()
    module.forward(x, { tape: true, state, ...way })
    const first = module.backward({ output: dOutput, state: dState })
    return readBack(module, module.backward({ output: dOutput, state: first.state }))
  })
  assert.equal(twice[1], twice[0])
})

property('three steps of training: packed weights are those of each call', () => {
  const module = new LSTM(float64, size)
  drawParameters(module, 5)
  const given = drawGiven(module, 130, 5, I)
  const start = module.stateDict()
  const runs = [{}, { checkpoint: 'sqrt' as const }].map((way) => {
    module.loadStateDict(start)
    return [0, 1, 2].map(() => {
      const results = run(module, given, way)
      new Adam(module, { lr: 0.01 }).step()
      return results
    })
  })
  assert.equal(runs[1], runs[0])
})

/** Bytes that a run of a fresh module takes. */
async function bytesOf(checkpoint: 'sqrt' | number | undefined, bidirectional: boolean): Promise<number> {
  const rt = await createRuntime({ variant: 'simd' })
  const module = new LSTM(rt, { inputSize: 1, hiddenSize: 16, numLayers: 2, bidirectional })
  const x = drawTensor(rt, 1, 'x', [20_000, 1, 1])
  const before = rt.memoryUsed
  const { output } = module.forward(x, { tape: true, ...(checkpoint && { checkpoint }) })
  module.backward({ output }, { inputGradient: false })
  const bytes = rt.memoryUsed - before - output.size * rt.elementBytes
  rt.dispose()
  return bytes
}

property('√T segments hold a fraction of the whole tape', async () => {
  for (const bidirectional of [false, true]) {
    const [whole, sqrt, four] = [await bytesOf(undefined, bidirectional), await bytesOf('sqrt', bidirectional), await bytesOf(4, bidirectional)] // prettier-ignore
    // 79 chunks: 9 of them at a time, and 8 checkpoints; between two layers of two directions outputs stay whole
    const outputs = bidirectional ? 2 * 20_000 * 2 * 16 * 4 : 0
    assert.ok(sqrt - outputs < (whole - outputs) / 5, `bidirectional ${bidirectional}: ${sqrt} of ${whole} bytes`)
    assert.ok(four - outputs < (whole - outputs) / 3, `bidirectional ${bidirectional}: ${four} of ${whole} bytes`)
  }
})

property('T = 100 000 trains in 64 MB, where the whole tape is refused', async () => {
  const T = 100_000
  const rt = await createRuntime({ maxMemory: 64 * 2 ** 20, variant: 'simd', seed: 1 })
  const lstm = new LSTM(rt, { inputSize: 1, hiddenSize: 32 })
  const x = drawTensor(rt, 1, 'x', [T, 1, 1])
  const dOutput = drawTensor(rt, 2, 'd', [T, 1, 32], 1 / T)
  const used = rt.memoryUsed
  assert.throws(
    () => lstm.forward(x, { tape: true }),
    (error: RetrogradError) =>
      error.code === 'memory' && error.message.startsWith('LSTM: the workspace for T = 100000, B = 1'),
  )
  assert.is(rt.memoryUsed, used, 'a refused call takes nothing')
  const optimizer = new Adam(lstm, { lr: 0.01 })
  const losses: number[] = []
  for (let step = 0; step < 2; step++) {
    const { output } = lstm.forward(x, { tape: true, checkpoint: 'sqrt' })
    losses.push(dot(output.data, dOutput.data))
    lstm.zeroGrad()
    lstm.backward({ output: dOutput }, { inputGradient: false })
    optimizer.step()
  }
  assert.ok(losses[1]! < losses[0]!, `losses ${losses}`)
  rt.dispose()
})

property('{ bytes }: the least that would do is named, and does', () => {
  for (const layout of [{}, { bidirectional: true, skips: [2] }]) {
    const module = new LSTM(float64, { ...size, ...layout })
    drawParameters(module, 5)
    const given = drawGiven(module, 600, 5, I)
    const whole = run(module, given)
    const used = float64.memoryUsed
    let message = ''
    try {
      module.forward(given.x, { tape: true, checkpoint: { bytes: 1000 } })
    } catch (error) {
      assert.is((error as RetrogradError).code, 'memory')
      message = (error as RetrogradError).message
    }
    assert.is(float64.memoryUsed, used)
    assert.match(
      message,
      /^LSTM\.forward: checkpoint\.bytes is 1000; the least that would do for T = 600, B = 5 is \d+$/,
    )
    const least = Number(/\d+$/.exec(message)![0])
    assert.equal(run(module, given, { checkpoint: { bytes: least } }), whole)
    assert.throws(
      () => module.forward(given.x, { tape: true, checkpoint: { bytes: least - 1 } }),
      /the least that would do/,
    )
    // what it takes is what was allowed: of the call's memory beside input, output and states
    for (const bytes of [least, 2 * least, 4 * least])
      assert.equal(run(module, given, { checkpoint: { bytes } }), whole)
  }
})

property('{ bytes } of many short chunks is found at once', () => {
  const module = new RNN(float64, { inputSize: 1, hiddenSize: 1 })
  const x = drawTensor(float64, 1, 'x', [3000, 256, 1])
  assert.throws(() => module.forward(x, { tape: true, checkpoint: { bytes: 1 } }), /the least that would do/)
})

const REFUSED: [unknown, RegExp][] = [
  [0, /checkpoint is 0; expected 'sqrt', a whole number of segments >= 1, or { bytes }/],
  [-1, /checkpoint is -1; expected/],
  [1.5, /checkpoint is 1\.5; expected/],
  ['cube', /checkpoint is 'cube'; expected/],
  [true, /checkpoint is true; expected/],
  [null, /checkpoint is null; leave it out/],
  [{ bytes: 0 }, /checkpoint\.bytes is 0; expected a number of bytes > 0/],
  [{ bytes: Number.NaN }, /checkpoint\.bytes is NaN/],
  [{ bytes: '1' }, /checkpoint\.bytes is '1'/],
  [{}, /checkpoint\.bytes is undefined/],
  [{ bytes: 1, segments: 2 }, /checkpoint: unknown option 'segments'; known are bytes/],
]
for (const [checkpoint, message] of REFUSED) {
  property(`${JSON.stringify(checkpoint)} is refused, with a tape and without`, () => {
    const module = new LSTM(float64, size)
    const given = drawGiven(module, 4, 2, I)
    for (const tape of [true, false]) {
      const call = () => module.forward(given.x, { tape, checkpoint } as never)
      expectRefused(module, given, call, 'option', new RegExp(`^LSTM\\.forward: ${message.source}`))
    }
  })
}

property('without a tape, checkpoints change nothing', () => {
  const module = new LSTM(float64, size)
  const { x, state } = drawGiven(module, 130, 5, I)
  const plain = numbers(module.forward(x, { tape: false, state }).output)
  assert.equal(numbers(module.forward(x, { tape: false, state, checkpoint: 'sqrt' }).output), plain)
})
property.run()
