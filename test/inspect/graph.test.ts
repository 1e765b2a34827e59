/** The unrolled graph: its vertices, its edges, what truncation cuts, and how it is written down. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  GRU,
  LSTM,
  type Module,
  RNN,
  Recurrent,
  createRuntime,
  defineCell,
  diagonalRnnCell,
} from '../../bindings/index.ts'
import { type UnrolledGraph, unrolledGraph } from '../../bindings/inspect.ts'
import { add, prev, scale } from '../../bindings/ops.ts'

const runtime = await createRuntime({ seed: 1 })
const sizes = { inputSize: 2, hiddenSize: 3 }

/** `from -> to` of every edge, without the step where it is the same; sorted. */
const edgesOf = ({ edges }: UnrolledGraph) => edges.map(({ from, to }) => `${from} -> ${to}`).sort()
const idsOf = ({ vertices }: UnrolledGraph) => vertices.map(({ id }) => id).sort()

/** The edges that a step has, by a function of the step; sorted. */
function expected(steps: number, edges: (t: number) => string[]): string[] {
  return Array.from({ length: steps }, (_, i) => edges(i + 1))
    .flat()
    .sort()
}

const graphs = suite('unrolledGraph')
const CASES: [string, () => Module, (t: number, T: number) => string[]][] = [
  [
    'Elman',
    () => new RNN(runtime, sizes),
    (t) => [`x@${t} -> h@${t}`, `h@${t - 1} -> h@${t}`, `h@${t} -> output y@${t}`],
  ],
  [
    'LSTM',
    () => new LSTM(runtime, sizes),
    (t) => [
      ...['h', 'c'].flatMap((to) => [`x@${t} -> ${to}@${t}`, `h@${t - 1} -> ${to}@${t}`, `c@${t - 1} -> ${to}@${t}`]),
      `h@${t} -> output y@${t}`,
    ],
  ],
  [
    'skips: one edge for each, none before the initial state',
    () => new RNN(runtime, { ...sizes, skips: [2, 4] }),
    (t) => [
      `x@${t} -> h@${t}`,
      ...new Set([1, 2, 4].map((lag) => `h@${Math.max(t - lag, 0)} -> h@${t}`)),
      `h@${t} -> output y@${t}`,
    ],
  ],
  [
    'two layers',
    () => new GRU(runtime, { ...sizes, numLayers: 2 }),
    (t) => [
      `x@${t} -> h_l0@${t}`,
      `h_l0@${t - 1} -> h_l0@${t}`,
      `h_l0@${t} -> h_l1@${t}`,
      `h_l1@${t - 1} -> h_l1@${t}`,
      `h_l1@${t} -> output y@${t}`,
    ],
  ],
  [
    'layerResidual: a layer above reads what this one adds to its input',
    () => new RNN(runtime, { ...sizes, numLayers: 3, layerResidual: true }),
    (t) => [
      `x@${t} -> h_l0@${t}`,
      ...[0, 1, 2].map((l) => `h_l${l}@${t - 1} -> h_l${l}@${t}`),
      `h_l0@${t} -> h_l1@${t}`,
      `h_l0@${t} -> h_l2@${t}`,
      `h_l1@${t} -> h_l2@${t}`,
      ...[0, 1, 2].map((l) => `h_l${l}@${t} -> output y@${t}`),
    ],
  ],
  [
    'two directions, coupled at the outputs alone',
    () => new RNN(runtime, { ...sizes, numLayers: 2, bidirectional: true }),
    (t) =>
      [0, 1].flatMap((l) => [
        ...(l === 0
          ? [`x@${t} -> h_l0@${t}`, `x@${t} -> h_l0_reverse@${t}`]
          : ['', '_reverse'].flatMap((to) => ['', '_reverse'].map((from) => `h_l0${from}@${t} -> h_l1${to}@${t}`))),
        `h_l${l}@${t - 1} -> h_l${l}@${t}`,
        `h_l${l}_reverse@${t + 1} -> h_l${l}_reverse@${t}`,
        ...(l === 1 ? [`h_l1@${t} -> output y@${t}`, `h_l1_reverse@${t} -> output y@${t}`] : []),
      ]),
  ],
  [
    'an output beside the states reads those that the step made, and the input',
    () => new Recurrent(runtime, { cell: diagonalRnnCell(), sizes: { I: 2, H: 3, O: 2 } }),
    (t) => [
      ...['re', 'im'].flatMap((to) => [
        `x@${t} -> ${to}@${t}`,
        `re@${t - 1} -> ${to}@${t}`,
        `im@${t - 1} -> ${to}@${t}`,
      ]),
      `re@${t} -> output y@${t}`,
      `im@${t} -> output y@${t}`,
      `x@${t} -> output y@${t}`,
    ],
  ],
  [
    'a state called y, a delayed read',
    () =>
      new Recurrent(runtime, {
        cell: defineCell({
          state: { y: 1 },
          input: { u: 1 },
          params: {},
          step: ({ u, y }) => {
            const next = add(scale(prev(y!, 3), 0.5), u!)
            return { state: { y: next }, output: add(next, y!) }
          },
        }),
      }),
    (t) => [
      `u@${t} -> y@${t}`,
      `y@${Math.max(t - 3, 0)} -> y@${t}`,
      `y@${t} -> output y@${t}`,
      `y@${t - 1} -> output y@${t}`,
    ],
  ],
]

