/** What users' cells may not do. */
import { suite } from 'uvu'
import { Recurrent, type Tensor, type Value, createRuntime, defineCell } from '../../bindings/index.ts'
import { add, linear, lstmGates, prev, tanh } from '../../bindings/ops.ts'
import { drawTensor } from '../support/nets.ts'
import { type Refusal, any, makeBystander, testRefusals } from '../support/refusals.ts'

const rt = await createRuntime({ seed: 1 })
const bystander = makeBystander(rt)

const CASES: Refusal[] = [
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
    /parameter 'W' is \[.*, .*, .*\]; expected \[n\] or \[rows, columns\]/,
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
testRefusals(test, bystander, CASES)
test.run()
