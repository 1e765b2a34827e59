/** What losses, optimisers, clipping and fit refuse. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Adam,
  LastStep,
  SGD,
  clipGradNorm,
  clipGradValue,
  createRuntime,
  crossEntropyLoss,
  fit,
  mseLoss,
} from '../../bindings/index.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { type Refusal, any, makeBystander, testRefusals } from '../support/refusals.ts'

const rt = await createRuntime({ seed: 1 })
const bystander = makeBystander(rt)
const { lstm, net, x } = bystander
const logits = drawTensor(rt, 2, 'logits', [2, 3])

const CASES: Refusal[] = [
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
  [
    'optimiser state: 64-bit integers',
    () => {
      const adam = new Adam(lstm)
      adam.loadStateDict({
        ...adam.stateDict(),
        'mean.bias_ih_l0': { shape: [12], data: new BigInt64Array(12) },
      })
    },
    'state-dict',
    /bigint at position 0; expected/,
  ],
  ['clip bound 0', () => clipGradNorm(net, 0), 'option', /maxNorm is 0/],
  ['clip value NaN', () => clipGradValue(net, Number.NaN), 'option', /bound is NaN/],
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
]

const test = suite('refused, with a clear error and nothing changed')
testRefusals(test, bystander, CASES)

test('a loss over nothing but masked elements is 0 with gradient 0', () => {
  const { value, grad } = mseLoss(logits, rt.tensor(new Float32Array(6).fill(Number.NaN), [2, 3]), {
    mask: rt.tensor([0, 0]),
  })
  assert.is(value, 0)
  assert.ok(numbers(grad).every((g) => g === 0))
  assert.is(crossEntropyLoss(logits, rt.indices([9, 9]), { mask: rt.tensor([0, 0]) }).value, 0)
})
test.run()
