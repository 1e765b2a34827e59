/** Samples that do not get there, calls that are refused, and what neither may change. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type AdjointName,
  DEQ,
  type DEQOptions,
  type RetrogradError,
  type Tensor,
  createRuntime,
  defineCell,
} from '../../bindings/index.ts'
import { add, linear, prev, tanh } from '../../bindings/ops.ts'
import { dropout } from '../../bindings/program/ops/dropout.ts'
import { type Problem, norm } from '../reference/equilibrium.ts'
import { disguised, drawProblem, gradientOf, load, moduleOf } from '../support/equilibrium.ts'
import { drawTensor, numbers } from '../support/nets.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })
const narrow = await createRuntime({ maxMemory: 2 ** 22, seed: 1 })
const runtimes = [single, double]
const INPUTS = 3

function expectError(code: string, wanted: readonly (string | RegExp)[], action: () => unknown): void {
  try {
    action()
  } catch (error) {
    const { code: found, message } = error as RetrogradError
    assert.is(found, code, message)
    for (const part of wanted) assert.match(message, part)
    return
  }
  assert.unreachable(`expected an error: ${wanted.join(' ')}`)
}

/** What the console is told while `action` runs. */
function warnings(action: () => unknown): string[] {
  const host = console as unknown as { warn(text: string): void }
  const { warn } = host
  const said: string[] = []
  host.warn = (text) => void said.push(text)
  try {
    action()
  } finally {
    host.warn = warn
  }
  return said
}

/** Plain iteration flies apart: an orthogonal W of norm 3. */
const wild = drawProblem('identity', 'rotation', { n: 4, inputs: INPUTS, size: 3 })
const tame = drawProblem('tanh', 'rotation', { n: 4, inputs: INPUTS, size: 0.9 })

const manner = suite('samples that do not converge')
manner('throw by default, and say which, how and what to do', () => {
  const deq = moduleOf(double, tame, { solver: { name: 'picard', maxIter: 3 } })
  const x = drawTensor(double, 1, 'x', [2, INPUTS])
  expectError(
    'convergence',
    ['DEQ.forward', 'picard', '2 of 2', 'sample 0', 'maxIter', 'at iteration 3', '1e-10'],
    () => deq.forward(x),
  )
  const steps = drawTensor(double, 1, 'x', [2, 3, INPUTS])
  for (let i = 0; i < steps.size; i++) if (i !== 5 * INPUTS) steps.data[i] = 0
  const quiet = moduleOf(double, { ...tame, b: [0, 0, 0, 0] }, { solver: { name: 'picard', maxIter: 3 } })
  expectError('convergence', ['1 of 6', 'sample 2 of step 1'], () => quiet.forward(steps))
  const loud = moduleOf(double, wild, { solver: { name: 'picard', maxIter: 30, mode: 'absolute' } })
  expectError('convergence', ['its updates grow'], () => loud.forward(x))
})
manner('warn, or are accepted; a solver may have its own manner', () => {
  const x = drawTensor(double, 1, 'x', [2, INPUTS])
  const short = { name: 'picard', maxIter: 3 } as const
  const make = (options: object) => moduleOf(double, tame, options)
  for (const options of [{ solver: short, onFailure: 'warn' }, { solver: { ...short, onFailure: 'warn' } }]) {
    const said = warnings(() => assert.equal([...make(options).forward(x).info.converged], [false, false]))
    assert.is(said.length, 1)
    assert.match(said[0], 'picard failed for 2 of 2')
  }
  for (const options of [
    { solver: short, onFailure: 'accept' },
    { solver: { ...short, onFailure: 'accept' }, onFailure: 'throw' },
  ])
    assert.equal(
      warnings(() => make(options).forward(x)),
      [],
    )
  expectError('convergence', [], () =>
    make({ solver: { ...short, onFailure: 'throw' }, onFailure: 'accept' }).forward(x),
  )
  const deq = make({ adjoint: { name: 'neumann', maxIter: 2, onFailure: 'warn' } })
  const { output } = deq.forward(x)
  const said = warnings(() => deq.backward({ output: output.clone() }))
  assert.match(said.join(), 'DEQ.backward: neumann failed for 2 of 2')
})
manner('a call after one that failed is as good as the first', () => {
  const deq = moduleOf(double, tame, { solver: { name: 'picard', maxIter: 500, tol: 1e-6 } })
  const bad = drawTensor(double, 1, 'x', [2, INPUTS])
  const good = bad.clone()
  bad.data[0] = NaN
  const expected = numbers(deq.forward(good).output)
  expectError('convergence', ['1 of 2', 'sample 0 was not finite at iteration 0'], () => deq.forward(bad))
  assert.throws(() => deq.backward({ output: good }), /forward/)
  assert.equal(numbers(deq.forward(good).output), expected)
})
manner('numbers that overflow on the way: the sample stops there, and the iteration is named', () => {
  for (const rt of runtimes) {
    const deq = moduleOf(
      rt,
      { ...wild, W: wild.W.map((w) => w * 1e10) },
      { solver: { name: 'picard', maxIter: 100 }, onFailure: 'accept' },
    )
    const { info, output } = deq.forward(drawTensor(rt, 1, 'x', [2, INPUTS]))
    for (let i = 0; i < 2; i++) {
      assert.is(info.outcome[i], 'nonFinite')
      // squares of numbers beyond 1e38 (1e308: sums of squares beyond 1e154 already) are not finite
      assert.ok(info.iterations[i] >= 2 && info.iterations[i] <= 30, String(info.iterations[i]))
      assert.ok(!Number.isFinite(info.trace[i].at(-1)), 'the trace ends there')
      assert.ok(info.residual[i] < Infinity)
    }
    assert.ok(output.data.every(Number.isFinite), 'the best iterate was finite')
    deq.dispose()
  }
})
manner('every solver stops a sample that is not finite, at once', () => {
  for (const rt of runtimes) {
    for (const name of ['picard', 'anderson', 'broyden', 'newton', 'auto'] as const) {
      const deq = moduleOf(rt, tame, { solver: name, onFailure: 'accept' })
      const x = drawTensor(rt, 1, 'x', [3, INPUTS])
      x.data[INPUTS] = NaN
      const { info } = deq.forward(x)
      assert.equal([...info.outcome], ['converged', 'nonFinite', 'converged'], name)
      assert.is(info.evaluations[1], 1)
      deq.dispose()
    }
  }
})
manner('neumann that grows says so, with a remedy', () => {
  const deq = moduleOf(double, wild, { adjoint: 'neumann', solver: 'newton' })
  const { output } = deq.forward(drawTensor(double, 1, 'x', [1, INPUTS]))
  expectError('convergence', ['neumann', 'growing', 'gmres or lu'], () => deq.backward({ output }))
  const few = moduleOf(double, wild, { adjoint: { name: 'neumann', terms: 5 }, solver: 'newton' })
  const out = few.forward(drawTensor(double, 1, 'x', [1, INPUTS])).output
  expectError('convergence', ['growing'], () => few.backward({ output: out }))
})
manner.run()