for (const [title, make, edges] of CASES) {
  graphs(title, () => {
    for (const steps of [1, 4, 6]) {
      const module = make()
      const graph = unrolledGraph(module, undefined, { steps })
      assert.equal(
        edgesOf(graph),
        expected(steps, (t) => edges(t, steps)),
      )
      // every end of an edge is a vertex, and every vertex has an edge
      const ends = new Set(graph.edges.flatMap(({ from, to }) => [from, to]))
      assert.equal(idsOf(graph), [...ends].sort())
      for (const { id, step } of graph.vertices) assert.is(id.endsWith(`@${step}`), true)
      assert.ok(graph.edges.every(({ cut }) => !cut))
      const stepOf = new Map(graph.vertices.map(({ id, step }) => [id, step]))
      for (const { from, to, lag } of graph.edges) {
        const span = Math.abs(stepOf.get(to)! - stepOf.get(from)!)
        assert.ok(lag === span || (stepOf.get(from) === 0 && lag > span), `${from} -> ${to}: ${lag}`)
      }
    }
    const { vertices } = unrolledGraph(make())
    const rowsOf = (wanted: string) => vertices.filter(({ kind }) => kind === wanted).map(({ row }) => row)
    assert.ok(rowsOf('input').every((row) => row === 0))
    assert.ok(Math.max(...rowsOf('state')) < Math.min(...rowsOf('output')), 'outputs on top')
  })
}

graphs('an edge is cut where no loss sends a gradient over it', () => {
  const module = new RNN(runtime, { ...sizes, skips: [3] })
  const T = 7
  for (const [window, stride] of [
    [1, 1],
    [2, 2],
    [3, 1],
    [3, 3],
    [4, 2],
    [5, 3],
    [9, 9],
  ] as const) {
    const { edges } = unrolledGraph(module, undefined, { steps: T, truncation: { window, stride } })
    for (const { from, to, lag, cut } of edges) {
      const [s, t] = [from, to].map((id) => Number(id.split('@')[1])) as [number, number]
      // ℓ_u reaches steps > e(u) - window; the initial state receives what leaves step 1 (DESIGN.md, section 5)
      const passes = Array.from({ length: T }, (_, i) => i + 1).some((u) => {
        const end = stride * Math.ceil(u / stride)
        return u >= t && (s === 0 ? end - window <= 0 : s > end - window)
      })
      assert.is(cut, lag > 0 && !passes, `k1 ${stride}, k2 ${window}: ${from} -> ${to}`)
    }
  }
})
graphs.run()

/** Throws unless every tag is closed in its order and every attribute quoted. */
function expectXml(text: string): string[] {
  const open: string[] = []
  const seen: string[] = []
  const rest = text.replace(
    /<(\/?)([a-z]+)((?: [a-zA-Z-]+(?::[a-z]+)?="[^"<&]*")*)(\/?)>/g,
    (_, closing, name, _attributes, alone) => {
      if (closing) assert.is(open.pop(), name)
      else if (!alone) open.push(name)
      if (!closing) seen.push(name)
      return ''
    },
  )
  assert.equal(open, [])
  assert.not.match(rest, /[<>]|&(?!amp;|lt;|gt;|quot;|#)/)
  return seen
}

const written = suite('unrolledGraph written down')
const ODD = () =>
  new Recurrent(runtime, {
    cell: defineCell({
      state: { 'a<"b"&\\': 1 },
      input: { x: 1 },
      params: {},
      step: (values) => {
        const next = add(values['a<"b"&\\']!, values['x']!)
        return { state: { 'a<"b"&\\': next }, output: next }
      },
    }),
  })
for (const [title, make, options] of [
  ...CASES.map(([name, build]) => [name, build, {}] as const),
  ['with cuts', CASES[2]![1], { truncation: { window: 2 } }] as const,
  ['names that need quoting', ODD, {}] as const,
]) {
  written(`${title}: DOT and SVG say every vertex and edge, the same every time`, () => {
    const graph = unrolledGraph(make(), undefined, options)
    const again = unrolledGraph(make(), undefined, options)
    assert.equal([again.dot, again.svg], [graph.dot, graph.svg])
    const quoted = String.raw`"(?:[^"\\]|\\.)*"`
    const lines = graph.dot.trimEnd().split('\n')
    assert.match(lines[0]!, /^digraph \w+ \{$/)
    assert.is(lines.at(-1), '}')
    const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length
    const nodes = count(new RegExp(`^ {2}${quoted} \\[label=${quoted}, shape=(box|circle|diamond)\\];$`))
    const links = count(new RegExp(`^ {2}${quoted} -> ${quoted}(?: \\[style=dashed, color=red\\])?;$`))
    const ranks = count(new RegExp(`^ {2}\\{ rank=same; ${quoted}(?:; ${quoted})* \\}$`))
    assert.is(nodes, graph.vertices.length)
    assert.is(links, graph.edges.length)
    assert.is(nodes + links + ranks + 3, lines.length, 'and nothing else but rankdir')
    assert.is(count(/style=dashed/), graph.edges.filter(({ cut }) => cut).length)
    const tags = expectXml(graph.svg)
    const of = (name: string) => tags.filter((tag) => tag === name).length
    assert.is(of('circle'), graph.vertices.filter(({ kind }) => kind === 'state').length)
    assert.is(of('text'), graph.vertices.length)
    assert.is(of('path'), graph.edges.length + 2, 'and two arrow heads')
    assert.not.match(graph.svg, /NaN|undefined/)
    assert.is([...graph.svg.matchAll(/stroke-dasharray/g)].length, count(/style=dashed/))
  })
}
written.run()
