/** Steps of very many operations: compiled in time in proportion to them, and right. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Recurrent, type Tensor, createRuntime, defineCell } from '../../bindings/index.ts'
import * as ops from '../../bindings/ops.ts'
import { numbers } from '../support/nets.ts'
import { chains } from '../../bindings/program/chains.ts'
import type { Node, Value } from '../../bindings/program/operation.ts'
import { expandColumns } from '../../bindings/program/ops/broadcast.ts'
import { inputLeaf } from '../../bindings/program/ops/leaves.ts'
import { Queue } from '../../bindings/program/queue.ts'

const rt = await createRuntime({ dtype: 'float64' })

/** The same numbers in whole steps of 1 / 2^32, from a seed. */
function drawsFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const queue = suite('a queue')

queue('gives what it was given in rising order, whatever comes between', () => {
  const draw = drawsFrom(7)
  const [own, plain]: [Queue, number[]] = [new Queue(), []]
  for (let i = 0; i < 5000; i++) {
    if (draw() < 0.6) {
      const value = Math.floor(draw() * 100)
      own.push(value)
      plain.push(value)
    } else {
      plain.sort((a, b) => a - b)
      assert.is(own.pop(), plain.shift())
    }
  }
  plain.sort((a, b) => a - b)
  for (const value of plain) assert.is(own.pop(), value)
  assert.is(own.pop(), undefined)
})
queue.run()

const order = suite('the order of a segment')

/** The rule, said plainly: the first node that continues the open chain, else the first, of those whose operands are there. */
function plainChains(nodes: readonly Node[]): Node[][] {
  const waiting = new Set(nodes)
  const steps: Node[][] = []
  const continues = (chain: Node[] | undefined, node: Node): boolean => {
    if (!chain?.[0]!.op.link || !node.op.link) return false
    const [head, value] = [chain[0]!.results[0]!, node.results[0]!]
    if (head.rows !== value.rows || head.columns !== value.columns) return false
    return !node.op.isView || !node.inputs.some((input) => chain.includes(input.node))
  }
  while (waiting.size > 0) {
    const ready = nodes.filter((node) => waiting.has(node) && !node.inputs.some((input) => waiting.has(input.node)))
    const open = steps.at(-1)
    const next = ready.find((node) => continues(open, node)) ?? ready[0]!
    waiting.delete(next)
    if (continues(open, next)) open!.push(next)
    else steps.push([next])
  }
  return steps
}

order('is that of the rule, for 300 random programs of chains, views, sums and products', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const draw = drawsFrom(seed)
    const values: Value[] = [inputLeaf('a', 4), inputLeaf('b', 4), inputLeaf('c', 2)]
    const pick = () => values[Math.floor(draw() * values.length)]!
    const nodes: Node[] = []
    for (let i = 0; i < 60; i++) {
      const [x, y] = [pick(), pick()]
      const made =
        x.columns === 1
          ? expandColumns(x, 4)
          : [
              () => ops.tanh(x),
              () => (x.columns === y.columns ? ops.add(x, y) : ops.neg(x)),
              () => ops.slice(x, 0, x.columns > 2 ? 2 : 1),
              () => ops.sum(x),
              () => (x.columns + y.columns < 5 ? ops.concat(x, y) : ops.softmax(x)),
            ][Math.floor(draw() * 5)]!()
      values.push(made)
      nodes.push(made.node)
    }
    const ids = (steps: readonly (readonly Node[])[]) => steps.map((step) => step.map(({ id }) => id))
    assert.equal(ids(chains(nodes).map((step) => step.nodes)), ids(plainChains(nodes)), `seed ${seed}`)
    // a part of the program, whose other operands are elsewhere
    const part = nodes.filter((_, i) => i % 3 > 0)
    assert.equal(ids(chains(part).map((step) => step.nodes)), ids(plainChains(part)), `seed ${seed}, a part`)
  }
})

order('looks at the operands of a node a fixed number of times, however many nodes wait', () => {
  const lookups = (count: number): number => {
    let looks = 0
    const x = inputLeaf('x', 2)
    const nodes: Node[] = []
    for (let i = 0; i < count; i++) {
      const { node } = ops.slice(i % 2 === 0 ? x : nodes.at(-1)!.results[0]!, 0, 2)
      const { inputs } = node
      nodes.push(Object.defineProperty(node, 'inputs', { get: () => (looks++, inputs) }))
    }
    chains(nodes)
    return looks
  }
  const [few, many] = [lookups(1000), lookups(4000)]
  assert.ok(few >= 1000 && many < 5 * few, `${few}, then ${many}`)
})
order.run()

const large = suite('a step of many operations')

