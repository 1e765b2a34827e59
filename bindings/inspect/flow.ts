import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import type { Entry } from '../program/entry.ts'
import { KIND } from '../program/format.ts'
import type { GradientTerm, Value } from '../program/graph.ts'
import { valuesOf } from '../program/reads.ts'
import { isReduction } from '../program/schedule.ts'
import type { BackwardCall } from '../unroll/backward-call.ts'
import { inspectedAdjoint, perLayer } from './adjoints.ts'
import { instancesOf } from './instances.ts'
import { layerName } from './names.ts'
import { type InspectOptions, expectInspected, expectOutput } from './options.ts'
import { type OwnBackward, Recording } from './recording.ts'
import { Squares } from './squares.ts'

export interface GradientFlow {
  /**
   * ‖∂L/∂h_t‖ over the batch, t = 1 … T, by state; of several layers `h_l0`, `h_l1`, …, `h_l0_reverse`. The step's other states are
   * held fixed: an LSTM's c without the way through h of the same step.
   */
  readonly states: Readonly<Record<string, Float64Array>>
  /** ‖∇W^(t)‖: the norm of what step t adds to each parameter's gradient. */
  readonly parameters: Readonly<Record<string, Float64Array>>
}

/**
 * How gradients flow: norms by time step of the whole gradient by each state, and of each parameter's instances.
 *
 * @param options `output`, the loss's gradient by the module's output; `state`, `lengths` as in forward
 */
export function gradientFlow(module: Module, input: Input, options: InspectOptions): GradientFlow {
  const who = 'gradientFlow'
  const net = expectInspected(who, module, options, [])
  expectOutput(who, options)
  return new Recording(who, net, input, options).look((recording) =>
    recording.runBackward(FLOW, (backward) => new Flow(recording, backward).measure()),
  )
}

/** The adjoint of a layer that also gives the whole gradients by its states. */
const adjointWithTotals = perLayer((layer) => inspectedAdjoint(layer, { totals: true }))

/** Weight gradients are not formed: their norms follow from their factors, which are kept. */
const FLOW: OwnBackward = {
  kind: 'flow',
  make: (layer) => {
    const graph = adjointWithTotals(layer)
    const primal = valuesOf(layer.graph)
    const factors = graph.gradients.flatMap(({ value }) => (isReduction(value.node) ? value.node.inputs : []))
    const own = factors.filter((value) => !primal.has(value) && !graph.inputs.includes(value))
    return { graph: { ...graph, gradients: [] }, saved: new Set(own) }
  },
  outputs: 'timed',
}

/** The factors of a parameter's gradient: a sum over rows of aᵀ b, or of b alone. */
interface Factors {
  readonly a: Value | undefined
  readonly b: Value
  readonly firstRow: number
}

class Flow {
  readonly #recording: Recording
  readonly #backward: BackwardCall

  constructor(recording: Recording, backward: BackwardCall) {
    this.#recording = recording
    this.#backward = backward
  }

  measure(): GradientFlow {
    return { states: this.#stateNorms(), parameters: this.#parameterNorms() }
  }

  #stateNorms(): Record<string, Float64Array> {
    const { stack, module, steps, batch } = this.#recording
    const norms: Record<string, Float64Array> = {}
    for (const [index, layer] of stack.layers.entries()) {
      const { outputs } = adjointWithTotals(layer)
      const totals = outputs.slice(outputs.length - layer.graph.states.length)
      for (const [i, { name, columns }] of layer.graph.states.entries()) {
        const { base, stride } = this.#backward.plan.entry(this.#unitOf(index), totals[i]!)
        const squares = new Squares(module.runtime, steps)
        squares.addSteps(batch * columns, stride, base)
        norms[layerName(name, layer, stack.layers.length)] = squares.roots()
      }
    }
    return norms
  }

