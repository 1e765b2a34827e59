/** Tapes that are kept: several calls of one module before backward, in any order. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  GRU,
  LSTM,
  type Module,
  RNN,
  type RetrogradError,
  type Runtime,
  SGD,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import { drawParameters, drawTensor, numbers, stateNumbers } from '../support/nets.ts'
import { type Given, type Results, drawGiven, expectRefused, mapValues, readBack, run } from '../support/unrolling.ts'

const I = 3
const size = { inputSize: I, hiddenSize: 4, numLayers: 2 }
const KINDS: Record<string, (rt: Runtime) => Module> = {
  LSTM: (rt) => new LSTM(rt, size),
  'GRU, batch first, skips': (rt) => new GRU(rt, { ...size, batchFirst: true, skips: [3] }),
  'RNN, both directions': (rt) => new RNN(rt, { ...size, bidirectional: true }),
}
/** Options of the first and of the second call. */
const WAYS: [string, object, object][] = [
  ['plainly', {}, {}],
  ['with lengths', { lengths: [5, 2, 0] }, { lengths: [1, 5, 3] }],
  ['with checkpoints', { checkpoint: 'sqrt' }, { checkpoint: 2 }],
  ['with checkpoints and lengths, and without', { checkpoint: 'sqrt', lengths: [5, 2, 0] }, {}],
]

const runtimes = await Promise.all(
  [{ dtype: 'float64' } as const, { variant: 'simd' } as const].map((options) =>
    createRuntime({ ...options, seed: 1 }),
  ),
)
const runtime = runtimes[0]!

function prepare(
  make: (rt: Runtime) => Module,
  rt: Runtime,
  T = 5,
  B = 3,
): { module: Module; first: Given; second: Given } {
  const module = make(rt)
  drawParameters(module, 5)
  const first = drawGiven(module, T, B, I)
  const other = (tensor: Tensor, name: string) => drawTensor(rt, 7, name, tensor.shape)
  const second = {
    x: other(first.x, 'x'),
    state: mapValues(first.state, other),
    dOutput: other(first.dOutput, 'd'),
    dState: mapValues(first.dState, (tensor, name) => other(tensor, `d${name}`)),
  }
  return { module, first, second }
}

const forwardOf = (module: Module, { x, state }: Given, options: object) =>
  module.forward(x, { state, keep: true, ...options })
type Kept = ReturnType<typeof forwardOf>

const resultsOf = ({ output, state }: Kept): Results => ({ output: numbers(output), ...stateNumbers(state) })

function backwardOf(module: Module, { dOutput, dState }: Given, { tape }: Kept): Results {
  module.zeroGrad()
  return readBack(module, module.backward({ output: dOutput, state: dState }, { tape }))
}

const test = suite('kept tapes')
for (const rt of runtimes) {
  for (const [kind, make] of Object.entries(KINDS)) {
    for (const [way, one, two] of WAYS) {
      const skip = rt !== runtime && way !== 'plainly'
      if (skip) continue
      test(`${kind}, ${way}: two calls, read in either order, are two modules', to the bit (${rt.dtype})`, () => {
        for (const order of [
          [0, 1],
          [1, 0],
          [0, 1, 1, 0, 0],
        ]) {
          const { module, first, second } = prepare(make, rt)
          const calls = [
            { given: first, options: one },
            { given: second, options: two },
          ]
          const alone = calls.map(({ given, options }) => run(prepare(make, rt).module, given, options))
          const kept = calls.map(({ given, options }) => forwardOf(module, given, options))
          // a later call that keeps nothing, and a step, do not touch them
          module.forward(second.x)
          if (kind !== 'RNN, both directions') module.step(drawTensor(rt, 8, 'step', [3, I]), module.initialState(3)!)
          for (const i of order) {
            const { given } = calls[i]!
            const forward = resultsOf(kept[i]!)
            const actual = { ...backwardOf(module, given, kept[i]!) }
            for (const [name, values] of Object.entries(actual)) assert.equal(values, alone[i]![name], `${i}: ${name}`)
            for (const [name, values] of Object.entries(forward))
              assert.equal(values, alone[i]![name === 'output' ? name : `state.${name}`], `${i}: ${name}`)
          }
          module.dispose()
        }
      })
    }
  }
}