/** Eigenvalue 1 once, the others within the unit circle: I - W has no inverse. */
function singularProblem(n: number, seed: number): Problem {
  const diagonal = Array.from({ length: n * n }, (_, k) => (k % (n + 1) > 0 ? 0 : k === 0 ? 1 : 0.7 * Math.cos(k)))
  const base = drawProblem('identity', 'general', { n, inputs: INPUTS, size: 1 })
  return { ...base, W: disguised(n, diagonal, seed), b: base.b.map(() => 0) }
}

const singular = suite('I - J without an inverse')
for (const rt of runtimes) {
  for (const name of ['lu', 'gmres'] as const) {
    singular(`${name}, ${rt.dtype}: said, and no gradient changes`, () => {
      for (const n of [1, 2, 3, 5, 8]) {
        for (const seed of [1, 2, 3]) {
          const deq = moduleOf(rt, singularProblem(n, seed), { adjoint: name })
          deq.forward(rt.tensor([0, 0, 0], [1, INPUTS]))
          for (const { grad } of deq.parameters()) grad.data.fill(7)
          const g = drawTensor(rt, 1, 'g', [1, n])
          expectError('convergence', ['DEQ.backward', name, 'I - J has no inverse'], () => deq.backward({ output: g }))
          for (const { grad } of deq.parameters()) assert.ok(grad.data.every((value) => value === 7))
          deq.dispose()
        }
      }
    })
    singular(`${name}, ${rt.dtype}: where numbers are exact, too`, () => {
      for (const W of [
        [1, 0, 0, 0.5],
        [1, 0, 0, 1],
        [1, 1, 0, 1],
        [0, 1, 1, 0],
      ]) {
        const problem: Problem = { n: 2, inputs: 1, nonlinearity: 'identity', W, U: [1, 1], b: [0, 0] }
        const deq = moduleOf(rt, problem, { adjoint: name })
        deq.forward(rt.tensor([0], [1, 1]))
        const g = rt.tensor([1, 0.25], [1, 2])
        expectError('convergence', ['I - J has no inverse'], () => deq.backward({ output: g }))
        deq.dispose()
      }
    })
  }
  singular(`${rt.dtype}: a matrix that is nearly so is solved`, () => {
    // ‖(I - W)⁻¹‖ = 2^10, exact in both precisions
    const problem: Problem = {
      n: 2,
      inputs: 1,
      nonlinearity: 'identity',
      W: [1 - 2 ** -10, 0, 0, 0.5],
      U: [1, 1],
      b: [0, 0],
    }
    for (const adjoint of ['lu', 'gmres', 'bicgstab'] as const) {
      const deq = moduleOf(rt, problem, { adjoint })
      deq.forward(rt.tensor([0], [1, 1]))
      deq.backward({ output: rt.tensor([1, 1], [1, 2]) })
      const gap = norm(gradientOf(deq, 'bias').map((value, i) => value - [1024, 2][i]))
      // the residual may be tol ‖v‖, and 2^10 of it the error
      assert.ok(gap <= 1024 * 1024 * (rt.dtype === 'float64' ? 1e-10 : 1e-5), `${adjoint}: ${gap}`)
      deq.dispose()
    }
  })
}
singular('gmres that is asked for more than the precision holds says that it stagnated', () => {
  const problem = drawProblem('tanh', 'general', { n: 24, inputs: INPUTS, size: 0.9 })
  const deq = moduleOf(single, problem, { adjoint: { name: 'gmres', tol: 1e-12 }, solver: 'newton' })
  const { output } = deq.forward(drawTensor(single, 1, 'x', [1, INPUTS]))
  expectError('convergence', ['stagnated'], () => deq.backward({ output }))
})
singular.run()

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
  const mine = x.clone()
  deq.forward(mine)
  mine.dispose()
  assert.throws(() => deq.backward({ output: g }), /disposed/)
  assert.throws(() => deq.spectralRadius(), /disposed/)
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

