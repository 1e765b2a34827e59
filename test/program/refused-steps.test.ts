/** What a step is refused for: arguments that are no values, values of another step, results that the cell does not declare. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cell, Recurrent, RetrogradError, createRuntime, defineCell } from '../../bindings/index.ts'
import * as ops from '../../bindings/ops.ts'
import type { Value } from '../../bindings/program/operation.ts'
import { numbers } from '../support/nets.ts'

const rt = await createRuntime({ dtype: 'float64' })

type Names = Readonly<Record<string, Value>>

/** A module of a step that is given x [B, 2], h [B, 2] and W [2, 2]. */
function moduleOf(use: (values: Names) => Value | void, result: object = {}): Recurrent {
  const step = (values: Names) => {
    const h = use(values) ?? values['h']!
    return { state: { h }, output: h, ...result }
  }
  return new Recurrent(rt, { cell: defineCell({ state: { h: 2 }, input: { x: 2 }, params: { W: [2, 2] }, step }) })
}

function refuses(attempt: () => unknown, message: RegExp, code = 'cell'): void {
  const used = rt.memoryUsed
  let error: unknown
  try {
    attempt()
  } catch (thrown) {
    error = thrown
  }
  assert.instance(error, RetrogradError, `${error}`)
  assert.match((error as Error).message, message)
  assert.is((error as RetrogradError).code, code)
  assert.is(rt.memoryUsed, used)
}

const builders = suite('every function of retrograd/ops')

/** Sound arguments of each, of which one after the other is then taken away; numbers and options stay. */
const ARGUMENTS: Record<keyof typeof ops, (values: Names) => unknown[]> = (() => {
  const one = ({ x }: Names) => [x]
  const two = ({ x, h }: Names) => [x, h]
  const unary = [
    'abs',
    'cos',
    'exp',
    'expm1',
    'floor',
    'log',
    'neg',
    'relu',
    'sigmoid',
    'sign',
    'sin',
    'softplus',
  ] as const
  const more = ['sqrt', 'square', 'tanh', 'reciprocal', 'sum', 'mean', 'softmax', 'logSoftmax'] as const
  const binary = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'greater', 'less'] as const
  const others = ['greaterEqual', 'lessEqual', 'equal', 'concat', 'outer'] as const
  return {
    ...(Object.fromEntries([...unary, ...more].map((name) => [name, one])) as Record<
      (typeof unary | typeof more)[number],
      typeof one
    >),
    ...(Object.fromEntries([...binary, ...others].map((name) => [name, two])) as Record<
      (typeof binary | typeof others)[number],
      typeof two
    >),
    scale: ({ x }) => [x, 2],
    shift: ({ x }) => [x, 2],
    clamp: ({ x }) => [x, 0, 1],
    where: ({ x, h }) => [x, h, x],
    pow: ({ x, h }) => [x, h],
    slice: ({ x }) => [x, 0, 1],
    linear: ({ x, W, h }) => [x, W, h],
    matmul: ({ x, W, h }) => [x, W, h],
    batchMatmul: ({ x, h }) => [x, h, { m: 1, k: 2, n: 1 }],
    blockDiagonal: ({ x, W }) => [x, W],
    prev: ({ h }) => [h, 2],
    rows: ({ W }) => [W, 0, 1],
    diag: ({ W }) => [ops.rows(W!, 0, 1)],
    diagonal: ({ W }) => [W],
    transpose: ({ W }) => [W],
    solve: ({ W }) => [W, W],
    identity: () => [2],
    gruGates: ({ x, h }) => [ops.concat(x!, x!, x!), ops.concat(x!, x!, x!), h],
    lstmGates: ({ x, h }) => [ops.concat(x!, x!, x!, x!), h],
  }
})()

const BUILDERS = new Map<string, unknown>(Object.entries(ops))

builders('is tried here', () => {
  assert.equal(Object.keys(ARGUMENTS).sort(), [...BUILDERS.keys()].sort())
})

for (const [name, argumentsOf] of Object.entries(ARGUMENTS)) {
  builders(`${name} takes values, and refuses what is none in the place of one, by its number`, () => {
    const call = (args: unknown[]) => (BUILDERS.get(name) as (...given: unknown[]) => unknown)(...args)
    let places: boolean[] = []
    moduleOf((values) => {
      const args = argumentsOf(values)
      places = args.map((argument) => argument instanceof (values['x']!.constructor as typeof Object))
      call(args)
    })
    assert.ok(name === 'identity' || places.includes(true))
    for (const [place, isValue] of places.entries()) {
      if (!isValue) continue
      const isOptional = ['linear', 'matmul'].includes(name) && place === 2
      for (const stray of [undefined, null, 'x', {}, [], Number.NaN]) {
        if ((stray === undefined && isOptional) || (name === 'pow' && place === 1 && typeof stray === 'number'))
          continue
        const message = new RegExp(`^${name}: argument ${place + 1} is .*; expected .*value of the step`)
        refuses(() => moduleOf((values) => void call(argumentsOf(values).with(place, stray))), message)
      }
    }
  })
}

builders('names the mistake where a parameter is misspelt', () => {
  refuses(
    () => moduleOf(({ x, w }) => ops.matmul(x!, w!)),
    /^matmul: argument 2 is undefined; expected a value of the step \(a misspelt name\?\)$/,
  )
  refuses(() => moduleOf(({ x, w }) => ops.concat(x!, x!, w!)), /^concat: argument 3 is undefined/)
})
builders.run()

