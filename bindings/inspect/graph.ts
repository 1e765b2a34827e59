import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import { type Truncation, expectTruncation } from '../module/truncation.ts'
import { type Value, ancestors } from '../program/graph.ts'
import { INPUT, STATE } from '../program/ops/leaves.ts'
import { expectOptions, expectPositive, fail } from '../runtime/check.ts'
import type { Layer } from '../unroll/layer.ts'
import type { Stack } from '../unroll/stack.ts'
import { dotOf } from './draw/dot.ts'
import { drawGraph } from './draw/unrolled-graph.ts'
import { layerName } from './names.ts'
import { expectUnrolled } from './options.ts'
import type { Edge, Graph, Vertex } from './vertices.ts'

export interface GraphOptions {
  /** Steps to draw; 4 if left out. */
  steps?: number
  /** Draws where truncation cuts. */
  truncation?: Truncation
}

export interface UnrolledGraph extends Graph {
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
  if (cut && stack.directions === 2)
    fail('unsupported', `${who}: truncation is given; a bidirectional module has no one past to cut off`)
  const graph = new Unrolling(stack, steps, cut).graph()
  return { ...graph, dot: dotOf(graph), svg: drawGraph(graph) }
}

interface Source {
  readonly from: string
  readonly lag: number
}

/** The nearest values on the way up from a value for which something holds. */
function frontier(value: Value, holds: (value: Value) => boolean): Value[] {
  const found = ancestors([value], holds).flatMap(({ inputs }) => inputs.filter(holds))
  return [...new Set(found)]
}

/** Finds vertices and edges, step by step. */
class Unrolling {
  readonly #layers: readonly Layer[]
  readonly #directions: number
  readonly #steps: number
  readonly #cut: Truncation | undefined
  readonly #vertices = new Map<string, Vertex>()
  readonly #edges: Edge[] = []

  constructor({ layers, directions }: Stack, steps: number, cut: Truncation | undefined) {
    this.#layers = layers
    this.#directions = directions
    this.#steps = steps
    this.#cut = cut
    for (let step = 1; step <= steps; step++) this.#addStep(step)
  }

  graph(): Graph {
    return { vertices: [...this.#vertices.values()], edges: this.#edges }
  }

  #addStep(step: number): void {
    const { graph } = this.#layers[0]!
    for (const { node } of graph.inputs) this.#vertex('input', node.name, step, 0)
    for (const layer of this.#layers) this.#addLayer(layer, step)
  }

  #addLayer(layer: Layer, step: number): void {
    for (const { name, next } of layer.graph.states) {
      const id = this.#state(layer, name, step)
      for (const { from, lag } of this.#read([next], layer, step)) this.#edge(from, id, lag, step)
    }
    if (layer.depth < this.#layers.at(-1)!.depth) return
    const id = this.#vertex('output', 'y', step, this.#rows)
    for (const { from, lag } of this.#readByOutput(layer, step)) this.#edge(from, id, lag, step)
  }

  /** What values of a step read, where inputs come from the module or from the layer below, in both directions. */
  #read(values: readonly Value[], layer: Layer, step: number, until?: (value: Value) => boolean): Source[] {
    const leaves = ancestors(values, until).filter(({ op }) => op === INPUT || op === STATE)
    return leaves.flatMap(({ op, name, attributes }) => {
      if (op === STATE) return [this.#readState(layer, name, step, attributes['lag'] ?? 1)]
      if (layer.depth === 0) return [{ from: `${name}@${step}`, lag: 0 }]
      const below = this.#layers.filter(({ depth }) => depth === layer.depth - 1)
      return below.flatMap((source) => this.#readByOutput(source, step))
    })
  }

  /** An output reads the states that the step has just made, and what it reads beside them. */
  #readByOutput(layer: Layer, step: number): Source[] {
    const { states, outputs } = layer.graph
    const nameOf = (value: Value) => states.find(({ next }) => next === value)?.name
    const isNext = (value: Value) => nameOf(value) !== undefined
    const own = isNext(outputs[0]!) ? [outputs[0]!] : frontier(outputs[0]!, isNext)
    const made = own.map((value) => ({ from: this.#stateId(layer, nameOf(value)!, step), lag: 0 }))
    return isNext(outputs[0]!) ? made : [...made, ...this.#read([outputs[0]!], layer, step, isNext)]
  }

  /** A state read `lag` steps back; before the first step the initial one. */
  #readState(layer: Layer, name: string, step: number, lag: number): Source {
    const at = layer.reversed ? step + lag : step - lag
    const inside = layer.reversed ? Math.min(at, this.#steps + 1) : Math.max(at, 0)
    return { from: this.#state(layer, name, inside), lag }
  }

  #state(layer: Layer, name: string, step: number): string {
    const label = layerName(name, layer, this.#layers.length)
    return this.#vertex('state', label, step, this.#rowOf(layer, name))
  }

  #stateId = (layer: Layer, name: string, step: number): string =>
    `${layerName(name, layer, this.#layers.length)}@${step}`

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
    // an output's name may be a state's too
    const id = kind === 'output' ? `output ${label}@${step}` : `${label}@${step}`
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