test('gradients of both calls are added up', () => {
  const { module, first, second } = prepare(KINDS['LSTM']!, runtime)
  const kept = [forwardOf(module, first, {}), forwardOf(module, second, {})]
  const grads = () => module.parameters().map(({ grad }) => numbers(grad))
  backwardOf(module, first, kept[0]!)
  const one = grads()
  backwardOf(module, second, kept[1]!)
  const two = grads()
  module.zeroGrad()
  module.backward({ output: first.dOutput, state: first.dState }, { tape: kept[0]!.tape })
  module.backward({ output: second.dOutput, state: second.dState }, { tape: kept[1]!.tape })
  const gap = (values: number[], i: number) =>
    Math.max(...values.map((value, k) => Math.abs(value - one[i]![k]! - two[i]![k]!) / (Math.abs(one[i]![k]!) + Math.abs(two[i]![k]!)))) // prettier-ignore
  // the second's 15 rows are added onto the first's sum rather than onto 0
  for (const [i, values] of grads().entries()) assert.ok(gap(values, i) <= 64 * 2 ** -52, `${i}: ${gap(values, i)}`)
})

test('a live tape is read with the parameters as they then are', () => {
  const { module, first } = prepare(KINDS['LSTM']!, runtime)
  const kept = forwardOf(module, first, {})
  const before = backwardOf(module, first, kept)
  const weights = module.stateDict()
  new SGD(module, { lr: 0.5 }).step()
  const after = backwardOf(module, first, kept)
  assert.is.not(JSON.stringify(after['dInput']), JSON.stringify(before['dInput']))
  // the step's own linear part: dX = dGates W_ih, whose recorded factors are unchanged, so scaling W_ih scales dX exactly
  module.loadStateDict(weights)
  assert.equal(backwardOf(module, first, kept), before, 'and again as before')
  const { value } = module.parameters()[0]!
  for (const [i, each] of value.data.entries()) value.data[i] = 2 * each
  assert.equal(
    backwardOf(module, first, kept)['dInput'],
    before['dInput']!.map((each) => 2 * each),
  )
})

test('results of a kept call live until its tape is disposed of, and its memory is used again', () => {
  const { module, first, second } = prepare(KINDS['LSTM']!, runtime)
  run(module, first)
  const used: number[] = []
  for (let i = 0; i < 4; i++) {
    const kept = [forwardOf(module, first, {}), forwardOf(module, second, {}), forwardOf(module, first, {})]
    const expected = kept.map(resultsOf)
    for (const [k, each] of kept.entries()) backwardOf(module, k === 1 ? second : first, each)
    module.forward(second.x, { state: second.state })
    assert.equal(kept.map(resultsOf), expected)
    for (const { tape } of kept) tape!.dispose()
    for (const { output } of kept.slice(1)) assert.throws(() => output.data, /was disposed of/)
    used.push(runtime.memoryUsed)
  }
  assert.equal(
    used,
    used.map(() => used[0]),
    'bytes after each round',
  )
})

test('memory in use is that before the call, once the tape is disposed of', () => {
  const { module, first } = prepare(KINDS['LSTM']!, runtime)
  run(module, first) // the module's own workspace, which the next forward uses
  const own = module.forward(first.x, { tape: true, state: first.state })
  for (let i = 0; i < 3; i++) {
    const before = runtime.memoryUsed
    const kept = [forwardOf(module, first, {}), forwardOf(module, first, {})]
    assert.ok(runtime.memoryUsed > before)
    for (const each of kept) backwardOf(module, first, each)
    for (const { tape } of kept) tape!.dispose()
    assert.is(runtime.memoryUsed, before)
  }
  assert.ok(own.output)
})