const foreign = suite('values of another step')

foreign('are refused, whether kept from another cell or from the same one, and read by prev or not', () => {
  const kept: { x?: Value; h?: Value; W?: Value; sum?: Value } = {}
  const owner = moduleOf(({ x, h, W }) => {
    Object.assign(kept, { x, h, W, sum: ops.add(x!, h!) })
    return ops.linear(x!, W!, h!)
  })
  const x = rt.tensor([1, 2, 3, 4], [2, 1, 2])
  const before = numbers(owner.forward(x).output)
  refuses(() => moduleOf(({ h }) => ops.add(h!, kept.x!)), /^step: 'x' is a value of another step/)
  refuses(() => moduleOf(({ x }) => ops.linear(x!, kept.W!)), /^step: 'W' is a value of another step/)
  refuses(() => moduleOf(() => ops.tanh(kept.sum!)), /is a value of another step/)
  refuses(() => moduleOf(() => kept.h!), /is a value of another step/)
  refuses(() => moduleOf(({ h }) => ops.add(h!, ops.prev(kept.h!, 5))), /^prev: operand is a value of another step/)
  // the owner still reads one step back
  const { output, state } = owner.forward(x)
  assert.equal(numbers(output), before)
  assert.equal(Object.keys(state as object), ['h'])
})

foreign('a delayed read is told from them', () => {
  refuses(() => moduleOf(({ h }) => ops.prev(ops.prev(h!, 2), 2)), /^prev: operand is itself a delayed read/)
})
foreign.run()

const results = suite("a step's result")

results('refuses states and other keys that the cell does not declare, by name', () => {
  const stray = { state: { h: undefined as unknown, speed_: undefined as unknown } }
  const cell = defineCell({
    state: { h: 2 },
    input: { x: 2 },
    params: {},
    step: ({ h }) => {
      stray.state = { h, speed_: h }
      return { ...stray, output: h! } as ReturnType<Cell['step']>
    },
  })
  refuses(
    () => new Recurrent(rt, { cell }),
    /^step: gives a state 'speed_', which the cell does not declare; known are h$/,
  )
  refuses(() => moduleOf(() => {}, { outputs: 1 }), /^step: gives 'outputs'; expected state and output alone/)
  refuses(() => moduleOf(() => {}, { output: undefined }), /^step: output is undefined; expected a value \[B, n\]/)
})
results.run()

const cells = suite('defineCell')

cells('refuses a cell of which a part is missing, no object, or unknown', () => {
  const whole = {
    state: { h: 1 },
    input: { x: 1 },
    params: {},
    step: ({ h }: Names) => ({ state: { h: h! }, output: h! }),
  }
  for (const part of ['state', 'input', 'params'])
    for (const given of [undefined, 3, 'h', [], new Date(0)])
      refuses(
        () => defineCell({ ...whole, [part]: given } as unknown as Cell),
        new RegExp(`^defineCell: ${part} is .*; expected \\w+ by name, \\{\\} for none`),
      )
  refuses(() => defineCell({ ...whole, step: 3 } as unknown as Cell), /^defineCell: step is 3; expected a function/)
  refuses(() => defineCell({ ...whole, initail: {} } as unknown as Cell), /unknown option 'initail'/, 'option')
  refuses(() => defineCell(undefined as unknown as Cell), /^defineCell: cell is undefined/, 'type')
  refuses(
    () => new Recurrent(rt, { cell: defineCell({ ...whole, params: { W: 3 } } as unknown as Cell) }),
    /parameter 'W' is 3; expected \[n\] or \[rows, columns\]/,
  )
})
cells.run()

const concat = suite('concat')

concat('puts a parameter beside each row of a state, as add does, with the gradient of all rows', () => {
  const cell = defineCell({
    state: { h: 1 },
    input: { x: 1 },
    params: { e: [2] },
    step: ({ h, x, e }) => ({ state: { h: ops.add(h!, x!) }, output: ops.concat(h!, e!, x!) }),
  })
  const model = new Recurrent(rt, { cell, init: { e: 0.5 } })
  model.parameters()[0]!.value.data[1] = -3
  const { output } = model.forward(rt.tensor([1, 2, 3, 4], [2, 2, 1]))
  assert.equal(numbers(output), [0, 0.5, -3, 1, 0, 0.5, -3, 2, 1, 0.5, -3, 3, 2, 0.5, -3, 4])
  const weights = Array.from({ length: 16 }, (_, i) => i)
  const { input } = model.backward({ output: rt.tensor(weights, [2, 2, 4]) })
  // columns 1 and 2 of all four rows; x also by the h that the next step reads
  assert.equal(numbers(model.parameters()[0]!.grad), [1 + 5 + 9 + 13, 2 + 6 + 10 + 14])
  assert.equal(Array.from((input as { data: Float64Array }).data), [3 + 8, 7 + 12, 11, 15])
})

concat('refuses parameters of several rows beside a state, and says what it takes', () => {
  refuses(
    () => moduleOf(({ h, W }) => ops.slice(ops.concat(h!, W!), 0, 2)),
    /^concat: operands are \[B, 2\] and \[2, 2\]; expected the same rows, or 1 row in some of them$/,
  )
})
concat.run()
