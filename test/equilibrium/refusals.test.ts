/** Options, cells and calls that a DEQ refuses. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DEQ,
  type DEQOptions,
  type RetrogradError,
  type Tensor,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import { add, linear, prev, tanh } from '../../bindings/ops.ts'
import { dropout } from '../../bindings/program/ops/dropout.ts'
import { drawTensor } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })

const refused = suite('refused')
const make = (options: object) => new DEQ(double, { inputSize: 2, hiddenSize: 3, ...options } as DEQOptions)
const REFUSED: [string, object, RegExp][] = [
  ['an unknown option', { hidden: 3 }, /hidden/],
  ['an unknown solver', { solver: 'pickard' }, /pickard/],
  ['an unknown adjoint', { adjoint: 'newton' }, /newton/],
  ["a solver's unknown option", { solver: { name: 'picard', beta: 1 } }, /beta/],
  ["an adjoint's unknown option", { adjoint: { name: 'lu', restart: 3 } }, /restart/],
  ['a tolerance of 0 where it plays no part', { adjoint: { name: 'jfb', tol: 0 } }, /tol/],
  ['maxIter 0', { solver: { name: 'picard', maxIter: 0 } }, /maxIter/],
  ['maxIter 1.5', { solver: { name: 'picard', maxIter: 1.5 } }, /maxIter/],
  ['maxIter NaN', { solver: { name: 'picard', maxIter: NaN } }, /maxIter/],
  ['tol 0', { solver: { name: 'picard', tol: 0 } }, /tol/],
  ['tol < 0', { adjoint: { name: 'gmres', tol: -1 } }, /tol/],
  ['tol NaN', { solver: { name: 'picard', tol: NaN } }, /tol/],
  ['an unknown mode', { solver: { name: 'picard', mode: 'rel' } }, /mode/],
  ['an unknown manner', { onFailure: 'ignore' }, /onFailure/],
  ['an unknown manner of a solver', { solver: { name: 'auto', onFailure: 'ignore' } }, /onFailure/],
  ['damping 0', { solver: { name: 'picard', damping: 0 } }, /damping/],
  ['damping 3', { solver: { name: 'picard', damping: 3 } }, /damping/],
  ['beta -1', { solver: { name: 'anderson', beta: -1 } }, /beta/],
  ['m 0', { solver: { name: 'anderson', m: 0 } }, /\bm\b/],
  ['terms 0', { adjoint: { name: 'neumann', terms: 0 } }, /terms/],
  ['unrolled without picard', { adjoint: 'unrolled' }, /unrolled.*picard.*auto/],
  ['unrolled with newton', { adjoint: 'unrolled', solver: 'newton' }, /unrolled.*picard.*newton/],
  ['a memory beyond reason', { solver: { name: 'anderson', m: 65536 } }, /m is 65536; expected at most 1024/],
  ['… of Broyden', { solver: { name: 'broyden', memory: 2 ** 30 } }, /memory/],
  ['… of a Krylov space', { adjoint: { name: 'gmres', restart: 20000 } }, /restart/],
  ['more random vectors than anyone needs', { jacobianPenalty: { weight: 1, samples: 1e9 } }, /samples/],
  ['lu with n > 256', { hiddenSize: 257, adjoint: 'lu' }, /257.*256.*gmres/],
  ['a nonlinearity that is none', { nonlinearity: 'tan' }, /nonlinearity/],
  ['hiddenSize 0', { hiddenSize: 0 }, /hiddenSize/],
  ['inputSize missing', { inputSize: undefined }, /inputSize/],
  ['spectralNorm 0', { spectralNorm: 0 }, /spectralNorm/],
  ['spectralNorm NaN', { spectralNorm: NaN }, /spectralNorm/],
  ['a negative penalty', { jacobianPenalty: { weight: -1 } }, /weight/],
  ['a penalty without a weight', { jacobianPenalty: {} }, /weight/],
  ['a penalty of no samples', { jacobianPenalty: { weight: 1, samples: 0 } }, /samples/],
  ["a penalty's unknown option", { jacobianPenalty: { weight: 1, sample: 2 } }, /sample/],
  ['a solver that is null', { solver: null }, /solver/],
  ['a solver that is a number', { solver: 3 }, /solver/],
]
for (const [title, options, message] of REFUSED) {
  refused(title, () => {
    const used = double.memoryUsed
    assert.throws(
      () => make(options),
      (error: RetrogradError) => error.name === 'RetrogradError' && message.test(error.message),
    )
    assert.is(double.memoryUsed, used, 'nothing was taken')
  })
}
refused('lu with n = 256 is not', () => {
  const deq = new DEQ(single, { inputSize: 1, hiddenSize: 256, adjoint: 'lu' })
  for (const { value } of deq.parameters()) for (let i = 0; i < value.size; i++) value.data[i] *= 0.5
  const { output } = deq.forward(single.tensor([1, 2], [2, 1]))
  assert.ok(deq.backward({ output }).info!.converged.every(Boolean))
  deq.dispose()
})
refused('cells that have no one fixed point', () => {
  const step = (h: Parameters<typeof tanh>[0]) => ({ state: { h }, output: h })
  const cells = {
    inputless: defineCell({
      state: { h: 2 },
      input: {},
      params: { W: [2, 2] },
      step: ({ h, W }) => step(tanh(linear(h, W))),
    }),
    stateless: defineCell({
      state: {},
      input: { x: 2 },
      params: {},
      step: ({ x }) => ({ state: {}, output: tanh(x) }),
    }),
    random: defineCell({
      state: { h: 2 },
      input: { x: 2 },
      params: {},
      step: ({ h, x }) => step(dropout(tanh(add(h, x)), 0.5)),
    }),
    delayed: defineCell({
      state: { h: 2 },
      input: { x: 2 },
      params: {},
      step: ({ h, x }) => step(tanh(add(prev(h, 2), x))),
    }),
  }
  for (const [name, cell] of Object.entries(cells))
    assert.throws(
      () => new DEQ(double, { cell }),
      (error: RetrogradError) => error.name === 'RetrogradError',
      name,
    )
  const both = defineCell({
    state: { h: 2 },
    input: { x: 2 },
    params: { W: [2, 2] },
    step: ({ h, x, W }) => step(tanh(linear(h, W, x))),
  })
  assert.throws(() => new DEQ(double, { cell: both, inputSize: 2 } as unknown as DEQOptions), /inputSize/)
})
refused('arguments of calls', () => {
  const deq = make({ solver: 'newton' })
  const x = drawTensor(double, 1, 'x', [4, 2])
  const foreign = drawTensor(single, 1, 'x', [4, 2])
  const gone = x.clone()
  gone.dispose()
  const bad: [() => unknown, RegExp][] = [
    [() => deq.backward({ output: x }), /forward/],
    [() => deq.spectralRadius(), /forward/],
    [() => deq.forward(drawTensor(double, 1, 'x', [4, 3])), /\[4, 3\].*\[B, 2\]/],
    [() => deq.forward(drawTensor(double, 1, 'x', [2])), /\[2\]/],
    [() => deq.forward(drawTensor(double, 1, 'x', [1, 1, 4, 2])), /\[1, 1, 4, 2\]/],
    [() => deq.forward([[1, 2]] as unknown as Tensor), /input/],
    [() => deq.forward(foreign), /runtime/],
    [() => deq.forward(gone), /disposed/],
    [() => deq.forward(x, { lengths: [1, 1, 1, 1] }), /lengths/],
    [
      () => make({ solver: 'picard', adjoint: 'unrolled' }).forward(x, { truncation: { window: 2 } }),
      /truncation.*'unrolled'/,
    ],
    [() => deq.forward(x, { truncation: { window: -1 } }), /truncation.window/],
    [() => deq.forward(x, { checkpoint: 'yes' as 'sqrt' }), /checkpoint/],
    [() => deq.forward(x, { lenghts: [1] } as object), /lenghts/],
    [() => deq.forward(x, { keep: true, tape: false }), /keep/],
    [() => deq.forward(x, { state: { h: x } }), /h/],
    [() => deq.forward(x, { state: { z: x } }), /\[4, 2\].*\[4, 3\]/],
    [() => deq.step(x), /state/],
    [() => deq.step(drawTensor(double, 1, 'x', [1, 4, 2]), deq.initialState(4)), /\[1, 4, 2\]/],
    [() => deq.initialState(0), /batch/],
  ]
  for (const [action, message] of bad)
    assert.throws(action, (error: RetrogradError) => error.name === 'RetrogradError' && message.test(error.message))
  deq.forward(x)
  const afterwards: [() => unknown, RegExp][] = [
    [() => deq.backward({}), /neither/],
    [() => deq.backward({ output: x }), /\[4, 2\].*\[4, 3\]/],
    [() => deq.backward({ output: gone }), /disposed/],
    [() => deq.backward({ outputs: x } as object), /outputs/],
    [() => deq.backward({ state: { z: x } }), /\[4, 2\].*\[4, 3\]/],
    [
      () => deq.backward({ output: drawTensor(double, 1, 'g', [4, 3]) }, { inputgradient: false } as object),
      /inputgradient/,
    ],
    [() => deq.spectralRadius({ persample: true } as object), /persample/],
  ]
  for (const [action, message] of afterwards)
    assert.throws(action, (error: RetrogradError) => error.name === 'RetrogradError' && message.test(error.message))
  for (const { grad } of deq.parameters())
    assert.ok(
      grad.data.every((value) => value === 0),
      'nothing has changed',
    )
  deq.backward({ output: drawTensor(double, 1, 'g', [4, 3]) })
})
refused('tapes that are not there any more', () => {
  const deq = make({})
  const x = drawTensor(double, 1, 'x', [4, 2])
  const g = drawTensor(double, 1, 'g', [4, 3])
  deq.forward(x, { tape: false })
  assert.throws(() => deq.backward({ output: g }), /tape/)
  deq.forward(x)
  deq.step(x, deq.initialState(4))
  assert.throws(() => deq.backward({ output: g }), /tape|forward/)
  deq.eval()
  deq.forward(x)
  assert.throws(() => deq.backward({ output: g }), /tape|forward/)
  deq.train()
  const kept = deq.forward(x, { keep: true })
  kept.tape!.dispose()
  assert.throws(() => deq.backward({ output: g }, { tape: kept.tape! }), /tape|disposed/)
  deq.dispose()
  for (const action of [
    () => deq.forward(x),
    () => deq.backward({ output: g }),
    () => deq.spectralRadius(),
    () => deq.parameters(),
  ])
    assert.throws(action, /dispose/)
  deq.dispose()
})
refused.run()