  #parameterNorms(): Record<string, Float64Array> {
    const { stack, module } = this.#recording
    const norms: Record<string, Float64Array> = {}
    for (const [index, layer] of stack.layers.entries()) {
      const shared = new Map<Value, { name: string; factors: Factors }[]>()
      for (const [param, { name }] of layer.params) {
        const terms = adjointWithTotals(layer).gradients.filter((term) => term.param === param)
        const one = terms.length === 1 ? factorsOf(terms[0]!) : undefined
        if (one?.a && this.#placesOf(index, one)) put(shared, one.a, { name, factors: one })
        else norms[name] = this.#byFactors(index, terms) ?? new Float64Array(0)
      }
      for (const [a, uses] of shared) Object.assign(norms, this.#byShared(index, a, uses))
    }
    const missing = Object.keys(norms).filter((name) => norms[name]!.length === 0)
    if (missing.length > 0) Object.assign(norms, this.#byInstances(missing))
    return Object.fromEntries(module.parameters().map(({ name }) => [name, norms[name]!]))
  }

  /** Of parameters whose gradients are sums over rows of aᵀ b with one a: the rows' products are formed once. */
  #byShared(
    index: number,
    a: Value,
    uses: readonly { name: string; factors: Factors }[],
  ): Record<string, Float64Array> {
    const { module, steps, batch } = this.#recording
    const shares = uses.map(({ factors: { b } }) => {
      return { b: this.#place(index, b)!, columns: b.columns, into: new Squares(module.runtime, steps) }
    })
    Squares.addShared(module.runtime, [steps, batch], { at: this.#place(index, a)!, columns: a.columns }, shares)
    return Object.fromEntries(uses.map(({ name }, i) => [name, shares[i]!.into.roots()]))
  }

  /** From the factors of the terms, where all of them are sums over rows of the same or of separate parts; undefined else. */
  #byFactors(index: number, terms: readonly GradientTerm[]): Float64Array | undefined {
    const { module, steps, batch } = this.#recording
    const factors = terms.map(factorsOf)
    if (factors.some((one) => factors.some((other) => overlap(one, other)))) return undefined
    const places = factors.map((factor) => factor && { ...factor, at: this.#placesOf(index, factor) })
    if (places.some((place) => place?.at === undefined)) return undefined
    const squares = new Squares(module.runtime, steps)
    for (const one of places) {
      for (const other of places) {
        // rows of a parameter that do not meet have nothing in common
        if (one!.firstRow !== other!.firstRow) continue
        const [{ a, b }, { a: c, b: d }] = [one!.at!, other!.at!]
        squares.addProducts(batch, one!.a?.columns ?? 0, one!.b.columns, a, b, c, d)
      }
    }
    return squares.roots()
  }

  #placesOf(index: number, { a, b }: Factors): { a: Entry | undefined; b: Entry } | undefined {
    const places = [a && this.#place(index, a), this.#place(index, b)] as const
    if (places[1] === undefined || (a && places[0] === undefined)) return undefined
    return { a: places[0], b: places[1] }
  }

  /** Where a factor is kept for all steps; undefined for what passes through a chunk. */
  #place(index: number, value: Value): Entry | undefined {
    const { stack, data, output } = this.#recording
    const layer = stack.layers[index]!
    const input = layer.graph.inputs.indexOf(value)
    const isOwn = !valuesOf(layer.graph).has(value)
    const entry = isOwn ? this.#backward.plan.entry(this.#unitOf(index), value) : data.call.tapePlan.entry(index, value)
    if (entry === undefined || entry.kind === KIND.CHUNK) return undefined
    if (input >= 0 && layer.depth === 0 && !data.call.isStaged) return { ...entry, base: data.inputs[input]!.address }
    if (value === adjointWithTotals(layer).inputs[0] && entry.base === 0) return { ...entry, base: output!.address }
    return entry
  }

  #byInstances(names: readonly string[]): Record<string, Float64Array> {
    const { module, steps } = this.#recording
    return Object.fromEntries(
      Object.entries(instancesOf(this.#recording, names)).map(([name, tensor]) => {
        const squares = new Squares(module.runtime, steps)
        const elements = tensor.size / steps
        squares.addSteps(elements, elements * module.runtime.elementBytes, tensor.address)
        tensor.dispose()
        return [name, squares.roots()]
      }),
    )
  }

  #unitOf(index: number): number {
    return this.#backward.order.indexOf(index)
  }
}

function factorsOf({ value, firstRow }: GradientTerm): Factors | undefined {
  if (!isReduction(value.node)) return undefined
  const [first, second] = value.node.inputs
  return second ? { a: first, b: second, firstRow } : { a: undefined, b: first!, firstRow }
}

function put<Key, Item>(groups: Map<Key, Item[]>, key: Key, item: Item): void {
  groups.set(key, [...(groups.get(key) ?? []), item])
}

/** Do two terms share rows of the parameter, but not all of them? */
function overlap(one: Factors | undefined, other: Factors | undefined): boolean {
  if (!one || !other) return false
  const [from, to] = [Math.max(one.firstRow, other.firstRow), Math.min(lastRow(one), lastRow(other))]
  const same = one.firstRow === other.firstRow && lastRow(one) === lastRow(other) && !one.a === !other.a
  return from < to && !same
}

const lastRow = ({ a, firstRow }: Factors): number => firstRow + (a?.columns ?? 1)