/** A value and its derivatives by x and by w. */
interface Dual {
  readonly v: number
  readonly dx: number
  readonly dw: number
}
const map = (v: number, a: Dual, byA: number, b?: Dual, byB = 0): Dual => {
  return { v, dx: byA * a.dx + byB * (b?.dx ?? 0), dw: byA * a.dw + byB * (b?.dw ?? 0) }
}
const add = (a: Dual, b: Dual): Dual => map(a.v + b.v, a, 1, b, 1)
const mul = (a: Dual, b: Dual): Dual => map(a.v * b.v, a, b.v, b, a.v)
const tanh = (a: Dual): Dual => map(Math.tanh(a.v), a, 1 - Math.tanh(a.v) ** 2)

interface Kit<V> {
  add(a: V, b: V): V
  mul(a: V, b: V): V
  tanh(a: V): V
}
/** The same step of symbolic values and of numbers with their derivatives. */
const STEPS: Record<string, <V>(kit: Kit<V>, n: number, h: V, x: V, w: V) => V> = {
  'a row of additions': ({ add }, n, h, x) => {
    for (let i = 0; i < n; i++) h = add(h, x)
    return h
  },
  'a mix of elementwise operations': ({ add, mul, tanh }, n, h, x, w) => {
    for (let i = 0; i < n; i++) h = i % 3 === 0 ? add(h, x) : i % 3 === 1 ? tanh(h) : mul(h, w)
    return h
  },
  'many values that all wait to be summed': ({ add, mul }, n, h, x, w) => {
    const values = Array.from({ length: n / 2 }, () => mul(x, w))
    for (const value of values) h = add(h, value)
    return h
  },
  'a product between any two': ({ add, mul, tanh }, n, h, x, w) => {
    for (let i = 0; i < n / 2; i++) h = i % 2 === 0 ? tanh(mul(h, w)) : add(h, x)
    return h
  },
}

const matrixKit: Kit<Value> = {
  add: ops.add,
  tanh: ops.tanh,
  mul: (a, w) => (w.rows === 1 ? ops.linear(a, w) : ops.mul(a, w)),
}

for (const [title, step] of Object.entries(STEPS)) {
  const run = (n: number) => {
    const cell = defineCell({
      state: { h: 1 },
      input: { x: 1 },
      params: { w: [1, 1] },
      step: ({ h, x, w }) => {
        const next = step(title.startsWith('a product') ? matrixKit : ops, n, h!, x!, w!)
        return { state: { h: next }, output: next }
      },
    })
    const start = performance.now()
    const model = new Recurrent(rt, { cell })
    model.parameters()[0]!.value.data[0] = 0.9
    const { output } = model.forward(rt.tensor([0.25, -0.5], [2, 1, 1]))
    const outputs = numbers(output)
    const { input } = model.backward({ output: rt.tensor([0, 1], [2, 1, 1]) })
    const gradients = [...numbers(input as Tensor), model.parameters()[0]!.grad.data[0]!]
    const ms = performance.now() - start
    model.dispose()
    return { ms, values: [...outputs, ...gradients] }
  }

  large(`${title}: 10,000 give the values and gradients of plain numbers, in about ten times the time of 1,000`, () => {
    run(100)
    const few = run(1000)
    const many = run(10_000)
    for (const [n, { values }] of [
      [1000, few],
      [10_000, many],
    ] as const) {
      // by the first input, by the second, and by w, one after the other
      const at = (dx0: number, dx1: number, dw: number): Dual[] => {
        const w = { v: 0.9, dx: 0, dw }
        const h1 = step({ add, mul, tanh }, n, { v: 0, dx: 0, dw: 0 }, { v: 0.25, dx: dx0, dw: 0 }, w)
        return [h1, step({ add, mul, tanh }, n, h1, { v: -0.5, dx: dx1, dw: 0 }, w)]
      }
      const [h1, h2] = at(1, 0, 1) as [Dual, Dual]
      const expected = [h1.v, h2.v, h2.dx, at(0, 1, 0)[1]!.dx, h2.dw]
      for (const [i, value] of values.entries()) {
        // each of n operations errs by some ulp: n 2^-52 of the size, times 16 for tanh's ulp and the growth of sums on the way
        const tolerance = 16 * n * 2 ** -52 * Math.max(1, Math.abs(expected[i]!))
        assert.ok(Math.abs(value - expected[i]!) <= tolerance, `${n}, ${i}: ${value}, expected ${expected[i]}`)
      }
    }
    assert.ok(many.ms < 40 * few.ms + 1000, `${few.ms} ms, then ${many.ms} ms`)
  })
}

large('150,000 operations need no deeper stack', () => {
  const cell = defineCell({
    state: { h: 1 },
    input: { x: 1 },
    params: {},
    step: ({ h, x }) => {
      const next = STEPS['a row of additions']!(ops, 150_000, h!, x!, x!)
      return { state: { h: next }, output: next }
    },
  })
  const model = new Recurrent(rt, { cell })
  const { output } = model.forward(rt.tensor([1, 2], [2, 1, 1]))
  const { input } = model.backward({ output: rt.tensor([1, 1], [2, 1, 1]) })
  assert.equal(numbers(output), [150_000, 450_000])
  assert.equal(numbers(input as Tensor), [300_000, 150_000])
})
large.run()
