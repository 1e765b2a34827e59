/** What a file of weights says, as plain data. */
import type { SafetensorsFile, SafetensorsTensor } from '../io/safetensors-format.ts'
import { spectralRadius } from './spectral-radius.ts'

export interface TensorReport {
  readonly name: string
  readonly shape: readonly number[]
  readonly mean: number
  readonly deviation: number
  readonly min: number
  readonly max: number
  /** Elements that are NaN or infinite. */
  readonly notFinite: number
}

export interface DirectionReport {
  /** Prefix of the layer's names, such as `0.` in a Sequential. */
  readonly prefix: string
  /** Undefined for an equilibrium model, which has one. */
  readonly layer: number | undefined
  readonly reverse: boolean
  readonly kind: 'RNN' | 'GRU' | 'LSTM' | 'DEQ'
  readonly inputSize: number
  readonly hiddenSize: number
  readonly projSize: number
  readonly skips: readonly number[]
  /** By gate: ρ of its block of weight_hh, where that block is square. */
  readonly spectralRadius: Readonly<Record<string, number>>
  /** By gate: the mean of its biases together. */
  readonly bias: Readonly<Record<string, number>>
}

export interface Report {
  readonly metadata: Readonly<Record<string, string>>
  readonly parameters: number
  readonly bytes: number
  readonly tensors: readonly TensorReport[]
  readonly layers: readonly DirectionReport[]
}

export function reportOf({ tensors, metadata }: SafetensorsFile): Report {
  const entries = Object.entries(tensors)
  const skips = skipsByLayer(entries.map(([name]) => name))
  return {
    metadata,
    parameters: entries.reduce((sum, [, { data }]) => sum + data.length, 0),
    bytes: entries.reduce((sum, [, { data }]) => sum + data.byteLength, 0),
    tensors: entries.map(([name, tensor]) => tensorReport(name, tensor)),
    layers: entries.flatMap(([name]) => directionReport(name, tensors, skips) ?? []),
  }
}

function tensorReport(name: string, { shape, data }: SafetensorsTensor): TensorReport {
  let [count, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity]
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i])
    if (!Number.isFinite(value)) continue
    count++
    sum += value
    squares += value * value
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  const mean = sum / count
  const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean))
  return { name, shape, mean, deviation, min, max, notFinite: data.length - count }
}

/** Rows of weight_ih for each row of the state tell the kinds apart. */
const GATES = {
  1: { kind: 'RNN', gates: ['h'] },
  3: { kind: 'GRU', gates: ['r', 'z', 'n'] },
  4: { kind: 'LSTM', gates: ['i', 'f', 'g', 'o'] },
} as const

const DEQ_GATES = { kind: 'DEQ', gates: ['z'] } as const

const NAME = /^(.*)weight_hh(?:_l(\d{1,9})(_reverse)?)?$/
const SKIP = /^(.*)weight_skip(\d{1,9})(_l\d{1,9}(?:_reverse)?)$/

/** Lags of skip connections, by what stands before and behind `weight_skip` and the lag in their names. */
function skipsByLayer(names: readonly string[]): Map<string, number[]> {
  const skips = new Map<string, number[]>()
  for (const name of names) {
    const [, prefix, lag, suffix] = SKIP.exec(name) ?? []
    if (prefix === undefined) continue
    const own = skips.get(prefix + suffix)
    if (own) own.push(Number(lag))
    else skips.set(prefix + suffix, [Number(lag)])
  }
  return skips
}

function directionReport(
  name: string,
  tensors: SafetensorsFile['tensors'],
  skips: ReadonlyMap<string, number[]>,
): DirectionReport | undefined {
  const [, prefix, number, reverse = ''] = NAME.exec(name) ?? []
  if (prefix === undefined) return undefined
  const suffix = number === undefined ? '' : `_l${number}${reverse}`
  const own = (part: string) => tensors[`${prefix}${part}${suffix}`]
  const weightHr = number === undefined ? undefined : own('weight_hr')
  const [weightHh, weightIh] = [own('weight_hh'), own('weight_ih')]
  const biases = (number === undefined ? ['bias'] : ['bias_ih', 'bias_hh']).flatMap((part) => own(part) ?? [])
  const [rows = 0, columns = 0] = weightHh?.shape ?? []
  const hiddenSize = weightHr?.shape[1] ?? columns
  const found = number === undefined ? rows === columns && DEQ_GATES : GATES[(rows / hiddenSize) as keyof typeof GATES]
  if (!weightHh || !weightIh || !found) return undefined
  const inputSize = weightIh.shape[1] ?? 0
  const { kind, gates } = found
  // names alone say nothing: only shapes that agree bind every size to numbers that the file holds
  const agree =
    hasShape(weightHh, rows, columns) &&
    hasShape(weightIh, rows, inputSize) &&
    (!weightHr || hasShape(weightHr, columns, hiddenSize)) &&
    biases.every((bias) => hasShape(bias, rows))
  if (!agree) return undefined
  return {
    prefix,
    layer: number === undefined ? undefined : Number(number),
    reverse: reverse !== '',
    kind,
    inputSize,
    hiddenSize,
    projSize: weightHr ? columns : 0,
    skips: skips.get(prefix + suffix) ?? [],
    spectralRadius: columns === hiddenSize ? byGate(gates, (k) => radiusOf(weightHh, k, hiddenSize)) : {},
    bias: biasesOf(gates, biases, hiddenSize),
  }
}

const hasShape = ({ shape }: SafetensorsTensor, ...sizes: readonly number[]): boolean =>
  shape.length === sizes.length && sizes.every((size, axis) => size > 0 && shape[axis] === size)

const byGate = (gates: readonly string[], value: (index: number) => number): Record<string, number> =>
  Object.fromEntries(gates.map((gate, index) => [gate, value(index)]))

function radiusOf({ data }: SafetensorsTensor, gate: number, size: number): number {
  return spectralRadius(
    Float64Array.from({ length: size * size }, (_, i) => Number(data[gate * size * size + i])),
    size,
  )
}

function biasesOf(
  gates: readonly string[],
  biases: readonly SafetensorsTensor[],
  size: number,
): Record<string, number> {
  if (biases.length === 0) return {}
  return byGate(gates, (gate) => {
    let sum = 0
    for (const { data } of biases) for (let i = 0; i < size; i++) sum += Number(data[gate * size + i])
    return sum / size
  })
}
