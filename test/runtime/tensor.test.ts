import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GRU, type RetrogradError, SGD, type Tensor, createRuntime } from '../../bindings/index.ts'
import { numbers } from '../support/nets.ts'
import { expectError } from '../support/refusals.ts'

const collect = (globalThis as { gc?: () => void }).gc
const rt = await createRuntime({ seed: 1 })

const tensors = suite('a tensor')
tensors('takes arrays whose rows are typed arrays, and booleans as 1 and 0, at any depth and mixed', () => {
  const rows = rt.tensor([Float32Array.of(1, 2), Int8Array.of(3, -4)] as never)
  assert.equal(rows.shape, [2, 2])
  assert.equal(Array.from(rows.data), [1, 2, 3, -4])
  const deep = rt.tensor([
    [Float64Array.of(0.5), [true]],
    [[2], Uint8Array.of(7)],
  ] as never)
  assert.equal(deep.shape, [2, 2, 1])
  assert.equal(Array.from(deep.data), [0.5, 1, 2, 7])
  const mask = rt.tensor([
    [true, false],
    [false, true],
  ] as never)
  assert.equal(Array.from(mask.data), [1, 0, 0, 1])
  assert.equal(Array.from(rt.indices([Int32Array.of(1, 2), [3, 4]] as never).data), [1, 2, 3, 4])
  const other = rt.tensor([5, 6])
  assert.equal(Array.from(rt.tensor([other.data, other.data] as never).data), [5, 6, 5, 6])
})

tensors('refuses arrays without end, rows of unequal length and rows of 64-bit integers, and takes no memory', () => {
  const endless: unknown[] = []
  endless.push(endless)
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
  const used = rt.memoryUsed
  for (const values of [endless, nested(33), nested(5000)])
    assert.throws(
      () => rt.tensor(values as never),
      (error: Error) => error.name === 'RetrogradError' && /nested deeper than 32 arrays/.test(error.message),
    )
  assert.throws(
    () => rt.tensor([Float32Array.of(1), Float32Array.of(1, 2)] as never),
    /ragged: an array of 2 at depth 1/,
  )
  assert.throws(() => rt.tensor([BigInt64Array.of(1n)] as never), /64-bit integers/)
  assert.throws(() => rt.tensor([[1], Float32Array.of(1, 2)] as never), /ragged/)
  assert.throws(() => rt.tensor([1, [2]] as never), /./)
  assert.is(rt.memoryUsed, used)
  assert.is(rt.tensor(nested(32) as never).shape.length, 32)
})

