/**
 * DESIGN.md's recurrent layers with shortcuts, and truncation by its literal definition (section 5), in plain scalars and
 * float64: one sample, one step, one unit at a time, differentiated by a scalar tape.
 */
import { type Scalar, ScalarTape } from './autograd.ts'

export interface NetOptions {
  readonly kind: 'RNN' | 'LSTM' | 'GRU'
  readonly inputSize: number
  readonly hiddenSize: number
  readonly numLayers: number
  readonly nonlinearity?: 'tanh' | 'relu' | 'identity'
  readonly resetAfter?: boolean
  readonly projSize?: number
  readonly skips?: readonly number[]
  readonly residual?: boolean
  readonly layerResidual?: boolean
}

/** Numbers by name, as plain arrays in retrograd's layouts, time first: x, h, c, past, and the parameters. */
export type Named = Readonly<Record<string, ArrayLike<number>>>

export interface Problem {
  readonly net: NetOptions
  readonly T: number
  readonly B: number
  /** x [T, B, I]; states h, c [layers, B, n]; perhaps past [entries, layers, B, P]; parameters. */
  readonly leaves: Named
  /** Gradients by output [T, B, P], and by states where given (h, c, past). */
  readonly seeds: Named
  readonly lengths?: readonly number[] | undefined
  readonly truncation?: { window: number; stride: number } | undefined
  readonly probe?: Probe
}

/** Looks at what goes on inside: the states on the way, and each step's own copy of every parameter. */
export class Probe {
  /** By layer's state (h_l0), step and sample. */
  readonly states: Record<string, Scalar[][][]> = {}
  /** By parameter, step and sample. */
  readonly copies: Record<string, Scalar[][][]> = {}
  /** A gradient that passes a state edge of this lag is multiplied by this. */
  readonly factor: (lag: number) => number

  constructor(factor: (lag: number) => number = () => 1) {
    this.factor = factor
  }

  static keep(into: Record<string, Scalar[][][]>, name: string, step: number, values: Scalar[]): void {
    ;((into[name] ??= [])[step - 1] ??= []).push(values)
  }
}

/** Values of output and states, and gradients by every leaf. */
export interface Answer {
  readonly values: Record<string, number[]>
  readonly gradients: Record<string, number[]>
  /** By every number on the tape, where nothing is truncated. */
  readonly all?: Float64Array
}

/** Every block of losses by itself, with the states before its window as constants; the gradients add up. */
export function solve(problem: Problem): Answer {
  const { T, truncation } = problem
  if (truncation === undefined) return solveBlock(problem, -Infinity, 0, T)
  const { window: k2, stride: k1 } = truncation
  const answers: Answer[] = []
  for (let end = k1; end < T + k1; end += k1) answers.push(solveBlock(problem, end - k2, end - k1, end))
  const names = Object.keys(answers[0]!.gradients)
  const sum = (name: string) =>
    answers.map(({ gradients }) => gradients[name]!).reduce((a, b) => a.map((value, i) => value + b[i]!))
  return { values: answers[0]!.values, gradients: Object.fromEntries(names.map((name) => [name, sum(name)])) }
}

/** What steps in (lossFrom, lossTo] lose, states at steps <= cut being constants where cut > 0; steps count from 1. */
function solveBlock(problem: Problem, cut: number, lossFrom: number, lossTo: number): Answer {
  const { net, T, B, leaves, seeds, lengths } = problem
  const tape = new ScalarTape()
  const places = Object.fromEntries(
    Object.entries(leaves).map(([name, values]) => [name, Array.from(values, (value) => tape.leaf(value))]),
  )
  const P = net.projSize ?? net.hiddenSize
  const output = new Array<Scalar | undefined>(T * B * P)
  const finals: Record<string, Scalar[]> = {}
  const seeding: [Scalar, number][] = []
  for (let b = 0; b < B; b++) {
    const length = lengths?.[b] ?? T
    const chain = new Chain(tape, problem, places, [b, B], length, cut)
    for (const [t, row] of chain.outputs.entries()) {
      for (const [i, y] of row.entries()) {
        const place = (t * B + b) * P + i
        output[place] = y
        if (t + 1 > lossFrom && t + 1 <= lossTo) seeding.push([y, seeds['output']?.[place] ?? 0])
      }
    }
    const owner = length === 0 ? 1 : length // a sample without a step passes its gradient on
    const hasState = owner > lossFrom && owner <= lossTo
    for (const [name, place, value] of chain.finals()) {
      ;(finals[name] ??= [])[place] = value
      if (hasState) seeding.push([value, seeds[name]?.[place] ?? 0])
    }
  }
  const gradients = tape.backward(seeding)
  const valueOf = (place: Scalar | undefined) => (place === undefined ? 0 : tape.values[place]!)
  const flat = (list: (Scalar | undefined)[]) => Array.from(list, valueOf)
  return {
    values: { output: flat(output), ...Object.fromEntries(Object.entries(finals).map(([k, v]) => [k, flat(v)])) },
    gradients: Object.fromEntries(
      Object.entries(places).map(([name, list]) => [name, list.map((place) => gradients[place]!)]),
    ),
    all: gradients,
  }
}

