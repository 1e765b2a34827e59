/** Samples of different lengths: each one is what it is alone, and nothing behind its end is read. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  GRU,
  LSTM,
  type Module,
  RNN,
  type Runtime,
  type State,
  type Tensor,
  createRuntime,
} from '../../bindings/index.ts'
import {
  I,
  chooseGiven,
  chooseResults,
  draw,
  having,
  padded,
  run,
  spoil,
  swap,
  swapNumbers,
  zeros,
} from '../support/lengths.ts'
import { drawParameters, norm, numbers, stateNumbers } from '../support/nets.ts'
import { EPSILON } from '../support/tolerance.ts'
import { mapValues } from '../support/unrolling.ts'

type Make = (runtime: Runtime, hiddenSize: number, options?: object) => Module
const projected: object = { projSize: 3 }
const LAYERS: Record<string, Make> = {
  RNN: (rt, hiddenSize, options) => new RNN(rt, { inputSize: I, hiddenSize, numLayers: 2, ...options }),
  LSTM: (rt, hiddenSize, options) => new LSTM(rt, { inputSize: I, hiddenSize, numLayers: 2, ...options }),
  'LSTM projected': (rt, hiddenSize, options) =>
    new LSTM(rt, { inputSize: I, hiddenSize, numLayers: 2, ...projected, ...options }),
  GRU: (rt, hiddenSize, options) => new GRU(rt, { inputSize: I, hiddenSize, numLayers: 2, ...options }),
  'GRU, reset before': (rt, hiddenSize, options) =>
    new GRU(rt, { inputSize: I, hiddenSize, numLayers: 2, resetAfter: false, ...options }),
}
const KINDS: [string, Make][] = Object.entries(LAYERS).flatMap(([kind, make]): [string, Make][] => [
  [kind, make],
  [`${kind}, both directions`, (rt, H, options) => make(rt, H, { bidirectional: true, ...options })],
])

/** Unsorted, with a sample of no step, one of one step and one of all; 80 steps of 5 are more than one chunk of 256 rows. */
const SHAPES = [
  { T: 7, H: 5, lengths: [3, 7, 0, 1, 5] },
  { T: 13, H: 17, lengths: [2, 0, 11, 1, 11] }, // nobody reaches T
  { T: 80, H: 4, lengths: [51, 80, 1, 0, 52] },
]
type Shape = (typeof SHAPES)[number]

const REFUSED: [string, unknown, string[]][] = [
  ['one too few', [3, 7, 0, 1], ['shape', 'range']],
  ['one too many', [3, 7, 0, 1, 5, 2], ['shape', 'range']],
  ['none', [], ['shape', 'range']],
  ['a negative one', [3, 7, -1, 1, 5], ['range']],
  ['one above T', [3, 8, 0, 1, 5], ['range']],
  ['a fraction', [3, 7, 0.5, 1, 5], ['range']],
  ['NaN', [3, 7, Number.NaN, 1, 5], ['range']],
  ['infinity', [3, Infinity, 0, 1, 5], ['range']],
  ['a word', [3, '7', 0, 1, 5], ['range', 'type']],
  ['a hole', [3, undefined, 0, 1, 5], ['range', 'type']],
  ['a number', 5, ['type', 'shape']],
]

// bits are promised for the strict variants; made before the first suite, since uvu starts its queue at the first await
const runtimes = await Promise.all(
  [{ variant: 'simd' } as const, { dtype: 'float64' } as const].map((options) =>
    createRuntime({ ...options, seed: 5 }),
  ),
)

