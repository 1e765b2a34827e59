import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRuntime } from '../../bindings/index.ts'
import { numbers } from '../support/nets.ts'

const collect = (globalThis as { gc?: () => void }).gc
const rt = await createRuntime({ seed: 1 })

const tensors = suite('a tensor')
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
heap.run()