/** One sample's run through all layers. */
class Chain {
  readonly outputs: Scalar[][]
  readonly #finals: [string, number, Scalar][] = []
  readonly #tape: ScalarTape
  readonly #net: NetOptions
  readonly #places: Readonly<Record<string, Scalar[]>>
  readonly #sample: number
  readonly #batch: number
  readonly #cut: number
  readonly #probe: Probe | undefined

  constructor(
    tape: ScalarTape,
    { net, probe }: Problem,
    places: Readonly<Record<string, Scalar[]>>,
    [sample, batch]: readonly [number, number],
    length: number,
    cut: number,
  ) {
    this.#tape = tape
    this.#net = net
    this.#probe = probe
    this.#places = places
    this.#sample = sample
    this.#batch = batch
    this.#cut = cut
    this.outputs = Array.from({ length }, (_, t) => this.#row('x', t, net.inputSize))
    for (let layer = 0; layer < net.numLayers; layer++) this.#runLayer(layer, length)
  }

  finals(): [string, number, Scalar][] {
    return this.#finals
  }

  #row(name: string, lead: number, columns: number): Scalar[] {
    const from = (lead * this.#batch + this.#sample) * columns
    return this.#places[name]!.slice(from, from + columns)
  }

  #runLayer(layer: number, length: number): void {
    const [net, places, tape] = [this.#net, this.#places, this.#tape]
    const P = net.projSize ?? net.hiddenSize
    const furthest = Math.max(1, ...(net.skips ?? []))
    const first = this.#row('h', layer, P)
    // h by step: 0 is the initial state, -1, -2, … those before it
    const h = new Map<number, Scalar[]>([[0, first]])
    for (let j = 1; j < furthest; j++)
      h.set(-j, places['past'] ? this.#row('past', (j - 1) * net.numLayers + layer, P) : first)
    let c = net.kind === 'LSTM' ? this.#row('c', layer, net.hiddenSize) : []
    const isCut = (step: number) => this.#cut > 0 && step <= this.#cut
    const fixed = (values: Scalar[], step: number) => (isCut(step) ? values.map((v) => tape.detach(v)) : values)
    for (let step = 1; step <= length; step++) {
      const x = this.outputs[step - 1]!
      const read = (lag: number) => this.#pass(fixed(h.get(step - lag)!, step - lag), lag)
      const next = this.#step(x, read, this.#pass(fixed(c, step - 1), 1), this.#weights(layer, step))
      h.set(step, this.#seen(net.residual ? next.h.map((v, i) => tape.add(read(1)[i]!, v)) : next.h))
      c = this.#seen(next.c)
      const y = h.get(step)!
      // the two are apart: c as later steps read it, without its way through this step's h
      if (this.#probe) Probe.keep(this.#probe.states, `h_l${layer}`, step, y)
      if (this.#probe && net.kind === 'LSTM') Probe.keep(this.#probe.states, `c_l${layer}`, step, c)
      this.outputs[step - 1] = net.layerResidual && layer > 0 ? y.map((v, i) => tape.add(v, x[i]!)) : y
    }
    const put = (name: string, lead: number, values: Scalar[]) => {
      const from = (lead * this.#batch + this.#sample) * values.length
      for (const [i, value] of values.entries()) this.#finals.push([name, from + i, value])
    }
    put('h', layer, h.get(length)!)
    if (net.kind === 'LSTM') put('c', layer, c)
    // a past state that the window does not reach is a constant
    for (let j = 1; j < furthest; j++) put('past', (j - 1) * net.numLayers + layer, fixed(h.get(length - j)!, length - j)) // prettier-ignore
  }

  #seen(values: Scalar[]): Scalar[] {
    return this.#probe ? values.map((v) => this.#tape.apply(v, this.#tape.values[v]!, 1)) : values
  }

  /** State edges, seen by the probe. */
  #pass(values: Scalar[], lag: number): Scalar[] {
    const [probe, tape] = [this.#probe, this.#tape]
    return probe ? values.map((v) => tape.apply(v, tape.values[v]!, probe.factor(lag))) : values
  }

  /** A layer's parameters; for a probe copies of them, this step's own. */
  #weights(layer: number, step: number): (name: string) => Scalar[] {
    const [probe, tape, own] = [this.#probe, this.#tape, new Map<string, Scalar[]>()]
    return (name) => {
      const full = `${name}_l${layer}`
      if (!probe) return this.#places[full]!
      if (!own.has(full)) {
        const copies = this.#places[full]!.map((v) => tape.apply(v, tape.values[v]!, 1))
        own.set(full, copies)
        Probe.keep(probe.copies, full, step, copies)
      }
      return own.get(full)!
    }
  }

  /** PyTorch's cells, skips on the input side of every gate. */
  #step(
    x: Scalar[],
    read: (lag: number) => Scalar[],
    c: Scalar[],
    w: (name: string) => Scalar[],
  ): { h: Scalar[]; c: Scalar[] } {
    const [tape, net] = [this.#tape, this.#net]
    const H = net.hiddenSize
    const units = Array.from({ length: H }, (_, i) => i)
    const h = read(1)
    const dot = (weight: Scalar[], row: number, values: Scalar[], start: Scalar) =>
      values.reduce((sum, value, k) => tape.add(sum, tape.mul(weight[row * values.length + k]!, value)), start)
    const given = (row: number) =>
      (net.skips ?? []).reduce(
        (sum, lag) => dot(w(`weight_skip${lag}`), row, read(lag), sum),
        dot(w('weight_ih'), row, x, w('bias_ih')[row]!),
      )
    const hidden = (row: number, from = h) => dot(w('weight_hh'), row, from, w('bias_hh')[row]!)
    const sum = (row: number) => tape.add(given(row), hidden(row))
    if (net.kind === 'RNN') {
      const bend = { tanh: (a: Scalar) => tape.tanh(a), relu: (a: Scalar) => tape.relu(a), identity: (a: Scalar) => a }
      return { h: units.map((i) => bend[net.nonlinearity ?? 'tanh'](sum(i))), c }
    }
    if (net.kind === 'GRU') {
      const r = units.map((i) => tape.sigmoid(sum(i)))
      const reset = r.map((gate, i) => tape.mul(gate, h[i]!))
      const next = units.map((i) => {
        const z = tape.sigmoid(sum(H + i))
        const recurrent = net.resetAfter === false ? hidden(2 * H + i, reset) : tape.mul(r[i]!, hidden(2 * H + i))
        const n = tape.tanh(tape.add(given(2 * H + i), recurrent))
        return tape.add(tape.mul(tape.oneMinus(z), n), tape.mul(z, h[i]!))
      })
      return { h: next, c }
    }
    const gates = units.map((i) => [tape.sigmoid(sum(i)), tape.sigmoid(sum(H + i)), tape.tanh(sum(2 * H + i)), tape.sigmoid(sum(3 * H + i))] as const) // prettier-ignore
    const cell = gates.map(([i, f, g], k) => tape.add(tape.mul(f, c[k]!), tape.mul(i, g)))
    const out = gates.map(([, , , o], k) => tape.mul(o, tape.tanh(cell[k]!)))
    const zero = tape.leaf(0)
    const P = net.projSize
    return { h: P ? Array.from({ length: P }, (_, p) => dot(w('weight_hr'), p, out, zero)) : out, c: cell }
  }
}
