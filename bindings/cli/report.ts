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
  return {
    metadata,
    parameters: entries.reduce((sum, [, { data }]) => sum + data.length, 0),
    bytes: entries.reduce((sum, [, { data }]) => sum + data.byteLength, 0),
    tensors: entries.map(([name, tensor]) => tensorReport(name, tensor)),
    layers: entries.flatMap(([name]) => directionReport(name, tensors) ?? []),
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

const NAME = /^(.*)weight_hh(?:_l(\d+)(_reverse)?)?$/

function directionReport(name: string, tensors: SafetensorsFile['tensors']): DirectionReport | undefined {
  const [, prefix, number, reverse = ''] = NAME.exec(name) ?? []
  if (prefix === undefined) return undefined
  const suffix = number === undefined ? '' : `_l${number}${reverse}`
  const own = (part: string) => tensors[`${prefix}${part}${suffix}`]
  const [weightHh, weightIh, weightHr] = [own('weight_hh'), own('weight_ih'), own('weight_hr')]
  if (weightHh?.shape.length !== 2 || weightIh?.shape.length !== 2) return undefined
  const [rows, columns] = weightHh.shape as [number, number]
  const hiddenSize = weightHr?.shape[1] ?? columns
  const isSquare = rows === columns
  const found = number === undefined ? isSquare && DEQ_GATES : GATES[(rows / hiddenSize) as keyof typeof GATES]
  if (!found) return undefined
  const { kind, gates } = found
  return {
    prefix,
    layer: number === undefined ? undefined : Number(number),
    reverse: reverse !== '',
    kind,
    inputSize: weightIh.shape[1]!,
    hiddenSize,
    projSize: weightHr ? columns : 0,
    skips: number === undefined ? [] : skipsOf(`${prefix}weight_skip`, suffix, tensors),
    spectralRadius: columns === hiddenSize ? byGate(gates, (k) => radiusOf(weightHh, k, hiddenSize)) : {},
    bias: biasesOf(gates, number === undefined ? [own('bias')] : [own('bias_ih'), own('bias_hh')], hiddenSize),
  }
}

function skipsOf(start: string, suffix: string, tensors: SafetensorsFile['tensors']): number[] {
  const names = Object.keys(tensors).filter((name) => name.startsWith(start) && name.endsWith(suffix))
  return names.map((name) => Number(name.slice(start.length, -suffix.length)))
}

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
  biases: readonly (SafetensorsTensor | undefined)[],
  size: number,
): Record<string, number> {
  const given = biases.filter((bias) => bias !== undefined)
  if (given.length === 0) return {}
  return byGate(gates, (gate) => {
    let sum = 0
    for (const { data } of given) for (let i = 0; i < size; i++) sum += Number(data[gate * size + i])
    return sum / size
  })
}
