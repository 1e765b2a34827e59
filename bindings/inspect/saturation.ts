import type { Module } from '../module/module.ts'
import type { Input } from '../module/options.ts'
import type { Value } from '../program/graph.ts'
import type { ActivationKind } from '../program/operation.ts'
import { expectNumber } from '../runtime/check.ts'
import { type Layer, savedValues } from '../unroll/layer.ts'
import { layerName } from './names.ts'
import { type InspectOptions, expectInspected } from './options.ts'
import { Recording } from './recording.ts'

export interface SaturationOptions extends Omit<InspectOptions, 'output'> {
  /** A gate is shut below this, open above 1 minus this; a tanh saturates this close to ±1. 0.1 if left out. */
  margin?: number
}

/** Shares of all units, steps and samples, and each unit's mean. */
export interface Shares {
  /** Of a gate: shut; of a tanh: near -1; of a ReLU: 0. */
  readonly low: number
  /** Of a gate: open; of a tanh: near 1; of a ReLU: above 0. */
  readonly high: number
  readonly mean: Float64Array
}

export interface Saturation {
  /** By activation: an LSTM's `i`, `f`, `g`, `o`, a GRU's `r`, `z`, `n`, else its name and number; of several layers with `_l0`, …. */
  readonly activations: Readonly<Record<string, Shares>>
  /** Units of ReLU activations that are 0 at every step of every sample. */
  readonly deadUnits: Readonly<Record<string, number[]>>
  /** Steps after which a unit has forgotten all but 1/e: -1 / ln(mean of the gate that keeps the state), an LSTM's f, a GRU's z. */
  readonly timeConstants: Readonly<Record<string, Float64Array>>
}

/** How far gates and activations are driven into their flat parts, while a module runs over an input. */
export function saturation(module: Module, input: Input, options: SaturationOptions = {}): Saturation {
  const who = 'saturation'
  const net = expectInspected(who, module, options, ['margin'])
  const margin = expectNumber(who, 'margin', options.margin ?? 0.1, 0, 0.5)
  return new Recording(who, net, input, options).look((recording) => measure(recording, margin))
}

/** Columns of a value on the tape that are one activation. */
interface ActivationColumns {
  readonly name: string
  readonly kind: ActivationKind
  readonly value: Value
  readonly from: number
  readonly columns: number
  /** Does it say how much of the state stays? */
  readonly keeps: boolean
}

function activationsOf(layer: Layer, layers: number): ActivationColumns[] {
  const counts = new Map<ActivationKind, number>()
  const numbered = (kind: ActivationKind) => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    return `${kind} ${counts.get(kind)}`
  }
  const values = [...savedValues(layer)].sort((a, b) => a.node.id - b.node.id)
  return values.flatMap((value): ActivationColumns[] => {
    const { activations } = value.node.op
    if (activations?.result !== value.index) return []
    const columns = value.columns / activations.blocks.length
    return activations.blocks.map(({ kind, name = numbered(kind), keeps = false }, k) => {
      return { name: layerName(name, layer, layers), kind, value, from: k * columns, columns, keeps }
    })
  })
}

/** Below and above what an activation counts as saturated. */
const bounds: Readonly<Record<ActivationKind, (margin: number) => [number, number]>> = {
  sigmoid: (margin) => [margin, 1 - margin],
  tanh: (margin) => [margin - 1, 1 - margin],
  relu: () => [0, 0],
}

function measure(recording: Recording, margin: number): Saturation {
  const activations: Record<string, Shares> = {}
  const deadUnits: Record<string, number[]> = {}
  const timeConstants: Record<string, Float64Array> = {}
  const { stack, module } = recording
  for (const [index, layer] of stack.layers.entries()) {
    for (const activation of activationsOf(layer, stack.layers.length)) {
      const { name, kind, keeps, columns } = activation
      const { rows, below, above, sums } = count(recording, index, activation, bounds[kind](margin))
      const total = rows * columns
      const high = sum(above) / total
      const mean = sums.map((value) => value / rows)
      activations[name] = { low: kind === 'relu' ? 1 - high : sum(below) / total, high, mean }
      if (kind === 'relu') deadUnits[name] = [...above.keys()].filter((unit) => above[unit] === 0)
      if (keeps)
        timeConstants[name] = mean.map((kept) => (kept < 1 ? -1 / module.runtime.core.logarithm(kept) : Infinity))
    }
  }
  return { activations, deadUnits, timeConstants }
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)

interface Counts {
  readonly rows: number
  readonly below: Float64Array
  readonly above: Float64Array
  readonly sums: Float64Array
}

function count(
  { module, data, steps, batch }: Recording,
  layer: number,
  { value, from, columns }: ActivationColumns,
  [low, high]: [number, number],
): Counts {
  const { core, heap } = module.runtime
  const all = value.columns
  const counts = heap.allocateZeros(3 * all * 8, 'counts')
  const { base } = data.call.tapePlan.entry(layer, value)
  const rows = core.countShares(steps, batch, all, low, high, data.call.lengths, base, counts.address)
  const part = (k: number) => new Float64Array(heap.buffer, counts.address + (k * all + from) * 8, columns).slice()
  const result = { rows, below: part(0), above: part(1), sums: part(2) }
  counts.dispose()
  return result
}