tensors('takes nested arrays and gives them back', () => {
  const values = [
    [
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [7, 8],
    ],
    [
      [9, 10],
      [11, 12],
    ],
  ]
  const tensor = rt.tensor(values)
  assert.equal(tensor.shape, [3, 2, 2])
  assert.equal(tensor.toArray(), values)
})
tensors('converts numbers to the type of the runtime', async () => {
  assert.equal(numbers(rt.tensor(new Float64Array([0.1]))), [Math.fround(0.1)])
  const wide = await createRuntime({ dtype: 'float64' })
  assert.equal(numbers(wide.tensor(new Float32Array([0.1]))), [Math.fround(0.1)])
  assert.equal(numbers(wide.tensor([0.1])), [0.1])
  assert.ok(rt.indices([[1, 2]]).data instanceof Int32Array)
})
tensors('is a copy, and clone is another', () => {
  const source = new Float32Array([1, 2, 3])
  const tensor = rt.tensor(source)
  source[0] = 9
  const clone = tensor.clone()
  tensor.data[1] = 7
  assert.equal(
    [numbers(tensor), numbers(clone)],
    [
      [1, 7, 3],
      [1, 2, 3],
    ],
  )
})
tensors('may be made of another one, also when memory must grow for it', async () => {
  const small = await createRuntime()
  let tensor = small.tensor(new Float32Array(100_000).fill(2))
  for (let i = 0; i < 20; i++) tensor = small.tensor(tensor.data)
  assert.ok(tensor.data.length === 100_000 && tensor.data.every((x) => x === 2))
})
tensors('dropped without dispose gives its memory back', async () => {
  if (!collect) return
  const before = rt.memoryUsed
  for (let i = 0; i < 10; i++) rt.tensor(new Float32Array(1000))
  assert.ok(rt.memoryUsed > before)
  for (let i = 0; i < 50 && rt.memoryUsed > before; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.ok(rt.memoryUsed <= before)
})
tensors.run()

const frozen = suite('shape')
frozen('belongs to the tensor: neither a write to it nor to the list that was handed over changes one', () => {
  const given = [2, 3]
  const gru = new GRU(rt, { inputSize: 3, hiddenSize: 3 })
  const tensors = {
    tensor: rt.tensor(new Float32Array(6), given),
    clone: rt.tensor([[1, 2, 3]]).clone(),
    state: (gru.initialState(2) as { h: Tensor }).h,
    output: gru.forward(rt.tensor(new Float32Array(6), [1, 2, 3])).output,
    parameter: gru.parameters()[0]!.value,
  }
  for (const [name, tensor] of Object.entries(tensors)) {
    const shape = [...tensor.shape]
    assert.throws(() => ((tensor.shape as number[])[0] = 1e6), TypeError, name)
    assert.throws(() => (tensor.shape as number[]).push(4), TypeError, name)
    assert.throws(() => ((tensor as { shape: unknown }).shape = [1]), TypeError, name)
    assert.equal([...tensor.shape], shape)
  }
  given[0] = 7
  assert.equal([...tensors.tensor.shape], [2, 3])
})
frozen.run()

const heap = suite('memory')
heap('is joined again when neighbours are given back', async () => {
  const small = await createRuntime({ maxMemory: 2 ** 21 })
  const used = small.memoryUsed
  for (let round = 0; round < 5; round++) {
    const parts = Array.from({ length: 8 }, () => small.tensor(new Float32Array(30_000)))
    for (const i of [1, 3, 5, 7, 0, 2, 4, 6]) parts[i]!.dispose()
    small.tensor(new Float32Array(8 * 30_000)).dispose()
  }
  assert.is(small.memoryUsed, used)
})
heap('says what helps where it runs out', async () => {
  const small = await createRuntime({ maxMemory: 2 ** 21 })
  const remedy = /maxMemory is 2097152\. Dispose of .*let the event loop turn.*raise maxMemory/
  assert.throws(() => small.tensor(new Float32Array(2 ** 20)), remedy)
  assert.is(small.tensor([1]).data[0], 1)
})
heap(
  'of a runtime that was disposed of goes back to the host while its tensors and modules are still held',
  async () => {
    const held: object[] = []
    const settled = async () => {
      for (let i = 0; i < 5; i++) {
        collect!()
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      return process.memoryUsage().rss
    }
    const make = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const ended = await createRuntime()
        held.push(ended, ended.tensor(new Float32Array(2 ** 21)), new GRU(ended, { inputSize: 2, hiddenSize: 2 }))
        ended.dispose()
      }
    }
    await make(4)
    const before = await settled()
    await make(40)
    // each had 8 MB: 320 in all, of which a few may wait for the collector
    assert.ok((await settled()) - before < 80e6)
  },
)
heap('and whatever is done with them is refused', async () => {
  const ended = await createRuntime()
  const x = ended.tensor([[1, 2]])
  const gru = new GRU(ended, { inputSize: 2, hiddenSize: 2 })
  const sgd = new SGD(gru)
  ended.dispose()
  const calls: Record<string, () => unknown> = {
    data: () => x.data,
    clone: () => x.clone(),
    tensor: () => ended.tensor([1]),
    forward: () => gru.forward(x),
    step: () => gru.step(x, undefined),
    initialState: () => gru.initialState(1),
    stateDict: () => gru.stateDict(),
    zeroGrad: () => gru.zeroGrad(),
    parameter: () => gru.parameters()[0]!.value.data,
    optimiser: () => sgd.step(),
    'a new module': () => new GRU(ended, { inputSize: 2, hiddenSize: 2 }),
  }
  for (const call of Object.values(calls)) expectError('disposed', ['disposed of'], call)
  for (const part of [gru, x, ended]) part.dispose()
})
heap.run()

const host = suite('a host without memory')
host('is told of by our own error, which says what helps', async () => {
  const { Instance } = WebAssembly
  Object.assign(WebAssembly, {
    Instance: class {
      constructor() {
        throw new RangeError('WebAssembly.Instance(): Out of memory')
      }
    },
  })
  try {
    await createRuntime()
    assert.unreachable()
  } catch (error) {
    assert.is((error as RetrogradError).code, 'memory', String(error))
    assert.match((error as RetrogradError).message, /Out of memory.*[Dd]ispose of runtimes/)
  } finally {
    Object.assign(WebAssembly, { Instance })
  }
})
host('a binary of something else is told of too', async () => {
  // a module that imports a function "m" "f"
  const wasm = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0, 0)
  try {
    await createRuntime({ wasm })
    assert.unreachable()
  } catch (error) {
    assert.is((error as RetrogradError).code, 'unsupported', String(error))
  }
})
host.run()
