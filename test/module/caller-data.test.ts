/** What a caller does to his own data between forward and backward: nothing of it reaches the gradients. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Activation,
  DEQ,
  Dropout,
  Embedding,
  type ForwardOptions,
  GRU,
  LSTM,
  LastStep,
  LayerNorm,
  Linear,
  type Module,
  PositionalEmbedding,
  RNN,
  Recurrent,
  Residual,
  type Runtime,
  Sequential,
  type Tensor,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import { stateTensors } from '../../bindings/module/state.ts'
import { add, linear, mul } from '../../bindings/ops.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const [T, B, F] = [5, 3, 4]
const V = 7

/** A module, what it is given, and how. */
interface Case {
  readonly make: (rt: Runtime) => Module
  readonly input?: (rt: Runtime) => Tensor | Record<string, Tensor>
  readonly options?: () => ForwardOptions
  /** It gets a first state that is not 0. */
  readonly hasState?: boolean
}

const size = { inputSize: F, hiddenSize: F }
const ids = (rt: Runtime) =>
  rt.indices(
    Array.from({ length: T * B }, (_, i) => (i * 5) % V),
    [T, B],
  )
const twoInputs = defineCell({
  state: { h: 'H' },
  input: { x: 'H', y: 'H' },
  params: { W: ['H', 'H'] },
  step: ({ x, y, h, W }) => ({ state: { h: add(linear(h!, W!), mul(x!, y!)) }, output: mul(h!, y!) }),
})

const CASES: Record<string, Case> = {
  LSTM: { make: (rt) => new LSTM(rt, { ...size, numLayers: 2 }), hasState: true },
  'GRU with lengths': { make: (rt) => new GRU(rt, size), options: () => ({ lengths: Int32Array.of(5, 2, 0) }) },
  'GRU, batch first': { make: (rt) => new GRU(rt, { ...size, batchFirst: true }) },
  'RNN, both directions, one sample long': { make: (rt) => new RNN(rt, { ...size, bidirectional: true }) },
  'LSTM with checkpoints': {
    make: (rt) => new LSTM(rt, { ...size, skips: [2] }),
    options: () => ({ checkpoint: 2 }),
    hasState: true,
  },
  'RNN, truncated': { make: (rt) => new RNN(rt, size), options: () => ({ truncation: { window: 3, stride: 2 } }) },
  'a cell with two inputs': {
    make: (rt) => new Recurrent(rt, { cell: twoInputs, sizes: { H: F } }),
    input: (rt) => ({ x: drawTensor(rt, 1, 'x', [T, B, F]), y: drawTensor(rt, 1, 'y', [T, B, F]) }),
    hasState: true,
  },
  Linear: { make: (rt) => new Linear(rt, { inFeatures: F, outFeatures: 2 }) },
  LayerNorm: { make: (rt) => new LayerNorm(rt, { normalizedShape: F }) },
  ReLU: { make: (rt) => new Activation(rt, { name: 'relu' }) },
  Dropout: { make: (rt) => new Dropout(rt, { p: 0.5 }) },
  Embedding: { make: (rt) => new Embedding(rt, { numEmbeddings: V, embeddingDim: F }), input: ids },
  'Embedding with lengths': {
    make: (rt) => new Embedding(rt, { numEmbeddings: V, embeddingDim: F, paddingIdx: 2 }),
    input: ids,
    options: () => ({ lengths: [5, 2, 0] }),
  },
  PositionalEmbedding: { make: (rt) => new PositionalEmbedding(rt, { maxLength: 9, embeddingDim: F }) },
  'LastStep with lengths': { make: (rt) => new LastStep(rt), options: () => ({ lengths: Int32Array.of(5, 2, 0) }) },
  'Residual with lengths': {
    make: (rt) => new Residual(rt, new Linear(rt, { inFeatures: F, outFeatures: F })),
    options: () => ({ lengths: Int32Array.of(5, 2, 0) }),
  },
  'Sequential of ids': {
    make: (rt) =>
      new Sequential(rt, [
        new Embedding(rt, { numEmbeddings: V, embeddingDim: F }),
        new Residual(rt, new GRU(rt, size)),
        new Linear(rt, { inFeatures: F, outFeatures: 2 }),
      ]),
    input: ids,
  },
  DEQ: { make: (rt) => new DEQ(rt, size), hasState: true },
  'DEQ with lengths': { make: (rt) => new DEQ(rt, size), options: () => ({ lengths: Int32Array.of(5, 2, 0) }) },
  'DEQ, unrolled': {
    make: (rt) => new DEQ(rt, { ...size, solver: { name: 'picard', maxIter: 300 }, adjoint: 'unrolled' }),
  },
}

type Given = { input: Tensor | Record<string, Tensor>; options: ForwardOptions }

const tensorsOf = (input: Given['input']): Tensor[] => ('address' in input ? [input as Tensor] : Object.values(input))

/** What is done between forward and backward. */
const DEEDS: Record<string, (given: Given) => void> = {
  'fills input, state and lengths anew': ({ input, options }) => {
    for (const tensor of [...tensorsOf(input), ...stateTensors(options.state).map(([, tensor]) => tensor)])
      tensor.data.fill(tensor.data instanceof Int32Array ? 2 ** 30 : 1e9)
    ;(options.lengths as Int32Array | undefined)?.fill(1)
  },
  'disposes of input and state, and makes tensors in their place': ({ input, options }) => {
    const { runtime } = tensorsOf(input)[0]!
    for (const tensor of [...tensorsOf(input), ...stateTensors(options.state).map(([, tensor]) => tensor)]) {
      const { size } = tensor
      tensor.dispose()
      runtime.tensor(new Float64Array(size).fill(1e9))
    }
  },
}