test('disposing of many kept tapes leaves what the last forward gave', () => {
  const { module, first } = prepare(KINDS['LSTM']!, runtime)
  const expected = run(module, first)
  const tapes = Array.from(
    { length: 12 },
    (_, i) => module.forward(drawTensor(runtime, 1, 'x', [20 + i, 2, I]), { keep: true }).tape!,
  )
  const { output } = module.forward(first.x, { tape: true, state: first.state })
  for (const tape of tapes) tape.dispose()
  assert.equal(numbers(output), expected['output'])
  module.zeroGrad()
  const back = readBack(module, module.backward({ output: first.dOutput, state: first.dState }))
  for (const [name, values] of Object.entries(back)) assert.equal(values, expected[name], name)
})

test('dispose twice, after the module, and after the runtime, is no error', async () => {
  const { module, first } = prepare(KINDS['LSTM']!, runtime)
  const { tape } = forwardOf(module, first, {})
  tape!.dispose()
  tape!.dispose()
  assert.ok(tape!.disposed)
  const used = runtime.memoryUsed
  const late = prepare(KINDS['LSTM']!, runtime)
  const kept = forwardOf(late.module, late.first, {})
  late.module.dispose()
  kept.tape!.dispose()
  assert.ok(used > 0)
  const other = await createRuntime({ dtype: 'float64' })
  const gone = prepare(KINDS['LSTM']!, other)
  const last = forwardOf(gone.module, gone.first, {})
  other.dispose()
  last.tape!.dispose()
})

test('evaluation mode keeps too, and keep: false is leaving it out', () => {
  const { module, first } = prepare(KINDS['LSTM']!, runtime)
  const expected = run(module, first)
  module.eval()
  const kept = forwardOf(module, first, {})
  assert.equal({ ...backwardOf(module, first, kept) }['dInput'], expected['dInput'])
  assert.is('tape' in module.forward(first.x, { keep: false }), false)
})

const refused = suite('tapes refused')
const backward = (module: Module, given: Given, tape: unknown) => () =>
  module.backward({ output: given.dOutput }, { tape: tape as never })

refused('one that was disposed of, of another module, or no tape at all', () => {
  const { module, first } = prepare(KINDS['LSTM']!, runtime)
  const twin = prepare(KINDS['LSTM']!, runtime)
  const gone = forwardOf(module, first, {}).tape!
  gone.dispose()
  const foreign = forwardOf(twin.module, twin.first, {}).tape!
  expectRefused(module, first, backward(module, first, gone), 'tape', /^LSTM\.backward: the tape was disposed of$/)
  expectRefused(module, first, backward(module, first, foreign), 'tape', /^LSTM\.backward: the tape was recorded by another module$/) // prettier-ignore
  expectRefused(module, first, backward(module, first, {}), 'type', /^LSTM\.backward: tape is not what forward/)
  expectRefused(module, first, backward(module, first, null), 'option', /^LSTM\.backward: tape is null; leave it out/)
})

refused('keep without a tape, and keep that is no boolean', () => {
  const { module, first } = prepare(KINDS['LSTM']!, runtime)
  const forward = (options: object) => () => module.forward(first.x, options)
  expectRefused(
    module,
    first,
    forward({ keep: true, tape: false }),
    'option',
    /^LSTM\.forward: keep is true and tape false/,
  )
  expectRefused(module, first, forward({ keep: 1 }), 'option', /^LSTM\.forward: keep is 1; expected true or false$/)
})

refused("a module's own tape, after what overwrites it", () => {
  const later: [string, (module: Module, given: Given) => unknown][] = [
    ['a forward without a tape', (module, { x }) => module.forward(x, { tape: false })],
    [
      'a forward of another length',
      (module) => module.forward(drawTensor(runtime, 1, 'x', [1, 3, I]), { tape: false }),
    ],
    ['a forward that keeps its tape', (module, { x }) => module.forward(x, { keep: true })],
    ['a step', (module) => module.step(drawTensor(runtime, 1, 's', [3, I]), module.initialState(3)!)],
  ]
  for (const [title, call] of later) {
    const { module, first } = prepare(KINDS['LSTM']!, runtime)
    module.forward(first.x, { tape: true })
    call(module, first)
    assert.throws(
      () => module.backward({ output: first.dOutput }),
      (error: RetrogradError) => error.code === 'tape' && error.message.startsWith('LSTM.backward: there is no tape'),
      title,
    )
  }
})
test.run()
refused.run()
