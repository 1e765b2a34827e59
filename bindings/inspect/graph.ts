import type { Layer } from '../nn/layer.ts'
import type { Input, Module } from '../nn/module.ts'
import { type Truncation, expectTruncation } from '../nn/unrolling.ts'
import { type Value, ancestors } from '../program/graph.ts'
import { expectOptions, expectPositive } from '../runtime/check.ts'
import { stateName } from './flow.ts'
import { drawGraph } from './graph-svg.ts'
import { expectUnrolled } from './recording.ts'

export interface GraphOptions {
  /** Steps to draw; 4 if left out. */
  steps?: number
  /** Draws where truncation cuts: edges that no gradient of a later block passes. */
  truncation?: Truncation
}

/** A vertex of the unrolled graph. */
export interface Vertex {
  readonly id: string
  readonly label: string
  readonly kind: 'input' | 'state' | 'output'
  /** 0: the initial state. */
  readonly step: number
  /** Rows from the bottom: inputs, then each layer's states, then outputs. */
  readonly row: number
}

export interface Edge {
  readonly from: string
  readonly to: string
  /** Steps that it spans. */
  readonly lag: number
  /** No gradient passes from a block of losses that ends later. */
  readonly cut: boolean
}

export interface UnrolledGraph {
  readonly vertices: readonly Vertex[]
  readonly edges: readonly Edge[]
  /** For Graphviz. */
  readonly dot: string
  readonly svg: string
}

/**
 * The directed acyclic graph that a module becomes when it is unrolled over time, read off its step: which states a step reads, how far
 * back, and which layer reads which.
 *
 * @param _input not looked at: the graph is the same for all
 */
export function unrolledGraph(module: Module, _input?: Input, options: GraphOptions = {}): UnrolledGraph {
  const who = 'unrolledGraph'
  expectOptions(who, options, ['steps', 'truncation'])
  const { stack } = expectUnrolled(who, module)
  const steps = expectPositive(who, 'steps', options.steps ?? 4)
  const cut = options.truncation && expectTruncation(who, options.truncation)
  const drawing = new Drawing(stack.layers, stack.directions, steps, cut)
  return { ...drawing.graph(), dot: dotOf(drawing.graph()), svg: drawGraph(drawing.graph(), steps) }
}

class Drawing {
  readonly #layers: readonly Layer[]
  readonly #directions: number
  readonly #steps: number
  readonly #cut: Truncation | undefined
  readonly #vertices = new Map<string, Vertex>()
  readonly #edges: Edge[] = []

  constructor(layers: readonly Layer[], directions: number, steps: number, cut: Truncation | undefined) {
    this.#layers = layers
    this.#directions = directions
    this.#steps = steps
    this.#cut = cut
    for (let step = 1; step <= steps; step++) this.#addStep(step)
  }

  graph(): { vertices: Vertex[]; edges: Edge[] } {
    return { vertices: [...this.#vertices.values()], edges: this.#edges }
  }

  #addStep(step: number): void {
    const { graph } = this.#layers[0]!
    for (const { node } of graph.inputs) this.#vertex('input', node.name, step, 0)
    for (const layer of this.#layers) this.#addLayer(layer, step)
  }

  #addLayer(layer: Layer, step: number): void {
    const { states, outputs } = layer.graph
    for (const { name, next } of states) {
      this.#state(layer, name, step)
      this.#connect(layer, next, this.#stateId(layer, name, step), step)
    }
    if (layer.depth < this.#layers.at(-1)!.depth) return
    const id = this.#vertex('output', 'y', step, this.#rows)
    const own = states.find(({ next }) => next === outputs[0])
    if (own) this.#edge(this.#stateId(layer, own.name, step), id, 0, step)
    else this.#connect(layer, outputs[0]!, id, step)
  }

  /** Edges from everything that a value of a step reads. */
  #connect(layer: Layer, value: Value, to: string, step: number): void {
    const leaves = ancestors([value]).filter(({ op }) => op === 'input' || op === 'state')
    for (const { op, name, attributes } of leaves) {
      if (op === 'input') for (const from of this.#sources(layer, name, step)) this.#edge(from, to, 0, step)
      else this.#edge(this.#read(layer, name, step, attributes['lag'] ?? 1), to, attributes['lag'] ?? 1, step)
    }
  }

  /** Where a layer's input comes from: the module's, or the layer below, in both directions. */
  #sources(layer: Layer, name: string, step: number): string[] {
    if (layer.depth === 0) return [`${name}@${step}`]
    const below = this.#layers.filter(({ depth }) => depth === layer.depth - 1)
    return below.map((source) => {
      const { states, outputs } = source.graph
      const own = states.find(({ next }) => next === outputs[0]) ?? states[0]!
      return this.#stateId(source, own.name, step)
    })
  }

  /** A state read `lag` steps back; before the first step the initial one. */
  #read(layer: Layer, name: string, step: number, lag: number): string {
    const at = layer.reversed ? step + lag : step - lag
    const inside = layer.reversed ? Math.min(at, this.#steps + 1) : Math.max(at, 0)
    return this.#state(layer, name, inside)
  }

  #state(layer: Layer, name: string, step: number): string {
    const label = stateName(name, layer, this.#layers.length)
    return this.#vertex('state', label, step, this.#rowOf(layer, name))
  }

  #stateId = (layer: Layer, name: string, step: number): string =>
    `${stateName(name, layer, this.#layers.length)}@${step}`

  get #rows(): number {
    const { states } = this.#layers[0]!.graph
    return 1 + this.#layers.length * states.length
  }

  #rowOf(layer: Layer, name: string): number {
    const { states } = layer.graph
    const place = layer.depth * this.#directions + Number(layer.reversed)
    return 1 + place * states.length + states.findIndex((state) => state.name === name)
  }

  #vertex(kind: Vertex['kind'], label: string, step: number, row: number): string {
    const id = `${label}@${step}`
    if (!this.#vertices.has(id)) this.#vertices.set(id, { id, label, kind, step, row })
    return id
  }

  #edge(from: string, to: string, lag: number, step: number): void {
    const known = this.#edges.some((edge) => edge.from === from && edge.to === to)
    if (!known) this.#edges.push({ from, to, lag, cut: this.#isCut(step, lag) })
  }

  /** With window = stride, an edge out of an earlier block is cut; a longer window cuts it for the losses that end beyond its reach. */
  #isCut(step: number, lag: number): boolean {
    if (!this.#cut || lag === 0) return false
    const { window, stride = window } = this.#cut
    const end = stride * Math.ceil(step / stride)
    // a window that reaches the first step reaches the initial state too
    return end > window && step - lag <= end - window
  }
}

function dotOf({ vertices, edges }: { vertices: readonly Vertex[]; edges: readonly Edge[] }): string {
  const shapes = { input: 'box', state: 'circle', output: 'diamond' }
  const quote = (text: string) => `"${text}"`
  const nodes = vertices.map(
    ({ id, label, kind, step }) => `  ${quote(id)} [label=${quote(`${label}_${step}`)}, shape=${shapes[kind]}];`,
  )
  const steps = [...new Set(vertices.map(({ step }) => step))]
  const ranks = steps.map((step) => {
    const ids = vertices.filter((vertex) => vertex.step === step).map(({ id }) => quote(id))
    return `  { rank=same; ${ids.join('; ')} }`
  })
  const links = edges.map(
    ({ from, to, cut }) => `  ${quote(from)} -> ${quote(to)}${cut ? ' [style=dashed, color=red]' : ''};`,
  )
  return ['digraph unrolled {', '  rankdir=LR;', ...nodes, ...ranks, ...links, '}', ''].join('\n')
}