/** Gradients by parameters, input and state. */
async function gradientsOf({ make, input, options, hasState }: Case, keep: boolean, deed?: (given: Given) => void) {
  const rt = await createRuntime({ dtype: 'float64', seed: 2 })
  const module = make(rt)
  const x = input?.(rt) ?? drawTensor(rt, 1, 'x', [T, B, F])
  const state = hasState ? module.initialState(B) : undefined
  for (const [name, tensor] of stateTensors(state)) tensor.data.set(numbers(drawTensor(rt, 3, name, tensor.shape)))
  const all = { ...options?.(), ...(state && { state }), keep }
  const result = module.forward(x, all)
  const gradient = drawTensor(rt, 4, 'd', result.output.shape)
  deed?.({ input: x, options: all })
  const back = module.backward({ output: gradient }, keep ? { tape: result.tape } : {})
  const again = module.forward(input?.(rt) ?? drawTensor(rt, 1, 'x', [T, B, F]), options?.())
  return {
    parameters: module.parameters().map(({ grad }) => numbers(grad)),
    input: back.input && tensorsOf(back.input as Tensor).map(numbers),
    state: stateTensors(back.state).map(([, tensor]) => numbers(tensor)),
    'the next output': numbers(again.output),
    'the next state': stateTensors(again.state).map(([, tensor]) => numbers(tensor)),
  }
}

const data = suite('data of the caller')
for (const [name, each] of Object.entries(CASES)) {
  for (const [deed, act] of Object.entries(DEEDS)) {
    for (const keep of [false, true]) {
      data(`${name}${keep ? ', kept' : ''}: who ${deed} gets the same gradients`, async () => {
        assert.equal(await gradientsOf(each, keep, act), await gradientsOf(each, keep))
      })
    }
  }
}

data('a result of one module is copied by the next: running the first again changes no gradient', async () => {
  const run = async (again: boolean) => {
    const rt = await createRuntime({ dtype: 'float64', seed: 2 })
    const [gru, head] = [new GRU(rt, size), new Linear(rt, { inFeatures: F, outFeatures: 2 })]
    const { output } = head.forward(gru.forward(drawTensor(rt, 1, 'x', [T, B, F])).output)
    if (again) gru.forward(drawTensor(rt, 9, 'x', [T, B, F]))
    head.backward({ output: drawTensor(rt, 4, 'd', output.shape) })
    return numbers(head.parameters()[0]!.grad)
  }
  assert.equal(await run(true), await run(false))
})

data('the gradient of a caller is read, never written to nor handed back as a result', async () => {
  for (const [name, { make, input, options }] of Object.entries(CASES)) {
    const rt = await createRuntime({ dtype: 'float64', seed: 2 })
    const module = make(rt)
    const { output } = module.forward(input?.(rt) ?? drawTensor(rt, 1, 'x', [T, B, F]), options?.())
    const gradient = drawTensor(rt, 4, 'd', output.shape)
    const before = numbers(gradient)
    const back = module.backward({ output: gradient })
    for (const tensor of back.input ? tensorsOf(back.input as Tensor) : []) tensor.data.fill(5)
    assert.equal(numbers(gradient), before, name)
  }
})

data('a tensor that the caller puts into a result is not written to by the next call', async () => {
  for (const [name, { make, input, options }] of Object.entries(CASES)) {
    const rt = await createRuntime({ dtype: 'float64', seed: 2 })
    const module = make(rt)
    const x = input?.(rt) ?? drawTensor(rt, 1, 'x', [T, B, F])
    const run = () => {
      const forward = module.forward(x, options?.())
      return { forward, backward: module.backward({ output: drawTensor(rt, 4, 'd', forward.output.shape) }) }
    }
    const { forward, backward } = run()
    const mine: Tensor[] = []
    for (const state of [forward.state, backward.state, backward.input]) {
      if (state === undefined || Array.isArray(state) || 'address' in state) continue
      for (const [key, tensor] of Object.entries(state as Record<string, Tensor>)) {
        const own = rt.tensor(new Float64Array(tensor.size), tensor.shape)
        Object.assign(state, { [key]: own })
        mine.push(own)
      }
    }
    run()
    for (const tensor of mine)
      assert.ok(
        tensor.data.every((value) => value === 0),
        name,
      )
  }
})

data('the spectral radius of a DEQ is that at the input which it solved for', async () => {
  const rt = await createRuntime({ dtype: 'float64', seed: 2 })
  const deq = new DEQ(rt, size).eval()
  const x = drawTensor(rt, 1, 'x', [B, F])
  deq.forward(x)
  const radius = deq.spectralRadius()
  x.data.fill(30)
  assert.is(deq.spectralRadius(), radius)
})

data('a Residual takes the result of the module that it is about', async () => {
  const run = async (copy: boolean) => {
    const rt = await createRuntime({ dtype: 'float64', seed: 2 })
    const inner = new Linear(rt, { inFeatures: F, outFeatures: F })
    const residual = new Residual(rt, inner)
    const { output } = inner.forward(drawTensor(rt, 1, 'x', [T, B, F]))
    return numbers(residual.forward(copy ? output.clone() : output).output)
  }
  assert.equal(await run(false), await run(true))
})
data.run()
