/** How tensors look where they are printed. */
import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, createRuntime } from '../../bindings/index.ts'

const [rt, precise] = [await createRuntime({ variant: 'simd' }), await createRuntime({ dtype: 'float64' })]

const test = suite('a printed tensor')

test('is a line of shape, type and the first values', () => {
  const third = precise.tensor([[1 / 3, -2.5, 1e-20]])
  for (const print of [inspect, String]) {
    assert.is(print(rt.tensor([[1.25, 2.5]])), 'Tensor [1, 2] float32 [1.25, 2.5]')
    assert.is(print(third), 'Tensor [1, 3] float64 [0.33333, -2.5, 1e-20]')
    assert.is(print(rt.indices([3, 70_000])), 'Tensor [2] int32 [3, 70000]')
    assert.is(print(rt.tensor([7], [])), 'Tensor [] float32 [7]')
    assert.is(print(rt.tensor([], [0, 3])), 'Tensor [0, 3] float32 []')
    assert.is(print(rt.tensor([NaN, Infinity, -0])), 'Tensor [3] float32 [NaN, Infinity, 0]')
  }
})

test('shows eight values of a large one', () => {
  const large = rt.tensor(
    Array.from({ length: 6000 }, (_, i) => i),
    [10, 20, 30],
  )
  assert.is(inspect(large), 'Tensor [10, 20, 30] float32 [0, 1, 2, 3, 4, 5, 6, 7, …]')
  assert.is(inspect({ output: large }), '{ output: Tensor [10, 20, 30] float32 [0, 1, 2, 3, 4, 5, 6, 7, …] }')
})

test('says that it is gone', () => {
  const gone = rt.tensor([1, 2])
  gone.dispose()
  assert.is(inspect(gone), 'Tensor [2] float32 (disposed)')
  assert.throws(() => JSON.stringify(gone), /^Tensor\.toJSON: the tensor was disposed of$|Tensor\.toJSON/)
})

test('in JSON is an entry of a state dict', () => {
  const gru = new GRU(rt, { inputSize: 1, hiddenSize: 1 })
  const dict = Object.fromEntries(gru.parameters().map(({ name, value }) => [name, value]))
  const before = gru.stateDict()
  gru.loadStateDict(JSON.parse(JSON.stringify(dict)))
  assert.equal(gru.stateDict(), before)
})

test('is not changed by it, nor is the module it belongs to', () => {
  const gru = new GRU(rt, { inputSize: 1, hiddenSize: 1 })
  const [{ value }] = gru.parameters() as [ReturnType<GRU['parameters']>[0]]
  const { version } = gru.blocks()[0]!
  inspect(value)
  JSON.stringify(value)
  assert.is(gru.blocks()[0]!.version, version)
})

test.run()
