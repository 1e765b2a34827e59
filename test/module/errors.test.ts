import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  DEQ,
  GRU,
  LSTM,
  LastStep,
  Linear,
  RNN,
  Recurrent,
  RetrogradError,
  SGD,
  Sequential,
  type Tensor,
  type Value,
  clipGradNorm,
  clipGradValue,
  createRuntime,
  crossEntropyLoss,
  defineCell,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { add, linear, lstmGates, prev, tanh } from '../../bindings/ops.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const rt = await createRuntime({ seed: 1 })
const other = await createRuntime()
const lstm = new LSTM(rt, { inputSize: 4, hiddenSize: 3 })
const net = new Sequential(rt, [lstm, new LastStep(rt), new Linear(rt, { inFeatures: 3, outFeatures: 2 })])
const x = drawTensor(rt, 1, 'x', [5, 2, 4])
const logits = drawTensor(rt, 2, 'logits', [2, 3])
const gone = rt.tensor([1, 2], [2])
gone.dispose()
const deadNet = new RNN(rt, { inputSize: 1, hiddenSize: 1 })
deadNet.dispose()

const any = (value: unknown) => value as never

/** What is done, the error's code, and what its message must say. */
const CASES: [string, () => unknown, string, RegExp][] = [
  [
    'wrong rank',
    () => lstm.forward(rt.tensor([[1, 2, 3, 4]])),
    'shape',
    /^LSTM\.forward: input is \[1, 4\]; expected \[T, B, 4\] \(inputSize is 4\)$/,
  ],
  [
    'wrong size',
    () => lstm.forward(rt.tensor(new Float32Array(12), [2, 2, 3])),
    'shape',
    /^LSTM\.forward: input is \[2, 2, 3\]; expected \[T, B, 4\]/,
  ],
  ['empty batch', () => lstm.forward(rt.tensor([], [3, 0, 4])), 'shape', /batch is empty/],
  ['T = 0', () => lstm.forward(rt.tensor([], [0, 2, 4])), 'shape', /T = 0/],
  [
    'Linear: wrong rank',
    () => new Linear(rt, { inFeatures: 2, outFeatures: 1 }).forward(rt.tensor([1, 2])),
    'shape',
    /Linear\.forward: input is \[2\]/,
  ],
  ['not a tensor', () => lstm.forward(any([1, 2])), 'type', /LSTM\.forward: input is an array; expected a tensor/],
  ['ids for numbers', () => lstm.forward(rt.indices([1], [1, 1, 1])), 'type', /int32/],
  ['another runtime', () => lstm.forward(drawTensor(other, 1, 'x', [5, 2, 4])), 'runtime', /another runtime/],
  ['disposed input', () => lstm.forward(gone), 'disposed', /input was disposed of/],
  ['disposed module', () => deadNet.forward(x), 'disposed', /RNN\.forward: the module was disposed of/],
  ['disposed tensor read', () => gone.data, 'disposed', /Tensor\.data/],
  [
    'unknown forward option',
    () => lstm.forward(x, any({ lenghts: [1] })),
    'option',
    /unknown option 'lenghts'; known are state, tape/,
  ],
  [
    'unknown module option',
    () => new LSTM(rt, any({ inputSize: 1, hiddenSize: 1, biass: true })),
    'option',
    /LSTM: unknown option 'biass'/,
  ],
  [
    'missing size',
    () => new GRU(rt, any({ inputSize: 1 })),
    'option',
    /GRU: hiddenSize is undefined; expected a whole number >= 1/,
  ],
  [
    'no runtime',
    () => new RNN(any(undefined), { inputSize: 1, hiddenSize: 1 }),
    'type',
    /RNN: runtime is undefined; expected what createRuntime gives/,
  ],
  ['hidden size 0', () => new GRU(rt, { inputSize: 1, hiddenSize: 0 }), 'option', /hiddenSize is 0/],
  [
    'unknown nonlinearity',
    () => new RNN(rt, any({ inputSize: 1, hiddenSize: 1, nonlinearity: 'gelu' })),
    'option',
    /nonlinearity is 'gelu'; expected one of tanh, relu, identity/,
  ],
  [
    'unknown activation',
    () => new GRU(rt, any({ inputSize: 1, hiddenSize: 1, recurrentActivation: 'step' })),
    'option',
    /^GRU: recurrentActivation is 'step'; expected one of tanh, sigmoid, relu/,
  ],
  ['unknown runtime option', () => createRuntime(any({ sead: 1 })), 'option', /unknown option 'sead'/],
  ['unknown dtype', () => createRuntime(any({ dtype: 'float16' })), 'option', /dtype is 'float16'/],
  [
    'bytes that are no binary',
    () => createRuntime({ wasm: new Uint8Array([1, 2, 3]) }),
    'unsupported',
    /does not compile/,
  ],
  [
    'state of the wrong shape',
    () =>
      lstm.forward(x, {
        state: { h: rt.tensor(new Float32Array(3), [1, 1, 3]), c: rt.tensor(new Float32Array(3), [1, 1, 3]) },
      }),
    'shape',
    /state\.h is \[1, 1, 3\]; expected \[1, 2, 3\]/,
  ],
  [
    'state with a part missing',
    () => lstm.forward(x, { state: { h: rt.tensor(new Float32Array(6), [1, 2, 3]) } }),
    'type',
    /state\.c is undefined/,
  ],
  ['step without a state', () => lstm.step(rt.tensor(new Float32Array(4), [1, 4])), 'type', /initialState\(1\)/],
  ['a batch that is no number', () => lstm.initialState(0), 'range', /batch is 0/],
  [
    'backward without a tape',
    () => new LSTM(rt, { inputSize: 4, hiddenSize: 3 }).backward({ output: x }),
    'tape',
    /no tape/,
  ],
  [
    'backward after eval forward',
    () => (lstm.forward(x, { tape: false }), lstm.backward({ output: drawTensor(rt, 1, 'd', [5, 2, 3]) })),
    'tape',
    /no tape/,
  ],
  [
    'backward after a step overwrote the tape',
    () => (
      lstm.forward(x),
      lstm.step(drawTensor(rt, 1, 's', [2, 4]), lstm.initialState(2)!),
      lstm.backward({ output: drawTensor(rt, 1, 'd', [5, 2, 3]) })
    ),
    'tape',
    /no tape/,
  ],
  ['backward after its input was disposed of', disposedInput, 'tape', /input of the recorded forward was disposed of/],
  [
    'gradient of the wrong shape',
    () => (lstm.forward(x), lstm.backward({ output: x })),
    'shape',
    /LSTM\.backward: output is \[5, 2, 4\]; expected \[5, 2, 3\]/,
  ],
  ['backward of nothing', () => (lstm.forward(x), lstm.backward({})), 'type', /neither output nor state/],
  [
    'state dict: names',
    () => lstm.loadStateDict({ weight: { shape: [1], data: [1] } }),
    'state-dict',
    /missing: weight_ih_l0, .*; unknown: weight/,
  ],
  [
    'state dict: shapes',
    () => lstm.loadStateDict({ ...lstm.stateDict(), weight_ih_l0: { shape: [12, 3], data: new Float32Array(36) } }),
    'state-dict',
    /'weight_ih_l0' is \[12, 3\]; expected \[12, 4\]/,
  ],
  [
    'id out of range',
    () => crossEntropyLoss(logits, rt.indices([0, 3])),
    'range',
    /id 3 at position 1 is out of range; expected 0 to 2/,
  ],
  ['negative id', () => crossEntropyLoss(logits, rt.indices([-1, 0])), 'range', /id -1 at position 0/],
  ['ids of the wrong shape', () => crossEntropyLoss(logits, rt.indices([0])), 'shape', /ids is \[1\]; expected \[2\]/],
  [
    'target of the wrong shape',
    () => mseLoss(logits, drawTensor(rt, 1, 't', [3, 2])),
    'shape',
    /target is \[3, 2\]; expected the prediction's \[2, 3\]/,
  ],
  ['mask of the wrong shape', () => mseLoss(logits, logits, { mask: rt.tensor([1, 1, 1]) }), 'shape', /mask is \[3\]/],
  ['unknown reduction', () => mseLoss(logits, logits, any({ reduction: 'none' })), 'option', /reduction is 'none'/],
  [
    'numbers that do not fill a shape',
    () => rt.tensor([1, 2, 3], [2, 2]),
    'shape',
    /3 numbers do not fill the shape \[2, 2\]/,
  ],
  ['ragged arrays', () => rt.tensor([[1, 2], [3]]), 'shape', /ragged/],
  ['ids that are not whole', () => rt.indices([0.5]), 'range', /element 0 is 0\.5/],
  ['disposing of a result', () => lstm.forward(x).output.dispose(), 'type', /belongs to a module/],
  [
    'optimiser: unknown option',
    () => new Adam(net, any({ learningRate: 1 })),
    'option',
    /Adam: unknown option 'learningRate'/,
  ],
  ['optimiser: negative rate', () => new SGD(net, { lr: -1 }), 'option', /SGD: lr is -1/],
  ['optimiser: beta 1', () => new Adam(net, { betas: [0.9, 1] }), 'option', /betas holds 1/],
  ['optimiser of nothing', () => new Adam(new LastStep(rt)), 'type', /no parameters/],
  [
    'optimiser state of another model',
    () => new Adam(net).loadStateDict(new Adam(lstm).stateDict()),
    'state-dict',
    /Adam\.loadStateDict/,
  ],
  ['Sequential: a module twice', () => new Sequential(rt, [lstm, new Sequential(rt, [lstm])]), 'type', /stands twice/],
  [
    'Sequential: a mixture of orders',
    () => new Sequential(rt, [lstm, new LSTM(rt, { inputSize: 3, hiddenSize: 2, batchFirst: true })]),
    'option',
    /some modules are batchFirst/,
  ],
  [
    'Sequential: a later state that does not fit',
    () => net.forward(x, { state: [undefined, undefined, { h: x }] }),
    'option',
    /state 2: state is given; this module has none/,
  ],
  [
    'Sequential: a gradient by a state that does not fit',
    () => (
      net.forward(x),
      net.backward({ output: drawTensor(rt, 1, 'd', [2, 2]), state: [{ h: x, c: x }, undefined, undefined] })
    ),
    'shape',
    /state\.h is \[5, 2, 4\]; expected \[1, 2, 3\]/,
  ],
  [
    'Sequential: step without a state',
    () => net.step(drawTensor(rt, 1, 's', [2, 4]), [undefined, undefined, undefined]),
    'type',
    /state 0 is missing/,
  ],
  [
    'state dict: no entry',
    () => lstm.loadStateDict({ ...lstm.stateDict(), weight_ih_l0: any(null) }),
    'state-dict',
    /'weight_ih_l0' has no shape/,
  ],
  [
    'state dict: text',
    () => lstm.loadStateDict({ ...lstm.stateDict(), bias_ih_l0: { shape: [12], data: any('abcdefghijkl') } }),
    'state-dict',
    /'bias_ih_l0' holds 'abcdefghijkl'; expected 12 numbers/,
  ],
  [
    'optimiser state: 64-bit integers',
    () => {
      const adam = new Adam(lstm)
      adam.loadStateDict({
        ...adam.stateDict(),
        'mean.0': { shape: [160], data: new BigInt64Array(adam.stateDict()['mean.0']!.data.length) },
      })
    },
    'state-dict',
    /bigints; expected/,
  ],
  [
    'step of a cell that reads further back, without its past',
    () => {
      const far = new Recurrent(rt, {
        cell: defineCell({
          state: { h: 2 },
          input: { x: 2 },
          params: {},
          step: ({ x: u, h }) => {
            const next = add(u!, prev(h!, 2))
            return { state: { h: next }, output: next }
          },
        }),
      })
      const { h } = far.initialState(1) as { h: Tensor }
      return far.step(drawTensor(rt, 1, 's', [1, 2]), { h })
    },
    'type',
    /step: state\.past is missing; make one with initialState\(1\)/,
  ],
  [
    'cell: gates of the wrong width',
    () => cellModule({ x: 12 }, ({ x: a, h }) => lstmGates(any(a), any(h)).hidden),
    'cell',
    /lstmGates: operands are \[B, 12\] and \[B, 2\]; expected values \[B, 4H\] and \[B, H\]/,
  ],
  ['cell: a value of another step', leakedValue, 'cell', /is a value of another step/],
  [
    'cell: a parameter of three axes',
    () =>
      new Recurrent(rt, {
        cell: defineCell({
          state: {},
          input: { x: 1 },
          params: { W: [2, 1, 5] },
          step: ({ x: u }) => ({ state: {}, output: u! }),
        }),
      }),
    'cell',
    /'W' has 3 axes/,
  ],
  ['clip bound 0', () => clipGradNorm(net, 0), 'option', /maxNorm is 0/],
  ['clip value NaN', () => clipGradValue(net, Number.NaN), 'option', /bound is NaN/],
  ['Sequential of nothing', () => new Sequential(rt, []), 'type', /at least one module/],
  ['Sequential over runtimes', () => new Sequential(other, [lstm]), 'runtime', /another runtime/],
  [
    'fit: samples do not match',
    () => fit(net, { input: x, target: drawTensor(rt, 1, 'y', [3, 2]) }, { loss: mseLoss, optimizer: new SGD(net) }),
    'shape',
    /^fit: data\.target is \[3, 2\]; expected 2 samples: \[5, 2, F\] for an output with time, \[2, F\] for one without$/,
  ],
  [
    'fit: unknown option',
    () => fit(net, { input: x, target: logits }, any({ loss: mseLoss, optimizer: new SGD(net), epoch: 1 })),
    'option',
    /unknown option 'epoch'/,
  ],
  [
    'fit: a loss that is not finite',
    () =>
      fit(
        net,
        { input: x, target: rt.tensor([Number.NaN, 0, 0, 0], [2, 2]) },
        { loss: mseLoss, optimizer: new SGD(net) },
      ),
    'non-finite',
    /NaN at epoch 1, batch 1; no update/,
  ],
  [
    'cell: a name twice',
    () =>
      defineCell({ state: { h: 1 }, input: { h: 1 }, params: {}, step: ({ h }) => ({ state: { h: h! }, output: h! }) }),
    'cell',
    /'h' is named twice/,
  ],
  ['cell: an unknown size', () => cellModule({ x: 'I' }, ({ h }) => h), 'cell', /size 'I' is not known/],
  [
    'cell: shapes that do not fit',
    () => cellModule({ x: 3 }, ({ h, W }) => linear(h!, W!)),
    'cell',
    /state 'h' becomes \[batch, 4\]|weight is \[4, 2\]|expected a value \[B, 2\]/,
  ],
  ['cell: a next state missing', () => cellModule({ x: 3 }, () => undefined), 'cell', /state 'h' becomes undefined/],
  ['cell: a number among values', () => cellModule({ x: 3 }, ({ h }) => tanh(any(h && 3))), 'cell', /tanh|number/],
]