for (const runtime of runtimes) {
  const test = suite(`lengths (${runtime.dtype}, ${runtime.variant})`)
  const prepare = (make: Make, { T, H, lengths }: Shape, options?: object) => {
    const net = make(runtime, H, options)
    drawParameters(net, 9)
    return { net, given: draw(runtime, net, T, lengths.length) }
  }

  for (const [kind, make] of KINDS) {
    for (const shape of SHAPES) {
      const { T, H, lengths } = shape
      const B = lengths.length
      const label = `${kind} of ${H}, lengths ${lengths} of ${T}`

      test(`${label}: each sample gives what it gives alone and unpadded, to the bit, and zeros past its end`, () => {
        const { net, given } = prepare(make, shape)
        const all = run(net, given, lengths)
        const sums = mapValues(all.parameters, (values) => ({ sum: values.map(() => 0), norms: 0 }))
        for (const [b, length] of lengths.entries()) {
          const actual = chooseResults(all, given, [b])
          const own = chooseGiven(given, [b])
          if (length === 0) {
            const expected = {
              output: numbers(zeros(own.dOutput)),
              state: mapValues(own.state, numbers),
              dInput: numbers(zeros(own.x)),
              dState: mapValues(own.dState, numbers),
            }
            assert.equal(actual, expected, `sample ${b}`)
            continue
          }
          const { parameters, ...alone } = run(net, chooseGiven(given, [b], length))
          const expected = {
            ...alone,
            output: padded(alone.output, actual.output.length),
            dInput: padded(alone.dInput, actual.dInput.length),
          }
          assert.equal(actual, expected, `sample ${b}`)
          for (const [name, values] of Object.entries(parameters)) {
            sums[name]!.norms += norm(values)
            for (const [i, value] of values.entries()) sums[name]!.sum[i]! += value
          }
        }
        // each element is a sum over all samples' steps, here added up in another order
        const steps = lengths.reduce((sum, length) => sum + length)
        for (const [name, { sum, norms }] of Object.entries(sums)) {
          const gap = norm(sum.map((value, i) => value - all.parameters[name]![i]!))
          assert.ok(
            norms > 0 && gap <= steps * EPSILON[runtime.dtype as 'float32'] * norms,
            `${name}: ${gap} of ${norms}`,
          )
        }
      })

      test(`${label}: NaN in the padding of input and gradient changes nothing`, () => {
        const { net, given } = prepare(make, shape)
        const expected = run(net, given, lengths)
        const spoiled = {
          ...given,
          x: spoil(given.x, lengths, Number.NaN),
          dOutput: spoil(given.dOutput, lengths, Number.NaN),
        }
        assert.equal(run(net, spoiled, lengths), expected)
        assert.not([expected.output, expected.dInput].flat().some(Number.isNaN), 'and there is none in the results')
      })

      test(`${label}: samples in another order give the same in that order, to the bit`, () => {
        const { net, given } = prepare(make, shape)
        const all = run(net, given, lengths)
        for (const order of [
          [4, 3, 2, 1, 0],
          [2, 0, 4, 1, 3],
        ]) {
          const moved = chooseGiven(given, order)
          const actual = run(
            net,
            moved,
            order.map((b) => lengths[b]!),
          )
          const sameOrder = Array.from({ length: B }, (_, b) => b)
          assert.equal(chooseResults(actual, moved, sameOrder), chooseResults(all, given, order))
        }
      })

      test(`${label}: all of full length give what no lengths give, to the bit`, () => {
        const { net, given } = prepare(make, shape)
        assert.equal(run(net, given, new Array<number>(B).fill(T)), run(net, given))
      })

      test(`${label}: batch first gives what time first gives, to the bit`, () => {
        const { net, given } = prepare(make, shape)
        const turned = prepare(make, shape, { batchFirst: true }).net
        const actual = run(turned, { ...given, x: swap(given.x), dOutput: swap(given.dOutput) }, lengths)
        const expected = run(net, given, lengths)
        const columns = given.dOutput.shape[2]!
        assert.equal(actual, {
          ...expected,
          output: swapNumbers(expected.output, T, B, columns),
          dInput: swapNumbers(expected.dInput, T, B, I),
        })
      })

      test(`${label}: a call knows nothing of the lengths of the one before`, () => {
        const sequence = [lengths, lengths.map((length) => T - length), undefined, lengths.toReversed(), lengths]
        const { net, given } = prepare(make, shape)
        for (const each of sequence) {
          const fresh = prepare(make, shape)
          assert.equal(run(net, given, each), run(fresh.net, fresh.given, each), `lengths ${each}`)
          fresh.net.dispose()
        }
      })

      test(`${label}: without a tape as with one, and without a state as from zeros`, () => {
        const { net, given } = prepare(make, shape)
        const blank = { ...given, state: mapValues(given.state, zeros) }
        const expected = run(net, blank, lengths)
        for (const state of [undefined, blank.state]) {
          const result = net.forward(given.x, { tape: false, ...(state && { state }), ...having(lengths) })
          assert.equal(numbers(result.output), expected.output)
          assert.equal(stateNumbers(result.state), expected.state)
        }
      })
    }

    test(`${kind}: a batch without any step gives its state back and adds nothing to gradients`, () => {
      const { net, given } = prepare(make, SHAPES[0]!)
      const none = new Array<number>(5).fill(0)
      const nothing = (tensor: Tensor) => spoil(tensor, none, Number.NaN)
      const actual = run(net, { ...given, x: nothing(given.x), dOutput: nothing(given.dOutput) }, none)
      assert.equal(actual, {
        output: numbers(zeros(given.dOutput)),
        state: mapValues(given.state, numbers),
        dInput: numbers(zeros(given.x)),
        dState: mapValues(given.dState, numbers),
        parameters: mapValues(actual.parameters, (values) => values.map(() => 0)),
      })
    })

    test(`${kind}: what a sample of no step is given does not reach the parameters' gradients`, () => {
      const { lengths } = SHAPES[0]!
      const { net, given } = prepare(make, SHAPES[0]!)
      const expected = run(net, given, lengths).parameters
      const other = (tensor: Tensor) => {
        const [n, B, columns] = tensor.shape as [number, number, number]
        const copy = tensor.runtime.tensor(tensor.data, tensor.shape)
        const { data } = copy
        for (let k = 0; k < n; k++) data.fill(100, (k * B + 2) * columns, (k * B + 3) * columns)
        return copy
      }
      const changed = { ...given, state: mapValues(given.state, other), dState: mapValues(given.dState, other) }
      assert.is(lengths[2], 0)
      assert.equal(run(net, changed, lengths).parameters, expected)
    })

    test(`${kind}: lengths that do not fit are refused, and nothing changes`, () => {
      const { net, given } = prepare(make, SHAPES[0]!)
      const expected = run(net, given, SHAPES[0]!.lengths)
      net.zeroGrad()
      const options = { tape: true, state: given.state as State, ...having(SHAPES[0]!.lengths) }
      const { output, state } = net.forward(given.x, options)
      const used = runtime.memoryUsed
      for (const [what, lengths, codes] of REFUSED) {
        assert.throws(
          () => net.forward(given.x, { ...options, lengths } as never),
          (error: { code: string; message: string }) =>
            codes.includes(error.code) && /^\w+\.forward: .*length/s.test(error.message),
          what,
        )
      }
      assert.is(runtime.memoryUsed, used)
      assert.equal(numbers(output), expected.output)
      assert.equal(stateNumbers(state), expected.state)
      const back = net.backward({ output: given.dOutput, state: given.dState })
      assert.equal(numbers(back.input as Tensor), expected.dInput)
      assert.equal(
        Object.fromEntries(net.parameters().map(({ name, grad }) => [name, numbers(grad)])),
        expected.parameters,
      )
    })
  }
  test.run()
}
