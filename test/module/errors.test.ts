/** What modules and their calls refuse. */
import { suite } from 'uvu'
import { GRU, LSTM, Linear, RNN, createRuntime } from '../../bindings/index.ts'
import { drawTensor } from '../support/nets.ts'
import { type Refusal, any, makeBystander, testRefusals } from '../support/refusals.ts'

const rt = await createRuntime({ seed: 1 })
const other = await createRuntime()
const bystander = makeBystander(rt)
const { lstm, x } = bystander
const gone = rt.tensor([1, 2], [2])
gone.dispose()
const deadNet = new RNN(rt, { inputSize: 1, hiddenSize: 1 })
deadNet.dispose()

const CASES: Refusal[] = [
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
  ['disposing of a result', () => lstm.forward(x).output.dispose(), 'type', /belongs to a module/],
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
]

const test = suite('refused, with a clear error and nothing changed')
testRefusals(test, bystander, CASES)
test.run()