const untouched = suite('a backward that fails')
const FAILING: [AdjointName, object][] = [
  ['neumann', { maxIter: 2 }],
  ['gmres', { maxIter: 1 }],
  ['bicgstab', { maxIter: 1 }],
  ['anderson', { maxIter: 2 }],
  ['broyden', { maxIter: 2 }],
]
for (const [name, options] of FAILING) {
  untouched(
    `${name}: leaves every gradient as it was, those of the output's parameters and the penalty's included`,
    () => {
      const cell = defineCell({
        state: { h: 4 },
        input: { x: INPUTS },
        params: { W: [4, 4], U: [4, INPUTS], V: [2, 4] },
        step: ({ h, x, W, U, V }) => {
          const next = tanh(linear(h, W, linear(x, U)))
          return { state: { h: next }, output: linear(next, V) }
        },
      })
      const deq = new DEQ(double, {
        cell,
        solver: 'newton',
        adjoint: { name, ...options } as never,
        jacobianPenalty: { weight: 1 },
      })
      deq.forward(drawTensor(double, 1, 'x', [3, INPUTS]))
      for (const { grad } of deq.parameters()) grad.data.fill(3)
      const g = drawTensor(double, 2, 'g', [3, 2])
      expectError('convergence', ['DEQ.backward', name, 'maxIter'], () => deq.backward({ output: g }))
      for (const { grad } of deq.parameters()) assert.ok(grad.data.every((value) => value === 3))
      deq.dispose()
    },
  )
}
untouched('gives back all its memory when the module goes', () => {
  const before = double.memoryUsed
  for (let round = 0; round < 3; round++) {
    const deq = make({
      solver: 'newton',
      adjoint: { name: 'neumann', maxIter: 1 },
      jacobianPenalty: { weight: 1, samples: 2 },
    })
    load(deq, { n: 3, inputs: 2, nonlinearity: 'tanh', W: Array(9).fill(0.2), U: Array(6).fill(1), b: [0, 0, 0] })
    const x = drawTensor(double, 1, 'x', [2, 4, 2])
    const g = drawTensor(double, 2, 'g', [2, 4, 3])
    for (let i = 0; i < 2; i++) {
      const kept = deq.forward(x, { keep: true })
      expectError('convergence', [], () => deq.backward({ output: g }, { tape: kept.tape! }))
      deq.spectralRadius()
      if (i === 0) kept.tape!.dispose()
    }
    for (const B of [1, 2, 3, 4, 5, 6]) {
      const more = drawTensor(double, 1, 'x', [B, 2])
      deq.forward(more)
      more.dispose()
    }
    deq.dispose()
    x.dispose()
    g.dispose()
    assert.is(double.memoryUsed, before)
  }
})
untouched('what does not fit in memory is refused, and the runtime goes on', () => {
  const deq = new DEQ(narrow, { inputSize: 4, hiddenSize: 64, spectralNorm: 0.9 })
  const [x, g] = [drawTensor(narrow, 1, 'x', [2, 4]), drawTensor(narrow, 2, 'g', [2, 64])]
  const round = () => {
    const output = numbers(deq.forward(x).output)
    return [output, numbers(deq.backward({ output: g }).input as Tensor)]
  }
  const expected = round()
  const used = narrow.memoryUsed
  for (const B of [3000, 800, 300, 100]) {
    const large = drawTensor(narrow, 1, 'x', [B, 4])
    expectError('memory', ['DEQ', `B = ${B}`], () => deq.forward(large))
    large.dispose()
    assert.is(narrow.memoryUsed, used)
  }
  assert.equal(round(), expected)
})
untouched.run()
