/** Samples that do not get there, and what that may not change. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AdjointName, DEQ, type Tensor, createRuntime, defineCell } from '../../bindings/index.ts'
import { linear, tanh } from '../../bindings/ops.ts'
import { INPUTS, drawProblem, load, moduleOf } from '../support/equilibrium.ts'
import { drawTensor, numbers } from '../support/nets.ts'
import { expectError } from '../support/refusals.ts'

const double = await createRuntime({ dtype: 'float64', seed: 1 })
const single = await createRuntime({ variant: 'simd', seed: 1 })
const narrow = await createRuntime({ maxMemory: 2 ** 22, seed: 1 })
const runtimes = [single, double]

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
    const deq = new DEQ(double, {
      inputSize: 2,
      hiddenSize: 3,
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
