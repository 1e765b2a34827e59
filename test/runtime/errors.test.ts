/** What runtimes and tensors refuse. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RNN, createRuntime } from '../../bindings/index.ts'
import { type Refusal, any, makeBystander, testRefusals } from '../support/refusals.ts'

const rt = await createRuntime({ seed: 1 })
const bystander = makeBystander(rt)
const gone = rt.tensor([1, 2], [2])
gone.dispose()

const CASES: Refusal[] = [
  ['disposed tensor read', () => gone.data, 'disposed', /Tensor\.data/],
  ['unknown runtime option', () => createRuntime(any({ sead: 1 })), 'option', /unknown option 'sead'/],
  ['unknown dtype', () => createRuntime(any({ dtype: 'float16' })), 'option', /dtype is 'float16'/],
  [
    'bytes that are no binary',
    () => createRuntime({ wasm: new Uint8Array([1, 2, 3]) }),
    'unsupported',
    /does not compile/,
  ],
  [
    'numbers that do not fill a shape',
    () => rt.tensor([1, 2, 3], [2, 2]),
    'shape',
    /3 numbers do not fill the shape \[2, 2\]/,
  ],
  ['ragged arrays', () => rt.tensor([[1, 2], [3]]), 'shape', /ragged/],
  ['ids that are not whole', () => rt.indices([0.5]), 'range', /element 0 is 0\.5/],
]

const test = suite('refused, with a clear error and nothing changed')
testRefusals(test, bystander, CASES)

test('after dispose, a runtime says so', async () => {
  const runtime = await createRuntime()
  const rnn = new RNN(runtime, { inputSize: 1, hiddenSize: 1 })
  runtime.dispose()
  assert.throws(() => runtime.tensor([1]), /the runtime was disposed of/)
  assert.throws(() => rnn.parameters(), /the runtime was disposed of/)
})
test.run()