function leakedValue(): unknown {
  let leak: Value | undefined
  const make = (step: (x: Value) => Value) =>
    new Recurrent(rt, {
      cell: defineCell({
        state: {},
        input: { x: 1 },
        params: {},
        step: ({ x: u }) => ({ state: {}, output: step(u!) }),
      }),
    })
  make((u) => (leak = u))
  return make((u) => add(u, leak!))
}

function disposedInput(): unknown {
  const input = drawTensor(rt, 1, 'x', [5, 2, 4])
  lstm.forward(input)
  input.dispose()
  return lstm.backward({ output: drawTensor(rt, 1, 'd', [5, 2, 3]) })
}

function cellModule(
  input: Record<string, number | string>,
  next: (values: Readonly<Record<string, never>>) => unknown,
): unknown {
  const cell = defineCell({
    state: { h: 2 },
    input,
    params: { W: [4, 2] },
    step: (values) => ({ state: { h: next(any(values)) as never }, output: values['h']! }),
  })
  return new Recurrent(rt, { cell })
}

const test = suite('refused, with a clear error and nothing changed')
for (const [name, call, code, message] of CASES) {
  test(name, async () => {
    const before = net.parameters().map(({ value }) => numbers(value))
    const output = numbers(net.forward(x).output as Tensor)
    let error: unknown
    try {
      await call()
    } catch (thrown) {
      error = thrown
    }
    assert.ok(error instanceof RetrogradError, `threw ${error}`)
    assert.is(error.code, code, error.message)
    assert.match(error.message, message)
    assert.equal(
      net.parameters().map(({ value }) => numbers(value)),
      before,
    )
    assert.equal(numbers(net.forward(x).output as Tensor), output)
  })
}

test('a loss over nothing but masked elements is 0 with gradient 0', () => {
  const { value, grad } = mseLoss(logits, rt.tensor(new Float32Array(6).fill(Number.NaN), [2, 3]), {
    mask: rt.tensor([0, 0]),
  })
  assert.is(value, 0)
  assert.ok(numbers(grad).every((g) => g === 0))
  assert.is(crossEntropyLoss(logits, rt.indices([9, 9]), { mask: rt.tensor([0, 0]) }).value, 0)
})

test('a gradient by a state, without a tape: the tape is what is missing, not the batch', () => {
  for (const module of [new RNN(rt, { inputSize: 3, hiddenSize: 3 }), new DEQ(rt, { inputSize: 3, hiddenSize: 3 })]) {
    const net = new Sequential(rt, [module])
    assert.throws(() => net.backward({ state: [module.initialState(2)] }), /there is no tape/)
  }
})

test('after dispose, a runtime says so', async () => {
  const runtime = await createRuntime()
  const rnn = new RNN(runtime, { inputSize: 1, hiddenSize: 1 })
  runtime.dispose()
  assert.throws(() => runtime.tensor([1]), /the runtime was disposed of/)
  assert.throws(() => rnn.parameters(), /the runtime was disposed of/)
})
test.run()
